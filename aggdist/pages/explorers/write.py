"""Writes the explorers into `book/_generated/explorers/`: panels, sentences with numbers, figures and data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from aggdist.figures.style import COLOURS, TITLES, use_style
from aggdist.pages.explorers.node_table import node_table
from aggdist.pages.explorers.panel import panel
from aggdist.pages.explorers.pooling_table import place, pooling_table

FOLDER = "explorers"
_SHOWN = (0.1, 1.0, 16)


def write_explorers(root: Path, folder: Path) -> None:
    """Write all parts of the two pages.

    Parameters
    ----------
    root : Path
        The repository, whose committed records the node explorer shows.
    folder : Path
        Of generated parts.
    """
    to = folder / FOLDER
    to.mkdir(parents=True, exist_ok=True)
    records = [json.loads(path.read_text("utf-8")) for path in sorted((root / "results").glob("*.json"))]
    _write_pooling(to, pooling_table())
    _write_nodes(to, node_table(records))


def _write_pooling(to: Path, table: dict[str, Any]) -> None:
    q, a, positions = _SHOWN
    what = f"q = {q:g}, a = {a:g}, N = {positions} and scales 1 and {table['factors'][0]:g}"
    _save(to / "pooling.svg", _pooling_figure(table))
    alt = f"Densities of a pooled feature in two classes, one panel for each pooling, at {what}."
    caption = f"The explorer at {what}; dashed: class 1. The explorer itself needs JavaScript and a screen."
    _save(to / "pooling.json", table)
    text = panel("pooling", "Pooling explorer", table, f"../_generated/{FOLDER}/pooling.svg", alt, caption)
    _save(to / "pooling_panel.md", text)
    _save(to / "pooling_try.md", pooling_tries(table))


def pooling_tries(table: dict[str, Any]) -> str:
    """What to try with the pooling explorer, and what one will see."""

    def shown(pooling: str, q: float, positions: int, key: str) -> Any:
        return table["entries"][place(pooling, q, 1.0, positions)][key]

    few, many = table["N"][1], table["N"][-1]
    eta = {(name, n): shown(name, 0.05, n, "eta")[1] for name in ("avg", "max") for n in (few, many)}
    return (
        f"- **Which pooling keeps more?** Set q = 0.05, a = 1 and scale {table['factors'][1]:g}. At N = {few} the "
        f"average keeps η = {eta['avg', few]:g} and the maximum {eta['max', few]:g}; at N = {many}, "
        f"{eta['avg', many]:g} and {eta['max', many]:g}.\n"
        f"- **Does R depend on N?** Choose the average with a = 1: R is {shown('avg', 0.02, few, 'R'):g} at q = 0.02 "
        f"and {shown('avg', 0.9, few, 'R'):g} at q = 0.9, whatever N is. Of the maximum, at q = 0.05, it is "
        f"{shown('max', 0.05, few, 'R'):g} at N = {few} and {shown('max', 0.05, many, 'R'):g} at N = {many}.\n"
        f"- **Where does the atom go?** At q = 0.02 the pooled feature is 0 with probability "
        f"{shown('avg', 0.02, few, 'atom'):g} at N = {few} and {shown('avg', 0.02, many, 'atom'):g} at N = {many}, for "
        "every pooling.\n"
    )


def _pooling_figure(table: dict[str, Any]) -> Figure:
    use_style()
    figure, axes = plt.subplots(1, len(table["poolings"]), figsize=(8.6, 3.0))
    factor = table["factors"][0]
    for (name, title), ax in zip(table["poolings"].items(), axes, strict=True):
        entry = table["entries"][place(name, *_SHOWN)]
        z = entry["end"] * np.arange(1, table["points"] + 1) / table["points"]
        density = np.array(entry["density"]) * entry["peak"] / table["top"]
        ax.plot(z, density, "--", color=COLOURS["in class"], label="class 1")
        ax.plot(factor * z, density / factor, color=COLOURS["out of class"], label="class 2")
        ax.set(title=title, xlabel="Z")
    axes[0].set_ylabel("density")
    axes[0].legend()
    return figure


def _write_nodes(to: Path, table: dict[str, Any]) -> None:
    run = table["runs"][0]
    node, model = run["nodes"][0], next(iter(table["models"]))
    where = f"node “{node['name']}” of {run['title']}"
    _save(to / "nodes.svg", _node_figure(table, node, model))
    alt = f"Observed histograms and predicted densities of {where}, in class and out of class."
    caption = (
        f"The explorer at {where}; lines: {TITLES[model]}. The explorer itself needs JavaScript and a screen."
    )
    _save(to / "nodes.json", table)
    _save(
        to / "nodes_panel.md",
        panel("nodes", "Node explorer", table, f"../_generated/{FOLDER}/nodes.svg", alt, caption),
    )
    _save(to / "nodes_try.md", node_tries(table))


def node_tries(table: dict[str, Any]) -> str:
    """What to try with the node explorer, and what one will see."""
    every = [(run, node) for run in table["runs"] for node in run["nodes"]]
    clear = [pair for pair in every if not pair[1]["saturated"]] or every
    (run, node), (hard_run, hard) = (f(clear, key=lambda p: p[1]["observed"]["auc"]) for f in (max, min))
    lines = [
        _sentence("The best separated node whose estimate is not saturated", run, node, table),
        _sentence("The least separated one", hard_run, hard, table),
    ]
    saturated = sum(node["saturated"] for _, node in every)
    lines.append(
        f"- **Where counting ends.** Of the {len(every)} nodes of {len(table['runs'])} runs, {saturated} are saturated"
        ": their classes are so far apart that no estimate from so few images can tell how far."
    )
    return "\n".join(lines) + "\n"


def _sentence(title: str, run: dict[str, Any], node: dict[str, Any], table: dict[str, Any]) -> str:
    predicted = ", ".join(
        f"{node['models'][name]['kl']} ({text})"
        for name, text in table["models"].items()
        if name in node["models"]
    )
    return (
        f"- **{title}** is “{node['name']}” of {run['title']}: observed {node['observed']['raw']:g} nats, area under "
        f"the curve {node['observed']['auc']:g}; predicted {predicted}."
    )


def _node_figure(table: dict[str, Any], node: dict[str, Any], model: str) -> Figure:
    use_style()
    figure, ax = plt.subplots(figsize=(6.4, 3.4))
    unit = node["peak"] / table["top"]
    for side, where in (("in", "in class"), ("out", "out of class")):
        seen, curve = (np.array(v[side]) * unit for v in (node["observed"], node["models"][model]))
        (low, high), (first, last) = node["span"], node["grid"]
        edges = np.linspace(low, high, len(seen) + 1)
        ax.stairs(seen, edges, fill=True, color=COLOURS[where], alpha=0.28)
        ax.plot(np.linspace(first, last, len(curve)), curve, color=COLOURS[where], label=where)
    ax.set(xlabel="value of the output node", ylabel="density")
    ax.legend()
    return figure


def _save(path: Path, what: str | dict[str, Any] | Figure) -> None:
    if isinstance(what, Figure):
        what.savefig(path, bbox_inches="tight", metadata={"Date": None})
        plt.close(what)
        return
    text = what if isinstance(what, str) else json.dumps(what, separators=(",", ":"), allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")
