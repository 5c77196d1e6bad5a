"""Exact divergences of batches of nodes: closed forms, general quadrature, refined lattices, infinite cases."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from aggdist.distributions import Gamma, Mixture, WeightedGammaSum
from aggdist.distributions.gamma_terms import GammaTerms
from aggdist.distributions.lattice import LatticeInverter
from aggdist.divergence import (
    exact_node_kl,
    kl_divergence,
    kl_quadrature,
    random_classifier,
    random_nodes,
)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_sums_of_equal_scales_are_gammas(sign):
    # 512 channels whose sum is one gamma: the closed form is exact. KL from 0.1 to 200.
    shape = np.full((5, 512), 0.4)
    scale = np.array([0.98, 0.9, 0.75, 0.6, 0.4])[:, None]
    p = WeightedGammaSum(np.full((5, 512), sign), shape, scale, offset=2.0)
    q = WeightedGammaSum(np.full((5, 512), sign), 1.05 * shape, 1.0, offset=2.0)
    exact = kl_divergence(Gamma(0.4 * 512, scale[:, 0]), Gamma(0.42 * 512, 1.0))
    np.testing.assert_allclose(exact_node_kl(p, q), exact, rtol=1e-10)


def test_one_and_two_channels():
    one = exact_node_kl(WeightedGammaSum([2.0], 2.0, 0.75), WeightedGammaSum([1.0], 3.0, 1.0))
    assert one == pytest.approx(0.05396752113698502409, rel=1e-8)
    two = exact_node_kl(
        WeightedGammaSum([1.0, 1.0], [0.1, 0.2], 2.0), WeightedGammaSum([0.5, 0.5], 0.35, 2.0)
    )
    # Total shape 0.3: an eighth of the mass lies within 1e-3 of the pole at the end point.
    assert two == pytest.approx(0.38087591420168244, rel=1e-6)


@pytest.mark.parametrize(("channels", "separation"), [(8, 2.0), (64, 4.0), (512, 5.0)])
def test_equals_general_quadrature(channels, separation):
    p, q = random_nodes(np.random.default_rng(1), 2, channels, separation)
    expected = [float(kl_quadrature(p[k], q[k])) for k in range(2)]
    np.testing.assert_allclose(exact_node_kl(p, q), expected, rtol=1e-8)


@pytest.mark.parametrize(("separation", "low_shapes"), [(0.3, True), (2.0, False), (4.0, True)])
def test_a_finer_lattice_changes_nothing(separation, low_shapes, monkeypatch):
    p, q = random_nodes(np.random.default_rng(2), 60, 512, separation, low_shapes=low_shapes)
    value = exact_node_kl(p, q)
    settings = {"POINTS": (768, 1536), "_NATS": 39.0, "_LEAST": 3e-16, "_RESOLVED": 1e-9}
    for name, setting in settings.items():
        monkeypatch.setattr(sys.modules["aggdist.divergence.exact_node_kl"], name, setting)
    np.testing.assert_allclose(value, exact_node_kl(p, q), rtol=1e-9)


def test_mixture_out_of_class():
    law = random_classifier(np.random.default_rng(3), 4, 48, 2.0)
    pi = np.array([0.2, 0.5, 0.3])
    p, q = law[[0, 0], [0, 0]], law[0, 1:]
    value = exact_node_kl(p, q, 10 * pi)  # weights are normalised
    assert value.shape == (2,)
    assert value[0] == pytest.approx(float(kl_quadrature(law[0, 0], Mixture(q, pi))), rel=1e-8)


def test_mixture_with_a_component_that_lies_elsewhere():
    p = WeightedGammaSum(np.ones(40), 2.0, 1.0)
    q = WeightedGammaSum(np.ones((3, 40)), 2.0, [[1.1], [1.0], [1.0]], offset=[0.0, 500.0, 0.0])
    alone = float(exact_node_kl(p, q[0]))
    # The second component starts far beyond p and the third has no weight.
    assert exact_node_kl(p, q, [0.5, 0.5, 0.0]) == pytest.approx(alone + np.log(2), rel=1e-9)


def test_zero_inflated_channels_and_their_joint_atom():
    rng = np.random.default_rng(4)
    weights, shape, scale = rng.normal(size=(1, 8)), rng.uniform(1, 3, 8), rng.uniform(0.5, 1, 8)
    p = WeightedGammaSum(weights, shape, 1.2 * scale, 0.7)
    q = WeightedGammaSum(weights, shape, scale, 0.6)
    np.testing.assert_allclose(exact_node_kl(p, q), kl_quadrature(p, q), rtol=1e-7)
    # One channel: closed form with the atom, p0 = 0.2, (2, 1.5) against q0 = 0.5, (3, 1).
    one = exact_node_kl(WeightedGammaSum([1.5], 2.0, 1.0, 0.8), WeightedGammaSum([1.0], 3.0, 1.0, 0.5))
    assert one == pytest.approx(0.23591877393134545, rel=1e-7)


def test_infinite_where_support_or_atoms_demand_it():
    base = WeightedGammaSum(np.ones(30), 2.0, 1.0)
    both = WeightedGammaSum(np.concatenate([np.ones(15), -np.ones(15)]), 2.0, 1.0)
    atom = WeightedGammaSum(np.ones(3), 2.0, 1.0, 0.5)
    later = WeightedGammaSum(np.ones(30), 2.0, 1.0, offset=0.1)
    assert exact_node_kl(both, base) == np.inf
    assert exact_node_kl(base, later) == np.inf
    assert exact_node_kl(atom, WeightedGammaSum(np.ones(3), 2.0, 1.0)) == np.inf
    assert np.isfinite(exact_node_kl(later, base))
    assert np.isfinite(exact_node_kl(base, both))
    # Together two half lines cover the line.
    halves = WeightedGammaSum([np.ones(15), -np.ones(15)], 2.0, 1.0, offset=[-50.0, 50.0])
    assert np.isfinite(exact_node_kl(both, halves, [0.5, 0.5]))
    assert exact_node_kl(both, halves, [1.0, 0.0]) == np.inf


def test_shapes_scales_and_shifts():
    p, q = random_nodes(np.random.default_rng(5), 6, 64, 2.0)
    value = exact_node_kl(p, q)
    assert np.all(value > 0)
    np.testing.assert_allclose(exact_node_kl(q, q), 0, atol=1e-11)
    moved = [WeightedGammaSum(-0.01 * v.weights, v.shape, v.scale, 1.0, 40.0) for v in (p, q)]
    np.testing.assert_allclose(exact_node_kl(*moved), value, rtol=1e-8)
    column = WeightedGammaSum(p.weights[:2, None], p.shape[:2, None], p.scale[:2, None])
    table = exact_node_kl(column, q)
    assert table.shape == (2, 6)
    np.testing.assert_allclose(table[[0, 1], [0, 1]], value[:2], rtol=1e-9)


@pytest.mark.parametrize("channels", [6, 40, 512])
def test_lattice_densities_equal_those_of_the_law(channels):
    _, q = random_nodes(np.random.default_rng(6), 4, channels, 1.0)
    inverter = LatticeInverter(GammaTerms(q.weights * q.scale, q.shape, q.active), 34.0)
    step = (inverter.high - inverter.low) / 50
    first = inverter.low + 0.3 * step
    density, failed = inverter.density(first, step, 50)
    x = first + np.arange(50)[:, None] * step
    done = ~failed
    assert np.any(done)
    np.testing.assert_allclose((density * q.std())[:, done], (q.pdf(x) * q.std())[:, done], atol=3e-13)


def test_bad_weights():
    q = WeightedGammaSum(np.ones((3, 2)), 2.0, 1.0)
    with pytest.raises(ValueError, match=r"weights: got shape \(2,\) for components of batch \(3,\)"):
        exact_node_kl(q[0], q, [0.5, 0.5])
