"""The numbers of the explorers are those of the library, to the digits that they are stored with."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from aggdist.aggregation import pooled_law
from aggdist.distributions import ZeroInflatedGamma, skewness_ratio
from aggdist.pages.explorers import pooling_table as table


@pytest.fixture(scope="module")
def numbers():
    return table.pooling_table()


@pytest.mark.parametrize(
    ("pooling", "active", "shape", "positions"),
    [("avg", 0.1, 1.0, 16), ("max", 0.4, 2.0, 49), ("avg", 0.9, 0.5, 4)],
)
def test_an_entry_is_what_the_library_says(numbers, pooling, active, shape, positions):
    entry = numbers["entries"][table.place(pooling, active, shape, positions)]
    law = pooled_law(ZeroInflatedGamma(active, shape, 1.0), positions, pooling)
    assert_allclose(entry["mean"], law.mean(), rtol=1e-3)
    assert_allclose(entry["R"], skewness_ratio(law), rtol=1e-3, atol=1e-4)
    assert_allclose(entry["atom"], (1 - active) ** positions, rtol=1e-3)
    at = entry["end"] * np.arange(1, table.POINTS + 1) / table.POINTS
    density = np.array(entry["density"]) * entry["peak"] / table.TOP
    assert_allclose(density, law.pdf(at), atol=2e-3 * entry["peak"])


def test_the_generalised_mean_lies_between_average_and_maximum(numbers):
    at = (0.2, 1.0, 49)
    means = [numbers["entries"][table.place(name, *at)]["mean"] for name in ("avg", "gem", "max")]
    assert means == sorted(means)


def test_every_entry_is_whole_and_the_table_is_small(numbers):
    grid = len(table.POOLINGS) * len(table.ACTIVE) * len(table.SHAPES) * len(table.POSITIONS)
    assert len(numbers["entries"]) == grid
    text = json.dumps(numbers, allow_nan=False)
    assert len(text) < 700_000
    for entry in numbers["entries"]:
        assert all(0 < kept <= 1 + 1e-6 for kept in entry["eta"])
        assert all(nats > 0 for nats in entry["kl"])
        assert max(entry["density"]) == table.TOP


def test_a_value_off_the_grid_is_told_what_there_is():
    with pytest.raises(ValueError, match=r"q: got 0\.3, expected one of 0\.02, 0\.05"):
        table.place("avg", 0.3, 1.0, 16)
