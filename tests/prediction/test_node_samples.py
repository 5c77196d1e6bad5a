"""Draws from the laws of output nodes: levels, moments, who belongs where, atoms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aggdist.distributions import Normal, SkewNormal, WeightedGammaSum
from aggdist.prediction import NodeLaws, NodeSampler
from aggdist.prediction.projected_models import floored_gamma

MEAN = np.array([[0.3, -1.0], [2.0, 4.0]])
STD = np.array([[1.0, 0.4], [2.0, 0.7]])
SKEW = np.array([[1.2, -1.2], [0.5, -0.8]])
WEIGHTS = np.array([[1.0, -0.6, 0.4, 0.9], [-0.8, 1.2, 0.5, -0.3]])
SHAPE = np.array([[2.0, 3.0, 1.5, 2.5], [1.5, 2.5, 4.0, 1.2]])

SMOOTH = {
    "normal": Normal(MEAN, STD),
    "floored gamma": floored_gamma(MEAN, STD, SKEW),
    "skew-normal": SkewNormal(MEAN, STD, 0.8 * SKEW),
    "weighted sum": WeightedGammaSum(WEIGHTS[:, None], SHAPE, 0.7, 1.0, np.array([[0.5], [-2.0]])),
    "weighted sum, often 0": WeightedGammaSum(WEIGHTS[:, None], SHAPE, 0.7, [0.9, 0.8, 0.7, 1.0]),
}


class Levels:
    """In the place of a generator: the levels are these."""

    def __init__(self, levels):
        self.levels = levels

    def random(self, size):
        assert size == self.levels.size
        return self.levels


def sampler(law, priors=(1.0, 1.0)):
    return NodeSampler(NodeLaws(law, np.array(priors)))


@pytest.mark.parametrize("name", SMOOTH)
def test_draws_are_quantiles(name):
    """The law's own distribution function gives the levels back, within what 512 points can do."""
    law, levels = SMOOTH[name], np.linspace(0.0002, 0.9998, 301)
    found = sampler(law)
    x = np.array([[found.draw(k, j, levels.size, Levels(levels)) for j in (0, 1)] for k in (0, 1)])
    np.testing.assert_allclose(np.moveaxis(law.cdf(np.moveaxis(x, -1, 0)), 0, -1) - levels, 0, atol=3e-4)
    assert np.all(np.diff(x, axis=-1) > 0)


@pytest.mark.parametrize("name", SMOOTH)
def test_draws_have_the_law(name):
    """Kolmogorov-Smirnov at the 0.1 % level for each of four laws, and two moments within five standard errors."""
    law, found = SMOOTH[name], sampler(SMOOTH[name])
    rng, count = np.random.default_rng(31), 20_000
    x = np.array([[found.draw(k, j, count, rng) for j in (0, 1)] for k in (0, 1)])
    at = np.sort(x, axis=-1)[..., ::50]
    far = np.moveaxis(law.cdf(np.moveaxis(at, -1, 0)), 0, -1) - np.arange(0, count, 50) / count
    assert np.max(np.abs(far)) < stats.kstwobign.ppf(0.999) / np.sqrt(count)
    np.testing.assert_allclose((x.mean(axis=-1) - law.mean()) / law.std(), 0, atol=5 / np.sqrt(count))
    fourth = stats.moment(x, 4, axis=-1) / x.var(axis=-1) ** 2
    assert np.all(np.abs(x.var(axis=-1) / law.var() - 1) < 5 * np.sqrt((fourth - 1) / count))


def test_levels_beyond_the_table_stay_at_its_ends():
    found = sampler(SMOOTH["normal"])
    ends = found.draw(0, 0, 2, Levels(np.array([0.0, 1 - 1e-16])))
    assert np.all(np.isfinite(ends))
    assert np.all(np.abs((ends - 0.3) / 1.0) > 5.5)  # tails of 1e-9 begin at 6 standard deviations


