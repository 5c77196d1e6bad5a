"""Checks of the principal equations, keyed by their permanent tag ('T4.2' in theory, 'E1.3' in experiment).

A chapter calls `check("T4.2")` beside the equation: the state is printed there, and a failure stops the run
and so the build. The tests run the same registry.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from aggdist.equations.readable import readable

_TAG = re.compile(r"([TE])(\d{1,2})\.(\d{1,2})")


class EquationError(AssertionError):
    """A principal equation does not hold within its tolerance."""


@dataclass(frozen=True)
class Evidence:
    """What one check found.

    Attributes
    ----------
    error : float
        Largest deviation found, in the measure that `detail` names. For an inequality: by how much it is
        violated (0 where it holds).
    tolerance : float
        Largest deviation allowed.
    detail : str
        The two routes that were compared, and where.
    """

    error: float
    tolerance: float
    detail: str

    @property
    def holds(self) -> bool:
        """Whether the error is a number within the tolerance (NaN never is)."""
        return math.isfinite(self.error) and self.error <= self.tolerance


@dataclass(frozen=True)
class Equation:
    """A principal equation: its permanent tag, statement, chapter, and the function that checks it."""

    tag: str
    statement: str
    chapter: str
    run: Callable[[], Evidence]

    @property
    def anchor(self) -> str:
        """Anchor of the check on its page."""
        return "check-" + self.tag.lower().replace(".", "-")


@dataclass(frozen=True)
class CheckResult:
    """A check that has held; shown on the page beside the equation."""

    equation: Equation
    evidence: Evidence

    def __str__(self) -> str:
        e = self.evidence
        return (
            f"{self.equation.tag} holds: {self.equation.statement} "
            f"(error {e.error:.1e}, allowed {e.tolerance:.0e}; {e.detail})"
        )

    def _repr_html_(self) -> str:
        e = self.evidence
        return (
            f'<div class="equation-check holds" id="{self.equation.anchor}" '
            f'data-error="{e.error:.1e}" data-allowed="{e.tolerance:.0e}">'
            f"<strong>{self.equation.tag} holds.</strong> {readable(self.equation.statement)}. "
            f'<span class="equation-check-detail">Error {e.error:.1e}, allowed {e.tolerance:.0e}: '
            f"{html.escape(e.detail)}.</span></div>"
        )


_EQUATIONS: dict[str, Equation] = {}


def _place(tag: str) -> tuple[int, int, int]:
    kind, item, number = re.findall(_TAG, tag)[0]
    return "TE".index(kind), int(item), int(number)


def equation(
    tag: str, statement: str, *, chapter: str
) -> Callable[[Callable[[], Evidence]], Callable[[], Evidence]]:
    """Register a function without arguments as the check of the principal equation `tag`."""
    if not _TAG.fullmatch(tag):
        raise ValueError(f"tag: got {tag!r}, expected an item and a number, such as 'T4.2'")

    def register(run: Callable[[], Evidence]) -> Callable[[], Evidence]:
        if tag in _EQUATIONS:
            raise ValueError(f"tag: {tag} is taken by {_EQUATIONS[tag].run.__qualname__}; tags are permanent")
        _EQUATIONS[tag] = Equation(tag, statement, chapter, run)
        return run

    return register


def equations() -> dict[str, Equation]:
    """All principal equations by tag: theory first, each in the order of items and numbers."""
    return dict(sorted(_EQUATIONS.items(), key=lambda item: _place(item[0])))


def check(tag: str) -> CheckResult:
    """Run the check of one principal equation.

    Raises
    ------
    KeyError
        If there is no such tag.
    EquationError
        If the equation does not hold within its tolerance; this stops a notebook, and with it the book.
    """
    if tag not in _EQUATIONS:
        raise KeyError(f"no principal equation {tag!r}; there are {', '.join(equations())}")
    known = _EQUATIONS[tag]
    evidence = known.run()
    if not evidence.holds:
        raise EquationError(
            f"{tag} does not hold: {known.statement}. Got an error of {evidence.error:.3e}, expected at most "
            f"{evidence.tolerance:.1e} ({evidence.detail}); see {known.run.__module__}.{known.run.__qualname__}"
        )
    return CheckResult(known, evidence)


def absolute_error(got: ArrayLike, expected: ArrayLike) -> float:
    """Largest absolute difference; NaN if any value is NaN."""
    return float(np.max(np.abs(np.asarray(got) - np.asarray(expected))))


def relative_error(got: ArrayLike, expected: ArrayLike) -> float:
    """Largest difference relative to the expected value, which must not be 0."""
    expected = np.asarray(expected)
    return float(np.max(np.abs(np.asarray(got) - expected) / np.abs(expected)))


def violation(smaller: ArrayLike, larger: ArrayLike) -> float:
    """By how much `smaller <= larger` is violated at worst; 0 where it holds everywhere."""
    gap = np.max(np.asarray(smaller, float) - np.asarray(larger, float))
    return float(gap) if not gap <= 0 else 0.0
