"""`python -m aggdist verify`: make runs anew and compare them with their committed records."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from aggdist import verify
from aggdist.experiment import RecordError, RunParameters, read_record
from aggdist.house.machine import one_at_a_time, thread_variables
from aggdist.house.terminal import HouseError, complain, duration, last_lines, say
from aggdist.house.verify_plan import Plan, Planned, make_plan

_CACHE = ".cache-"


def run(root: Path, args: argparse.Namespace) -> int:
    """Verify the chosen rows, one after the other; 1 unless every one of them is confirmed."""
    plan = make_plan(root, args.only)
    for text in plan.unreadable:
        complain(f"Not used for the spread over seeds: {text}")
    if args.list:
        _list(plan)
        return 0
    todo = [item for item in plan.rows if not item.problem]
    problems = {item.name: item.problem for item in plan.rows if item.problem}
    out: list[str] = []
    say(f"{len(todo)} of {len(plan.rows)} runs to make anew, one at a time; results/ is not touched.")
    build = root / "build"
    with one_at_a_time(build / "verify.lock", "verifies records"), tqdm(total=len(todo), unit="run") as bar:
        for item in todo:
            started = time.monotonic()
            try:
                compared = _verified(root, item, plan)
            except (HouseError, RecordError, OSError) as error:
                problems[item.name] = str(error)
                bar.write(f"{item.name}: FAILED in {duration(time.monotonic() - started)}")
            else:
                bar.write(_report(item, compared, time.monotonic() - started))
                if not all(row.good for row in compared):
                    out.append(item.name)
            bar.update()
    return _summary(len(plan.rows), out, problems)


def _list(plan: Plan) -> None:
    width = max(len(item.name) for item in plan.rows)
    for item in plan.rows:
        what = f"cannot be verified: {item.problem}" if item.problem else "to do"
        say(f"{item.name:<{width}}  {what}{''.join(f'; {note}' for note in item.notes)}")
    say("Spreads over seeds are measured on: " + "; ".join(group.title for group in plan.groups))


def _verified(root: Path, item: Planned, plan: Plan) -> list[verify.Compared]:
    assert item.record is not None
    fresh = make_anew(root, item.parameters)
    return verify.compare_records(item.record, read_record(fresh), plan.groups)


def make_anew(root: Path, parameters: RunParameters) -> Path:
    """The record of a run made now in a process of its own, which trains: its cache starts empty.

    Raises
    ------
    HouseError
        If that process fails; the message has its last lines.
    """
    folder = root / "build" / "verify"
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_CACHE}*"):  # by a process that was killed; there is one at a time
        shutil.rmtree(left)
    target, log = folder / f"{parameters.name}.json", folder / f"{parameters.name}.log"
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix=_CACHE, dir=folder) as cache, log.open("w") as stream:
        code = subprocess.run(
            [sys.executable, "-m", "aggdist.verify", json.dumps(asdict(parameters)), str(target)],
            cwd=root,
            env=os.environ | thread_variables(parameters.threads) | {"AGGDIST_CACHE": cache},
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code:
        ended = f"was stopped by signal {-code} (out of memory?)" if code < 0 else f"ended with code {code}"
        text = log.read_text(encoding="utf-8", errors="replace")
        raise HouseError(f"its process {ended}; the end of {log}:\n{last_lines(text, 12)}")
    return target


def _report(item: Planned, compared: Sequence[verify.Compared], seconds: float) -> str:
    bad = sum(not row.good for row in compared)
    assert item.record is not None
    result = f"{bad} of {len(compared)} quantities not confirmed" if bad else "confirmed"
    reference = item.record.get("nodes", {}).get("reference", "none")
    lines = [f"{item.name}: {result} in {duration(seconds)}; reference model {reference}"]
    lines += [f"  Note: {note}." for note in item.notes]
    rows = [("quantity", "committed", "now", "allowed", "verdict")] + [
        (row.title, _number(row.committed), _number(row.now), _difference(row.allowed), row.verdict)
        for row in compared
    ]
    width = [max(len(row[column]) for row in rows) for column in range(4)]
    lines += [
        f"  {a:<{width[0]}}  {b:>{width[1]}}  {c:>{width[2]}}  {d:>{width[3]}}  {e}" for a, b, c, d, e in rows
    ]
    spreads = dict.fromkeys(row.spread_of for row in compared if row.spread_of)
    times = f"{verify.DEVIATIONS:g} times the standard deviation over seeds"
    return "\n".join([*lines, *(f"  Allowed: {times} {spread}." for spread in spreads)])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _difference(value: float | None) -> str:
    return "-" if value is None else f"±{value:.2g}"


def _summary(total: int, out: Sequence[str], problems: dict[str, str]) -> int:
    confirmed = total - len(out) - len(problems)
    say(f"{confirmed} confirmed, {len(out)} not confirmed, {len(problems)} not compared.")
    for name in out:
        complain(f"  NOT CONFIRMED {name}: see its table above")
    for name, problem in problems.items():
        complain(f"  NOT COMPARED {name}: {problem}")
    return 1 if out or problems else 0
