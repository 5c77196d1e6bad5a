"""One figure of the benchmark: what was asked, what was measured, and whether that suffices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """A number that was measured.

    Attributes
    ----------
    group, name : str
        What it belongs to, and what it is.
    measured : float
        An error, a time or a ratio.
    asked : float or None
        At most this for errors and times, at least this for ratios; None where it is only reported.
    kind : str
        "error", "time" or "ratio". Only an error can make the benchmark fail.
    unit : str
        Printed after the numbers.
    """

    group: str
    name: str
    measured: float
    asked: float | None
    kind: Literal["error", "time", "ratio"]
    unit: str = ""

    @property
    def reached(self) -> bool:
        """Whether it is as good as asked; NaN never is."""
        if self.asked is None:
            return True
        return self.measured >= self.asked if self.kind == "ratio" else self.measured <= self.asked

    @property
    def fails(self) -> bool:
        """Whether the benchmark has to fail because of it."""
        return self.kind == "error" and not self.reached

    @property
    def verdict(self) -> str:
        """One word for the table."""
        if self.asked is None:
            return "reported"
        if self.reached:
            return "reached"
        return "MISSED" if self.kind == "error" else "slower" if self.kind == "time" else "below"

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return {
            "group": self.group,
            "name": self.name,
            "asked": self.asked,
            "measured": self.measured,
            "unit": self.unit,
            "kind": self.kind,
            "verdict": self.verdict,
        }
