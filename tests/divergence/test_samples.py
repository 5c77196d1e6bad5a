"""The check of a sample."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.divergence.samples import checked_sample


def test_a_good_sample_comes_back_in_double_precision():
    assert checked_sample([1, 2], "x", 2).dtype == np.float64


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (3.0, r"x: got shape \(\), expected one axis"),
        ([[1.0, 2.0]], r"x: got shape \(1, 2\), expected one axis"),
        ([1.0], "x: got 1 values, expected at least 2"),
        ([1.0, np.nan], "x: got NaN or infinite values, expected finite ones; remove them first"),
        ([1.0, -np.inf], "x: got NaN or infinite values"),
    ],
)
def test_bad_samples(values, message):
    with pytest.raises(ValueError, match=message):
        checked_sample(values, "x", 2)
