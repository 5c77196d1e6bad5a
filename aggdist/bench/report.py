"""Measure everything, print the table, write it down, and say by the exit code whether an accuracy was missed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from aggdist.bench import accuracy, estimators, node_divergences, node_laws, start_up, timing
from aggdist.bench.figure import Figure
from aggdist.house.terminal import duration, say
from aggdist.paths import atomic_file
from aggdist.provenance import package_version, provenance

PEERS = ("numpy", "scipy", "openturns", "universal-divergence", "torch")
_WIDTH = 50


def run(root: Path) -> int:
    """The whole benchmark; 1 if an accuracy was missed."""
    started = time.monotonic()
    machine = describe_machine()
    for line in head(machine):
        say(line)
    reference = root / "tests" / "reference"
    parts: tuple[tuple[str, Callable[[], list[Figure]]], ...] = (
        ("reference tables", lambda: accuracy.reference_sums(reference)),
        ("large sums", lambda: accuracy.large_sums(reference)),
        ("closed forms", lambda: accuracy.closed_form_divergences(reference)),
        ("laws of output nodes", lambda: node_laws.figures(say)),
        ("divergences of output nodes", lambda: node_divergences.figures(reference)),
        ("divergences with fewer channels", node_divergences.by_channels),
        ("nearest neighbours", estimators.nearest_neighbour),
        ("gamma fits", estimators.gamma_fit),
        ("start-up", start_up.figures),
    )
    figures: list[Figure] = []
    for name, measure in parts:
        say(f"Measuring {name} ...")
        figures += measure()
    for line in [*table(figures), *conclusion(figures)]:
        say(line)
    target = root / "build" / "bench.json"
    write(target, machine | {"yardsticks_after": timing.yardsticks()}, figures)
    say(f"{duration(time.monotonic() - started)}; also in {target}")
    return 1 if any(figure.fails for figure in figures) else 0


def describe_machine() -> dict[str, Any]:
    """Versions, processor, load, and what the machine does with plain tasks at the moment."""
    described = provenance(threads=1)
    described["packages"] |= {name: version for name in PEERS if (version := package_version(name))}
    described["load"] = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return described | {"yardsticks": timing.yardsticks()}


def head(machine: dict[str, Any]) -> list[str]:
    """Lines about machine, versions and method."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    sticks = "; ".join(f"{name} {value:.3g}" for name, value in machine["yardsticks"].items())
    load = "unknown" if machine["load"] is None else f"{machine['load']:.1f}"
    return [
        f"Machine: {machine['processor']}, {machine['platform']}, {machine['cores']} cores, load {load}",
        f"Versions: Python {machine['python']}, {versions}; commit {machine['commit']}",
        f"Yardsticks: {sticks}",
        "Times: processor time of one thread, the least of many repetitions; start-up: wall clock. They hold for",
        "this machine and its load; ratios compare measurements of this one run. Only an error can fail.",
        "",
    ]


def table(figures: Sequence[Figure]) -> list[str]:
    """The figures under the names of their groups."""
    lines = ["", f"{'':{_WIDTH}} {'asked':>16} {'measured':>16}  verdict"]
    for group, members in groupby(figures, lambda figure: figure.group):
        lines.append(group)
        lines += [_line(figure) for figure in members]
    return lines


def _line(figure: Figure) -> str:
    bound = ">=" if figure.kind == "ratio" else "<="
    asked = "" if figure.asked is None else f"{bound} {figure.asked:g} {figure.unit}".rstrip()
    measured = f"{figure.measured:.3g} {figure.unit}".rstrip()
    if figure.kind == "ratio":
        measured = f"{figure.measured:.0f} {figure.unit}"
    return f"  {figure.name:{_WIDTH - 2}} {asked:>16} {measured:>16}  {figure.verdict}"


def conclusion(figures: Sequence[Figure]) -> list[str]:
    """How many were reached, and which were not."""
    judged = [figure for figure in figures if figure.asked is not None]
    lines = ["", f"{sum(figure.reached for figure in judged)} of {len(judged)} figures reached."]
    for figure in judged:
        if not figure.reached:
            weight = (
                "the benchmark fails" if figure.fails else "a time or ratio, which may be the machine's load"
            )
            lines.append(f"  not reached: {figure.group}: {figure.name} ({weight})")
    return lines


def write(target: Path, machine: dict[str, Any], figures: Sequence[Figure]) -> None:
    """The result as JSON."""
    content = machine | {"figures": [figure.as_json() for figure in figures]}
    with atomic_file(target) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
