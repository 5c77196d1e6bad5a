"""Figures that compare runs; they read nothing but records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from aggdist.figures.style import COLOURS, MARKERS, TITLES, use_style
from aggdist.figures.summary_records import Record, main_runs, pooling_title
from aggdist.figures.summary_statistics import INDEPENDENT
from aggdist.prediction import DEFAULT_MODEL

MAIN_MODELS = (INDEPENDENT, "normal", DEFAULT_MODEL)
"""Feature models that the main figure shows."""

_HOLLOW = "hollow: the estimate is saturated"
_INFINITE = "at the right edge: infinite"


@dataclass(frozen=True)
class ModelPoints:
    """One feature model in one panel: for each node the predicted divergence, and whether it is saturated."""

    model: str
    title: str
    predicted: tuple[float, ...]
    saturated: tuple[bool, ...]


@dataclass(frozen=True)
class Panel:
    """One run: for each node the observed divergence with its interval, and every model's predictions."""

    title: str
    observed: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    models: tuple[ModelPoints, ...]


def load_main_result(records: Iterable[Record]) -> list[Panel]:
    """The points of `plot_main_result`: one panel for each aggregation on Fashion-MNIST.

    Raises
    ------
    ValueError
        If there is no record of Fashion-MNIST.
    """
    runs = main_runs(records)
    if not runs:
        raise ValueError(
            "got no record of fashionmnist, expected at least one; make them with: "
            "python -m aggdist runs --only 'fashionmnist-*'"
        )
    return [_panel(record) for record in runs]


def _panel(record: Record) -> Panel:
    observed, models = record["nodes"]["observed"], record["nodes"]["models"]
    return Panel(
        _sentence_case(f"{pooling_title(record)} pooling"),
        _floats(observed["raw"]),
        _floats(observed["raw_low"]),
        _floats(observed["raw_high"]),
        tuple(
            ModelPoints(
                name, TITLES[name], _floats(models[name]["kl"]), tuple(map(bool, models[name]["saturated"]))
            )
            for name in MAIN_MODELS
        ),
    )


def plot_main_result(panels: Sequence[Panel]) -> Figure:
    """Predicted against observed divergence of every output node, one panel for each aggregation.

    Logarithmic axes, the same in all panels; on the diagonal the prediction is perfect.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(0.6 + 3.1 * len(panels), 4.2), sharex=True, sharey=True, squeeze=False
    )
    (x_low, x_high), y_ends = _x_ends(panels), _y_ends(panels)
    both = np.array([min(x_low, y_ends[0]), max(x_high, y_ends[1])])
    for panel, ax in zip(panels, axes.flat, strict=True):
        ax.set(xscale="log", yscale="log", title=panel.title, xlim=(x_low, x_high), ylim=y_ends)
        ax.plot(both, both, color="black", linewidth=1, zorder=0)
        for points in panel.models:
            _draw(ax, panel, points, x_high)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FormatStrFormatter("%g"))
            axis.set_minor_formatter(NullFormatter())
    figure.supxlabel("predicted KL (in || out), nats", fontsize=11)
    axes[0, 0].set_ylabel("observed KL, nats")
    _legend(figure, panels)
    return figure


def _draw(ax: Axes, panel: Panel, points: ModelPoints, right: float) -> None:
    predicted, saturated = np.array(points.predicted), np.array(points.saturated)
    observed, low, high = (np.array(v) for v in (panel.observed, panel.low, panel.high))
    colour, finite = COLOURS[points.model], np.isfinite(predicted)
    x = np.where(finite, predicted, right)
    ax.vlines(x, np.maximum(low, ax.get_ylim()[0]), high, color=colour, linewidth=1, alpha=0.6)
    for chosen, fill in ((~saturated, colour), (saturated, "white")):
        for mask, marker in ((chosen & finite, MARKERS[points.model]), (chosen & ~finite, ">")):
            if mask.any():  # an empty line that is not clipped has no extent, and no layout
                style: Any = {"color": colour, "markerfacecolor": fill, "clip_on": marker != ">"}
                ax.plot(x[mask], observed[mask], marker, **style)


def _x_ends(panels: Sequence[Panel]) -> tuple[float, float]:
    every = np.array([v for panel in panels for points in panel.models for v in points.predicted])
    return _padded(every[np.isfinite(every)])


def _y_ends(panels: Sequence[Panel]) -> tuple[float, float]:
    return _padded(np.array([v for panel in panels for v in (*panel.low, *panel.high)]))


def _padded(values: np.ndarray) -> tuple[float, float]:
    # An estimate may fall below 0, where a logarithmic axis ends.
    positive = values[values > 0]
    return float(positive.min() / 1.25), float(positive.max() * 1.25)


def _legend(figure: Figure, panels: Sequence[Panel]) -> None:
    every = [points for panel in panels for points in panel.models]
    titles = {points.model: points.title for points in every}
    handles = [
        Line2D([], [], linestyle="", marker=MARKERS[name], color=COLOURS[name], label=title)
        for name, title in titles.items()
    ]
    grey: Any = {"linestyle": "", "color": "#555555"}
    if any(any(points.saturated) for points in every):
        handles.append(Line2D([], [], marker="o", markerfacecolor="white", label=_HOLLOW, **grey))
    if any(np.isinf(points.predicted).any() for points in every):
        handles.append(Line2D([], [], marker=">", label=_INFINITE, **grey))
    handles.append(Line2D([], [], color="black", linewidth=1, label="perfect prediction"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)


def main_result_digest(panels: Sequence[Panel]) -> str:
    """SHA-256 of what the main figure shows and of the code that draws it; stored in the drawn file.

    A drawing differs between versions of matplotlib, so a file is compared by this and not by its bytes.
    """
    total = hashlib.sha256(json.dumps([asdict(panel) for panel in panels]).encode())
    for name in ("summary_figures.py", "style.py", "aggdist.mplstyle"):
        source = (files("aggdist.figures") / name).read_bytes()
        total.update(source.replace(b"\r\n", b"\n"))
    return total.hexdigest()


def draw_main_result(panels: Sequence[Panel], path: Path, kind: Literal["svg", "pdf"] = "svg") -> None:
    """Write the main figure to `path`; its title and, in an SVG, its digest are in the file's metadata."""
    metadata: dict[str, str | None] = {"Title": "Predicted and observed KL divergence of output nodes"}
    if kind == "svg":
        metadata |= {"Date": None, "Identifier": main_result_digest(panels)}
    else:
        metadata |= {"CreationDate": None}
    with plt.rc_context():
        use_style()
        figure = plot_main_result(panels)
        figure.savefig(path, format=kind, bbox_inches="tight", metadata=metadata)
        plt.close(figure)


def _floats(values: Iterable[Any]) -> tuple[float, ...]:
    """Numbers of a record, where an infinite one is stored as the word."""
    return tuple(float(v) for v in values)


def _sentence_case(text: str) -> str:
    return text[0].upper() + text[1:]