def test_in_class_and_out_of_class():
    """Laws so narrow that each value tells its node and its label; a label without images adds nothing."""
    law = Normal(100.0 * np.arange(3)[:, None] + 10.0 * np.arange(3), 0.01)
    found, counts = sampler(law, (1, 1, 1)), np.array([4, 0, 7])
    for node, inside, outside in ((0, [0] * 4, [2] * 7), (1, [], [0] * 4 + [2] * 7), (2, [2] * 7, [0] * 4)):
        x, y = found.in_and_out(node, counts, 5, np.random.default_rng(32))
        np.testing.assert_array_equal(np.round(x), np.tile(100 * node + 10 * np.array(inside), (5, 1)))
        np.testing.assert_array_equal(np.round(y), np.tile(100 * node + 10 * np.array(outside), (5, 1)))
        values = np.concatenate([x, y], axis=1)
        assert np.unique(values).size == values.size


def test_one_simulated_sample_of_every_label():
    law = Normal(100.0 * np.arange(3)[:, None] + 10.0 * np.arange(3), 0.01)
    parts = sampler(law, (1, 1, 1)).by_label(np.array([3, 5, 4]), np.random.default_rng(33))
    assert [part.shape for part in parts] == [(3, 3), (5, 3), (4, 3)]
    for j, part in enumerate(parts):
        np.testing.assert_array_equal(np.round(part), np.tile(100 * np.arange(3) + 10 * j, (len(part), 1)))


def test_nodes_of_one_simulated_image_are_independent():
    (own, _) = sampler(SMOOTH["floored gamma"]).by_label(np.array([5000, 2]), np.random.default_rng(34))
    assert abs(np.corrcoef(own.T)[0, 1]) < 5 / np.sqrt(5000)


def test_the_same_seed_gives_the_same_draws():
    found = sampler(SMOOTH["floored gamma"])
    first, again, other = (
        found.in_and_out(1, np.array([5, 6]), 2, np.random.default_rng(s)) for s in (1, 1, 2)
    )
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.any(a == c)


# Joint atoms ----------------------------------------------------------------------------------------------


def with_atoms(weights, offset=0.5):
    """Two channels that are both 0 with probabilities 0.2 and 0.1 given the two labels."""
    active = np.array([[0.6, 0.5], [0.8, 0.5]])
    return WeightedGammaSum(np.array(weights)[:, None], SHAPE[:, :2], 0.7, active, offset)


@pytest.mark.parametrize(
    "weights",
    [
        [[1.0, 0.6], [0.8, 1.2]],
        [[-1.0, -0.6], [-0.8, -1.2]],
        [[1.0, -0.6], [-0.8, 1.2]],
    ],
    ids=["positive", "negative", "mixed"],
)
def test_a_joint_atom_is_drawn_as_often_as_it_is_there(weights):
    law, count = with_atoms(weights), 20_000
    rng, found = np.random.default_rng(35), sampler(with_atoms(weights))
    for node in (0, 1):
        for label, mass in ((0, 0.2), (1, 0.1)):
            x = found.draw(node, label, count, rng)
            share = np.mean(x == 0.5)
            assert share == pytest.approx(mass, abs=5 * np.sqrt(mass * (1 - mass) / count))
            mean, std = law.mean()[node, label], law.std()[node, label]
            assert x.mean() == pytest.approx(mean, abs=5 * std / np.sqrt(count))
            # The rest has the law of the continuous part.
            off = np.sort(x[x != 0.5])
            one = WeightedGammaSum(
                law.weights[node, label], law.shape[node, label], 0.7, law.active[node, label], 0.5
            )
            at = np.arange(0, off.size, 200)
            rest = (one.cdf(off[at]) - mass * (off[at] >= 0.5)) / (1 - mass)
            assert np.max(np.abs(rest - at / off.size)) < 2.2 / np.sqrt(off.size)
