"""What studies found, as numbers with intervals over seeds: the rows of the table of claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from aggdist.runs import DATASET_TITLES

Verdict = Literal["holds", "holds with conditions", "not seen"]
LEAST_SEEDS = 3


@dataclass(frozen=True)
class SeedInterval:
    """Mean over seeds with a 95 % interval of Student's t (normal seeds; with three seeds it is wide)."""

    mean: float
    low: float
    high: float
    seeds: int

    def text(self, unit: str = "", digits: int = 1, factor: float = 1.0) -> str:
        """As "1.2 (0.9 to 1.5) %": the numbers times `factor`, then the unit."""
        mean, low, high = (f"{factor * v:.{digits}f}" for v in (self.mean, self.low, self.high))
        return f"{mean} ({low} to {high}){' ' + unit if unit else ''}"


def seed_interval(values: Sequence[float]) -> SeedInterval:
    """The interval of one number measured with several seeds.

    Raises
    ------
    ValueError
        For fewer than three values, or one that is not finite.
    """
    given = np.asarray(values, float)
    if given.ndim != 1 or given.size < LEAST_SEEDS or not np.all(np.isfinite(given)):
        raise ValueError(f"got {given}, expected finite numbers of at least {LEAST_SEEDS} seeds")
    half = stats.t.ppf(0.975, given.size - 1) * given.std(ddof=1) / np.sqrt(given.size)
    return SeedInterval(
        float(given.mean()), float(given.mean() - half), float(given.mean() + half), given.size
    )


@dataclass(frozen=True)
class Finding:
    """One row of evidence for a claim of the abstract.

    Attributes
    ----------
    claim
        "C1" to "C7".
    dataset
        Its name in aggdist.
    what
        What the effect is, in words ("accuracy lost by a shift of 4 pixels, flattening minus average").
    effect
        Over seeds.
    unit, factor, digits
        How it is printed: the numbers times `factor`, with so many digits.
    supports
        Whether the interval as a whole lies on the side that the claim says.
    figure
        Label of the figure that shows it ("fig-t12-shift").
    chapter
        The page of that figure, seen from the book's root ("theory/12_spatial_invariance").
    records
        Names of the records it was computed from.
    """

    claim: str
    dataset: str
    what: str
    effect: SeedInterval
    unit: str
    factor: float
    digits: int
    supports: bool
    figure: str
    chapter: str
    records: tuple[str, ...]

    @property
    def title(self) -> str:
        """The dataset as figures and tables call it."""
        return DATASET_TITLES[self.dataset]

    def text(self) -> str:
        """The effect as it is printed: mean, interval and unit."""
        return self.effect.text(self.unit, self.digits, self.factor)


def verdict(findings: Sequence[Finding]) -> Verdict:
    """All findings support the claim, some, or none."""
    if not findings:
        raise ValueError("got no findings, expected at least one")
    good = sum(finding.supports for finding in findings)
    if good == len(findings):
        return "holds"
    return "holds with conditions" if good else "not seen"
