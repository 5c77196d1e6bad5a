"""What counts as reached, and what makes the benchmark fail."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.bench.figure import Figure


@pytest.mark.parametrize(
    ("kind", "measured", "asked", "verdict", "fails"),
    [
        ("error", 1e-14, 1e-13, "reached", False),
        ("error", 2e-13, 1e-13, "MISSED", True),
        ("error", np.nan, 1e-13, "MISSED", True),
        ("error", 5.0, None, "reported", False),
        ("time", 99.0, 100.0, "reached", False),
        ("time", 101.0, 100.0, "slower", False),
        ("ratio", 60.0, 50.0, "reached", False),
        ("ratio", 40.0, 50.0, "below", False),
    ],
)
def test_verdicts(kind, measured, asked, verdict, fails):
    figure = Figure("group", "name", measured, asked, kind, "ms")
    assert figure.verdict == verdict
    assert figure.fails == fails
    assert figure.as_json()["verdict"] == verdict
