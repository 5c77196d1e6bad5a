"""The effects behind the verdicts as one figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from aggdist.figures.findings import Finding

_TITLES = {
    "C1": ("C1: information kept by pooled features", (90.0,)),
    "C2": ("C2: gap of flattening less that of pooling", (0.0,)),
    "C3": ("C3: predictions changed, flattening less pooling", (0.0,)),
    "C7": ("C7: predicted less observed error", (-3.0, 3.0)),
}
"""Panels, and what values the claim is held against."""


def plot_effects(findings: Mapping[str, Sequence[Finding]]) -> None:
    """Mean and 95 % interval over seeds of effects on four of the claims, those of a claim's first unit."""
    shown = {claim: [f for f in findings[claim] if f.unit == findings[claim][0].unit] for claim in _TITLES}
    longest = max(map(len, shown.values()))
    _, axes = plt.subplots(2, 2, figsize=(8.4, 1.6 + 0.42 * longest))
    for ax, (claim, (title, lines)) in zip(axes.flat, _TITLES.items(), strict=True):
        _forest(ax, shown[claim])
        for line in lines:
            ax.axvline(line, color="black", linewidth=0.8, linestyle=":")
        ax.set_title(title, fontsize=9)
        ax.set_xlabel(shown[claim][0].unit, fontsize=9)
    plt.show()


def _forest(ax: Axes, found: Sequence[Finding]) -> None:
    for row, finding in enumerate(found):
        low, mean, high = (
            finding.factor * v for v in (finding.effect.low, finding.effect.mean, finding.effect.high)
        )
        colour = "#0072B2" if finding.supports else "#8c8c8c"
        ax.plot([low, high], [row, row], color=colour, linewidth=2)
        ax.plot(mean, row, "o" if finding.supports else "s", color=colour, markersize=5)
    ax.set_yticks(range(len(found)), [_label(finding) for finding in found], fontsize=8)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")


def _label(finding: Finding) -> str:
    """Dataset, and what tells findings of one dataset apart."""
    last = finding.what.rsplit(" ", 1)[-1]
    return f"{finding.title}, {last}" if finding.claim != "C7" else finding.title
