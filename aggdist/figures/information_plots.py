"""Figures and tables of chapter T11."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from aggdist.aggregation.information_efficiency import average_limit, best_power, information_efficiency
from aggdist.distributions import ZeroInflatedGamma
from aggdist.figures.heads import AGGREGATING, Record, by_dataset, head_style, head_title
from aggdist.figures.information_findings import ASSUMPTIONS, PAIRS, accuracy_lead, mean_lead
from aggdist.figures.summary_results import table
from aggdist.runs import DATASET_TITLES

Array = NDArray[np.float64]
ASSUMPTION_TITLES = {
    "independent": "$N$ independent positions",
    "effective": "$N_{eff}$ independent positions",
    "dependent": "positions as dependent as measured",
}
_POSITIONS = 49


def exponentials(active: ArrayLike, scale: ArrayLike) -> ZeroInflatedGamma:
    """Zero-inflated exponentials, batch shape (R,)."""
    q, theta = np.broadcast_arrays(np.asarray(active, float), np.asarray(scale, float))
    return ZeroInflatedGamma(q.ravel(), np.ones(q.size), theta.ravel())


def plot_growth(pairs: Sequence[tuple[tuple[float, float], tuple[float, float]]]) -> None:
    """eta against the number of positions, a panel for each pair of classes (q, theta)."""
    positions = np.array([1, 2, 4, 9, 16, 36, 64, 121, 225])
    first, second = (exponentials(*np.array([pair[i] for pair in pairs]).T) for i in (0, 1))
    limit = average_limit(first, second)
    found = {
        name: np.array([information_efficiency(first, second, int(n), name) for n in positions])
        for name in AGGREGATING
    }
    _, axes = plt.subplots(1, len(pairs), figsize=(8.4, 3.4), sharey=True)
    for place, (ax, ((q1, t1), (q2, t2))) in enumerate(zip(axes, pairs, strict=True)):
        for name, eta in found.items():
            ax.plot(positions, eta[:, place], label=head_title(name), **_line(name))
        ax.axhline(limit[place], color="#767676", linestyle=":", linewidth=1)
        ax.set(
            xscale="log",
            xlabel="positions $N$",
            title=f"$q$: {q1:g}, {q2:g}; $\\theta$: {t1:g}, {t2:g}",
            ylim=(0, 1.02),
        )
    axes[0].set_ylabel(r"information kept, $\eta$")
    axes[0].legend(fontsize=9)
    plt.show()


def _line(name: str) -> dict[str, object]:
    style = head_style(name)
    style.pop("capsize")
    return style


def pooling_map(active: Array, ratio: Array, kind: str) -> dict[str, Array]:
    """eta of the three poolings for 49 positions on a grid, arrays (len(ratio), len(active)).

    Parameters
    ----------
    active : array
        q of the second class.
    ratio : array
        Of the first class to the second: of the scales (kind "size") or of the odds of firing (kind "rate").
    kind : str
    """
    q2, r = np.meshgrid(active, ratio)
    odds = q2 / (1 - q2) * (r if kind == "rate" else 1.0)
    first = exponentials(odds / (1 + odds), r if kind == "size" else 1.0)
    second = exponentials(q2, 1.0)
    return {n: information_efficiency(first, second, _POSITIONS, n).reshape(r.shape) for n in AGGREGATING}


def plot_map(cells: int = 13) -> None:
    """Which pooling keeps most, and how much the average keeps, for 49 positions."""
    active = np.geomspace(0.01, 0.6, cells)
    ratios = {"size": np.geomspace(1.1, 2.2, cells), "rate": np.geomspace(1.15, 4.0, cells)}
    _, axes = plt.subplots(1, 2, figsize=(8.4, 4.2))
    for ax, (kind, ratio) in zip(axes, ratios.items(), strict=True):
        found = pooling_map(active, ratio, kind)
        best = np.argmax([found[name] for name in AGGREGATING], axis=0)
        colours = [head_style(name)["color"] for name in AGGREGATING]
        ax.pcolormesh(
            active, ratio, best, cmap=_cmap(colours), vmin=-0.5, vmax=2.5, alpha=0.35, shading="nearest"
        )
        lines = ax.contour(
            active,
            ratio,
            found["avg"],
            levels=[0.35, 0.5, 0.6, 0.7, 0.8, 0.9],
            colors="#404040",
            linewidths=0.8,
        )
        ax.clabel(lines, fontsize=8)
        ax.contour(active, ratio, found["avg"] - found["max"], levels=[0.0], colors="black", linewidths=2)
        what = r"ratio of sizes $\theta_1/\theta_2$" if kind == "size" else "ratio of the odds of firing"
        ax.set(xscale="log", yscale="log", xlabel="activity $q$ of the second class", ylabel=what)
        ax.set_title("classes differ in size" if kind == "size" else "classes differ in how often they fire")
        ax.set_yticks([1.2, 1.5, 2.0] if kind == "size" else [1.5, 2, 3, 4], minor=False)
        ax.get_yaxis().set_major_formatter(lambda value, _: f"{value:g}")
        ax.minorticks_off()
    handles = [Rectangle((0, 0), 1, 1, color=head_style(n)["color"], alpha=0.35) for n in AGGREGATING]
    axes[0].legend(
        handles, [head_title(n) for n in AGGREGATING], fontsize=9, title="keeps most", loc="lower left"
    )
    plt.show()


def _cmap(colours: list[str]) -> object:
    from matplotlib.colors import ListedColormap

    return ListedColormap(colours)


def plot_best_power() -> None:
    """The power of the generalised mean that keeps most, against activity, for classes that differ in size."""
    active = np.geomspace(0.005, 0.9, 14)
    _, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6))
    for ratio, colour, line in ((1.3, "#0072B2", "-"), (2.0, "#D55E00", "--")):
        powers, eta = best_power(
            exponentials(active, np.full(14, ratio)), exponentials(active, np.ones(14)), _POSITIONS
        )
        left.plot(
            active,
            powers,
            color=colour,
            linestyle=line,
            marker="o",
            markersize=3,
            label=f"$\\theta$ ratio {ratio:g}",
        )
        right.plot(active, eta.max(axis=0) - eta[0], color=colour, linestyle=line, marker="o", markersize=3)
    left.set(xscale="log", xlabel="activity $q$ of both classes", ylabel="best power $p$", ylim=(0.5, 10.5))
    right.set(
        xscale="log",
        xlabel="activity $q$ of both classes",
        ylabel=r"$\eta$ at the best $p$ less $\eta$ of the average",
    )
    left.legend(fontsize=9)
    plt.show()


def plot_measured(records: Sequence[Record]) -> None:
    """Measured against predicted class information, a mark for each trunk and pooling, by assumption."""
    _, axes = plt.subplots(1, 3, figsize=(8.4, 3.6), sharex=True, sharey=True)
    for ax, assumption in zip(axes, ASSUMPTIONS, strict=True):
        for name in AGGREGATING:
            trunks = [t for record in records for t in record["trunks"].values()]
            x = [t["predicted"][assumption][name] for t in trunks]
            y = [t["measured"][name] for t in trunks]
            style = _line(name) | {"linestyle": ""}
            ax.plot(x, y, label=head_title(name), alpha=0.7, **style)
        ends = np.array(ax.get_xlim())
        ax.plot([0, 1.6], [0, 1.6], color="black", linewidth=0.8)
        ax.set(xlabel="predicted, nats", xlim=(0, max(1.0, ends[1])))
        ax.set_title(ASSUMPTION_TITLES[assumption], fontsize=9)
    axes[0].set_ylabel("measured, nats")
    axes[0].legend(fontsize=9)
    plt.show()


def agreement_table(records: Sequence[Record]) -> str:
    """By dataset and pair: the lead in measured and predicted information, per cent, and in test accuracy, points."""
    header = [
        "Dataset",
        "Pair",
        "Measured, %",
        "$N$ independent",
        "$N_{eff}$",
        "dependent",
        "Accuracy, points",
    ]
    rows = []
    for dataset, group in by_dataset(records).items():
        for pair in PAIRS:
            leads = [mean_lead(group, "predicted", pair, a) for a in ASSUMPTIONS]
            cells = [mean_lead(group, "measured", pair), *leads, accuracy_lead(group, pair)]
            title = f"{head_title(pair[0])} less {head_title(pair[1])}"
            rows.append([DATASET_TITLES[dataset], title, *(f"{100 * v:+.1f}" for v in cells)])
    return table(header, rows, left=2)
