"""How many independent positions a maximum is worth, from probabilities and from maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.aggregation import (
    MaximumLaw,
    maximum_effective_positions,
    observed_maximum_positions,
    pool,
)
from aggdist.distributions import ZeroInflatedGamma

ACTIVATION = ZeroInflatedGamma(np.array([0.3, 0.8]), np.array(1.0), np.array(1.0))


@given(st.integers(1, 1000), st.floats(0.9, 0.999))
def test_independent_positions_count_fully(n, below):
    assert maximum_effective_positions(below**n, below) == pytest.approx(n, rel=1e-9)


def test_it_inverts_the_law_of_the_maximum():
    z = np.array([0.5, 1.0, 4.0])[:, None]
    law = MaximumLaw(ACTIVATION, np.array(25))
    found = maximum_effective_positions(law.cdf(z), ACTIVATION.cdf(z))
    assert found == pytest.approx(np.full((3, 2), 25.0), rel=1e-9)


def test_maps_of_independent_positions():
    rng = np.random.default_rng(70)
    maps = np.moveaxis(ACTIVATION.sample(rng, (4000, 3, 4)), -1, 1)
    levels = np.quantile(pool(maps, "max"), [0.1, 0.5, 0.9], axis=0)
    found = observed_maximum_positions(maps, levels)
    assert found.value.shape == found.standard_error.shape == (3, 2)
    assert np.all(np.abs(found.value - 12) < 4.5 * found.standard_error)
    assert np.all(found.standard_error < 1.2)


def test_equal_positions_are_one():
    maps = np.repeat(np.random.default_rng(71).random((300, 2, 1)), 9, axis=2)
    found = observed_maximum_positions(maps, np.array([[0.2], [0.7]]))
    assert found.value == pytest.approx(np.ones((2, 2)))
    assert found.standard_error == pytest.approx(np.zeros((2, 2)), abs=1e-12)


def test_the_standard_error_is_that_of_repeated_samples():
    rng = np.random.default_rng(72)
    gain = rng.gamma(4.0, 0.25, (200, 400, 1, 1))
    maps = gain * ACTIVATION[:1].sample(rng, (200, 400, 16)).transpose(0, 1, 3, 2)
    level = np.array([[2.5]])
    found = [observed_maximum_positions(m, level) for m in maps]
    spread = np.std([f.value[0, 0] for f in found], ddof=1)
    assert np.mean([f.standard_error[0, 0] for f in found]) == pytest.approx(spread, rel=0.2)


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"maximum_cdf: got 0\.0, expected a probability strictly between"):
        maximum_effective_positions([0.5, 0.0], 0.9)
    with pytest.raises(ValueError, match=r"activation_cdf: got 1\.0, expected a probability strictly"):
        maximum_effective_positions(0.5, 1.0)
    maps = np.random.default_rng(73).random((5, 2, 9))
    with pytest.raises(ValueError, match=r"maximum_cdf: got 1\.0"):
        observed_maximum_positions(maps, [[2.0]])
    with pytest.raises(ValueError, match=r"maps: got shape \(5, 2\), expected \(n >= 2, C, \*positions\)"):
        observed_maximum_positions(maps[..., 0], [[0.5]])
    with pytest.raises(ValueError, match=r"levels: got shape \(2,\), expected \(L, 2\) or \(L, 1\)"):
        observed_maximum_positions(maps, [0.5, 0.6])
    with pytest.raises(ValueError, match=r"maps: got nan, expected a finite number"):
        observed_maximum_positions(np.full((5, 2, 9), np.nan), [[0.5]])
