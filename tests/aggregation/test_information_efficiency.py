"""What pooling keeps: regression figures, limits, laws and mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.aggregation import pool
from aggdist.aggregation.class_information import counted_information, mutual_information
from aggdist.aggregation.information_efficiency import (
    average_limit,
    best_power,
    information_efficiency,
    pooled_divergence,
    pooled_masses,
)
from aggdist.distributions import ZeroInflatedGamma
from aggdist.equations.t11_information_efficiency import examples, law


@pytest.mark.parametrize(
    ("positions", "average", "maximum"),
    [
        (16, [0.78, 0.33, 0.81], [0.86, 0.06, 0.54]),
        (49, [0.64, 0.32, 0.77], [0.70, 0.02, 0.28]),
        (200, [0.585, 0.31, 0.77], [0.453, 0.005, 0.105]),
    ],
)
def test_regression_figures(positions, average, maximum):
    assert information_efficiency(*examples(), positions, "avg") == pytest.approx(average, abs=0.006)
    assert information_efficiency(*examples(), positions, "max") == pytest.approx(maximum, abs=0.006)


def test_one_position_keeps_all_with_every_pooling():
    for name in ("avg", "max", "gem"):
        assert information_efficiency(*examples(), 1, name) == pytest.approx(np.ones(3), abs=2e-3)


def test_masses_are_a_law_and_silence_is_exact():
    both = ZeroInflatedGamma(np.array([[0.1, 0.7]]), np.array([[0.6, 2.0]]), np.array([[1.0, 0.5]]))
    for name in ("avg", "max", "gem"):
        masses = pooled_masses(both, 9, name)
        assert masses.sum(axis=-1) == pytest.approx(np.ones((1, 2)), abs=1e-7)
        assert masses[..., 0] == pytest.approx((1 - both.active) ** 9, abs=1e-12)
        assert np.all(masses >= 0)


def test_the_average_tends_to_its_limit_and_the_maximum_to_nothing():
    assert information_efficiency(*examples(), 900, "avg") == pytest.approx(
        average_limit(*examples()), abs=4e-3
    )
    assert np.all(
        np.diff([information_efficiency(*examples(), n, "max") for n in (10, 100, 1000)], axis=0) < 0
    )


def test_the_best_power_falls_as_a_channel_gets_denser():
    active = np.array([0.02, 0.2, 0.8])
    powers, eta = best_power(law(active, 1.0, 1.5), law(active, 1.0, 1.0), 49, (1, 2, 4))
    assert np.all(np.diff(powers) <= 0)
    assert powers[0] > powers[-1]
    assert eta.shape == (3, 3)


def test_predicted_and_counted_information_agree_on_simulated_maps():
    rng = np.random.default_rng(8)
    laws = ZeroInflatedGamma(np.array([[0.1, 0.3]]), np.ones((1, 2)), np.ones((1, 2)))
    labels = np.repeat([0, 1], 15_000)
    maps = np.concatenate([ZeroInflatedGamma(q, 1.0, 1.0).sample(rng, (15_000, 1, 16)) for q in (0.1, 0.3)])
    for name in ("avg", "max", "gem"):
        predicted = mutual_information(pooled_masses(laws, 16, name), [0.5, 0.5])[0]
        assert counted_information(pool(maps, name), labels, 2, 40)[0] == pytest.approx(predicted, abs=0.012)


def test_information_lies_between_nothing_and_that_of_the_label():
    rng = np.random.default_rng(9)
    labels = rng.integers(0, 4, 20_000)
    z = np.stack([rng.random(20_000), labels + 0.1 * rng.random(20_000)], axis=1)
    found = counted_information(z, labels, 4, 16)
    assert found[0] == pytest.approx(0.0, abs=0.002)
    assert found[1] == pytest.approx(np.log(4), abs=0.03)  # bins straddle labels


def test_mistakes_are_told():
    one = law(0.5, 1.0, 1.0)
    with pytest.raises(ValueError, match="pooling: got 'lse', expected one of avg, max, gem"):
        pooled_divergence(one, one, 4, "lse")
    with pytest.raises(ValueError, match=r"batch shape \(1,\) and 4 positions, expected \(rows, classes\)"):
        pooled_masses(one, 4, "avg")
    with pytest.raises(ValueError, match=r"got batch shapes \(1,\) and \(3,\), expected one"):
        pooled_divergence(one, examples()[0], 4, "avg")
    with pytest.raises(ArithmeticError, match="too far apart for a lattice; take fewer positions"):
        pooled_divergence(law(0.9, 1.0, 40.0), law(0.9, 1.0, 1.0), 200, "avg")
    with pytest.raises(ValueError, match=r"got features \(3,\), 3 labels and 2 bins"):
        counted_information(np.ones(3), np.zeros(3, int), 1, 2)
