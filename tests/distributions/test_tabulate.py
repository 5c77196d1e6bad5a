"""Tables of density and cdf on equally spaced points, against the routes that go point by point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.distributions import WeightedGammaSum
from aggdist.distributions.gamma_terms import GammaTerms
from aggdist.distributions.lattice import LatticeInverter


def _law(laws, channels, seed=0, active=None):
    rng = np.random.default_rng(seed)
    weights, shape = rng.normal(0.02, 0.05, (laws, channels)), rng.uniform(0.5, 8, channels)
    q = np.ones(channels) if active is None else rng.uniform(active, 1, channels)
    return WeightedGammaSum(weights, shape, rng.lognormal(-1, 0.5, channels), q, rng.normal(size=laws))


def _agrees(law, table, error=1e-13):
    std = law.std()
    np.testing.assert_allclose(table.pdf * std, law.pdf(table.x) * std, atol=error)
    np.testing.assert_allclose(table.cdf, law.cdf(table.x), atol=error)


@pytest.mark.parametrize("active", [None, 0.2])
@pytest.mark.parametrize("channels", [40, 300])
def test_equals_the_routes_point_by_point(channels, active):
    law = _law(3, channels, active=active)
    table = law.tabulate(24)
    assert table.x.shape == table.pdf.shape == table.cdf.shape == (24, 3)
    _agrees(law, table)


def test_without_ends_the_table_holds_all_the_mass():
    law = _law(4, 100)
    table = law.tabulate(400)
    np.testing.assert_allclose(
        np.diff(table.x, axis=0), (table.x[1] - table.x[0])[None].repeat(399, 0), rtol=1e-9
    )
    np.testing.assert_allclose(np.trapezoid(table.pdf, table.x, axis=0), 1, atol=1e-12)
    assert np.all(table.cdf[0] < 1e-12)
    assert np.all(table.cdf[-1] > 1 - 1e-12)


def test_ends_of_ones_own_and_batches_of_any_shape():
    law = WeightedGammaSum(np.ones((2, 1, 30)) * 0.1, np.full((3, 30), 2.0), 1.0, offset=[[0.0], [5.0]])
    low = law.mean() - np.array([1.0, 2.0, 3.0])
    table = law.tabulate(5, low, law.mean() + 1)
    assert table.pdf.shape == (5, 2, 3)
    np.testing.assert_allclose(table.x[0], low, rtol=1e-14)
    np.testing.assert_allclose(table.x[-1], law.mean() + 1, rtol=1e-14)
    _agrees(law, table)


def test_slowly_decaying_laws_are_done_point_by_point():
    # Total shapes 0.6 and 1.1, beside a law of many terms.
    weights = np.zeros((3, 60))
    weights[0, :2], weights[1, 2:4], weights[2] = [1.0, -2.0], [0.5, 1.0], 0.1
    shape = np.concatenate([[0.3, 0.3, 0.5, 0.6], np.full(56, 2.0)])
    law = WeightedGammaSum(weights, shape, 1.0)
    table = law.tabulate(7, law.mean() - 0.9 * law.std(), law.mean() + 3 * law.std())
    assert not np.any(np.isnan(table.pdf))
    _agrees(law, table, 1e-12)


def test_beyond_the_end_of_a_support():
    law = WeightedGammaSum(np.ones(40), 0.5, 1.0, offset=1.0)
    table = law.tabulate(60, -5.0, 60.0)
    outside = table.x < 1.0
    assert np.all(table.pdf >= 0)
    np.testing.assert_allclose(table.pdf[outside], 0, atol=1e-14)
    np.testing.assert_allclose(table.cdf[outside], 0, atol=1e-14)
    assert np.all((table.cdf >= 0) & (table.cdf <= 1))


def test_a_joint_atom_is_in_the_cdf():
    law = WeightedGammaSum(np.array([1.0, -1.0, 0.5, 0.7, -0.3, 0.2]), 3.0, 1.0, 0.4, offset=2.0)
    table = law.tabulate(11, 1.5, 2.5)
    _agrees(law, table, 1e-12)
    (atom,) = law.atoms()
    step = table.cdf[5] - table.cdf[4]
    assert table.x[5] == 2.0
    assert step > atom.mass


@given(st.integers(0, 10**6), st.integers(20, 80))
def test_any_random_law(seed, channels):
    law = _law(2, channels, seed)
    _agrees(law, law.tabulate(5), 1e-12)


@pytest.mark.parametrize(("points", "low", "message"), [
    (1, None, "points: got 1, expected at least 2"),
    (5, np.nan, "low, high: got nan, expected a finite number"),
])  # fmt: skip
def test_bad_arguments(points, low, message):
    with pytest.raises(ValueError, match=message):
        _law(2, 20).tabulate(points, low)


def test_chosen_sums_of_an_inverter():
    rng = np.random.default_rng(3)
    b = np.concatenate([rng.normal(size=(4, 60)), np.eye(2, 60) + 1e-6])  # the last two need another route
    terms = GammaTerms(b, np.full(b.shape, 1.5), np.ones(b.shape))
    every, index = LatticeInverter(terms, 30.0), np.array([5, 2, 0])
    some = every.take(index)
    first, step = every.low, (every.high - every.low) / 50
    density, failed = every.density(first, step, 50)
    chosen, own = some.density(first[index], step[index], 50)
    np.testing.assert_array_equal(own, failed[index])
    np.testing.assert_allclose(chosen, density[:, index], rtol=1e-12, atol=1e-15)


def test_the_characteristic_function_of_many_laws_is_done_in_blocks():
    rng = np.random.default_rng(4)
    for active in (1.0, 0.5):
        b = rng.normal(size=(30, 200))
        terms = GammaTerms(b, np.full(b.shape, 0.1), np.full(b.shape, active))
        t = np.geomspace(0.1, 2, 9)[:, None] * np.ones(30)
        modulus, argument = terms.log_cf_polar(t)
        factors = 1 - active + active * (1 - 1j * t[..., None] * b) ** -0.1
        np.testing.assert_allclose(np.exp(modulus + 1j * argument), factors.prod(axis=-1), atol=1e-13)
        one = [terms.take(np.array([k])).log_mgf(-0.1 * t[:, :1])[:, 0] for k in (0, 29)]
        np.testing.assert_allclose(terms.log_mgf(-0.1 * t)[:, [0, 29]], np.stack(one, axis=1), rtol=1e-12)
