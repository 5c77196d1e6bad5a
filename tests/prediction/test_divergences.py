"""Divergences of output nodes by quadrature: closed forms, adaptive quadrature, bounds, laws that are not smooth."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from aggdist.distributions import Mixture, Normal, ShiftedGamma, SkewNormal, WeightedGammaSum
from aggdist.prediction import NodeLaws, divergences, node_divergences
from aggdist.prediction.projected_models import floored_gamma


class Floored:
    """A floored gamma written out with the math module alone, from its documented formula."""

    def __init__(self, mean, std, skew):
        self.mean, self.std = float(mean), float(std)
        self.scale = self.std * math.sqrt((1 - 1e-3 * 1.5**2) / (1 - 1e-3))
        bent = float(skew) * (self.std / self.scale) ** 3 / (1 - 1e-3)
        self.shape, self.sign = 4 / bent**2, math.copysign(1.0, bent)
        self.end = self.mean - self.sign * self.scale * math.sqrt(self.shape)

    def _parts(self, y):
        g = self.shape + self.sign * math.sqrt(self.shape) * (y - self.mean) / self.scale
        return g, (y - self.mean) / (1.5 * self.std)

    def pdf(self, y):
        g, z = self._parts(y)
        floor = 1e-3 * math.exp(-(z**2) / 2) / (math.sqrt(2 * math.pi) * 1.5 * self.std)
        if g <= 0:
            return floor
        log_gamma = (self.shape - 1) * math.log(g) - g - math.lgamma(self.shape)
        return 0.999 * math.exp(log_gamma) * math.sqrt(self.shape) / self.scale + floor

    def cdf(self, y):
        g, z = self._parts(y)
        lower = special.gammainc(self.shape, max(g, 0.0))
        return 0.999 * (lower if self.sign > 0 else 1 - lower) + 1e-3 * special.ndtr(z)


def adaptive(mean, std, skew, priors, node):
    """KL(in || out), KL(in || all) and the area under the curve of one node by scipy's adaptive quadrature."""
    laws = [Floored(*values) for values in zip(mean[node], std[node], skew[node], strict=True)]
    p, prior = laws[node], priors[node]
    others = [(priors[j] / (1 - prior), law) for j, law in enumerate(laws) if j != node]
    low, high = p.mean - 12 * p.std, p.mean + 20 * p.std
    inner = [v for law in laws for v in (law.end, *(law.mean + z * law.std for z in (-4, -1, 0, 1, 4)))]
    edges = [low, *sorted(v for v in inner if low < v < high), high]

    def q(y):
        return sum(share * law.pdf(y) for share, law in others)

    def total(f):
        return sum(
            integrate.quad(f, a, b, limit=200, epsabs=1e-11, epsrel=1e-11)[0] for a, b in pairwise(edges)
        )

    kl = total(lambda y: p.pdf(y) * (math.log(p.pdf(y)) - math.log(q(y))))
    bounded = total(lambda y: -p.pdf(y) * math.log(prior + (1 - prior) * q(y) / p.pdf(y)))
    return kl, bounded, total(lambda y: p.pdf(y) * sum(share * law.cdf(y) for share, law in others))


def three_labels(skew, seed):
    rng = np.random.default_rng(seed)
    mean = rng.normal(0, 1.5, (3, 3)) + 2 * np.eye(3)
    sign = np.where(rng.random((3, 3)) < 0.5, 1, -1)
    return mean, rng.uniform(0.6, 1.6, (3, 3)), skew * sign


# Closed forms ---------------------------------------------------------------------------------------------


def test_normal_nodes_give_the_closed_form():
    mean, std = np.array([[2.0, 0.0], [1.0, 3.0]]), np.array([[1.0, 1.5], [0.7, 2.0]])
    result = node_divergences(NodeLaws(Normal(mean, std), np.array([1.0, 1.0])))
    m1, s1, m2, s2 = mean[[0, 1], [0, 1]], std[[0, 1], [0, 1]], mean[[0, 1], [1, 0]], std[[0, 1], [1, 0]]
    np.testing.assert_allclose(
        result.kl, np.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5, rtol=1e-9
    )
    np.testing.assert_allclose(result.auc, stats.norm.cdf((m1 - m2) / np.hypot(s1, s2)), atol=1e-8)
    assert np.all(result.kl_error < 1e-9)


def test_out_of_class_is_the_mixture_of_the_other_labels():
    mean, priors = np.array([[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [1.0, 2.0, 0.0]]), np.array([0.5, 0.2, 0.3])
    result = node_divergences(NodeLaws(Normal(mean, np.ones((3, 3))), priors))
    others = [stats.norm(1.0, 1.0), stats.norm(4.0, 1.0)]

    def integrand(y):
        p = stats.norm.pdf(y)
        q = 0.4 * others[0].pdf(y) + 0.6 * others[1].pdf(y)
        return p * np.log(p / q)

    assert result.kl[0] == pytest.approx(integrate.quad(integrand, -12, 12)[0], rel=1e-8)


def test_one_gamma_channel_gives_the_closed_form_and_unreachable_support_is_infinite():
    shape, scale = np.array([[2.0], [3.0]]), np.array([[1.5], [1.0]])
    weights = np.array([[1.0], [1.0]])[:, None, :]
    laws = NodeLaws(WeightedGammaSum(weights, shape, scale, 1.0, 0.5), np.array([1.0, 1.0]))
    # Gamma(2, 1.5) against Gamma(3, 1), closed form in 20 digits.
    assert node_divergences(laws).kl[0] == pytest.approx(0.05396752113698502409, rel=1e-6)
    mirrored = WeightedGammaSum(
        np.array([[1.0, 1.0], [-1.0, -1.0]])[..., None] * np.array([[1.0], [-1.0]]), 2.0, 1.0
    )
    assert np.all(np.isinf(node_divergences(NodeLaws(mirrored, np.array([1.0, 1.0]))).kl))


def test_atoms_count():
    # One channel: KL of zero-inflated gammas in closed form, p0 = .2, (2, 1.5) against q0 = .5, (3, 1).
    law = WeightedGammaSum(
        np.ones((2, 1, 1)), np.array([[2.0], [3.0]]), np.array([[1.5], [1.0]]), np.array([[0.8], [0.5]])
    )
    result = node_divergences(NodeLaws(law, np.array([1.0, 1.0])))
    assert result.kl[0] == pytest.approx(0.23591877393134545, rel=1e-5)
    gamma_part = integrate.quad(lambda x: stats.gamma.pdf(x, 2, scale=1.5) * stats.gamma.cdf(x, 3), 0, 80)[0]
    assert result.auc[0] == pytest.approx(0.8 * (0.5 + 0.5 * gamma_part) + 0.2 * 0.5 * 0.5, rel=1e-5)


# Adaptive quadrature --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skew", "tolerance"),
    # Shapes 100, 16, 6 and 2.8: the bend of the density at an end point is felt by equal steps from the third on.
    [(0.2, 1e-8), (0.5, 1e-8), (0.8, 3e-4), (1.2, 3e-4)],
)
def test_shifted_gammas_that_end_inside_of_each_other(skew, tolerance):
    """With the floor: where one gamma has ended the other law still has most of its mass."""
    parameters, priors = three_labels(skew, 51), np.array([0.2, 0.5, 0.3])
    found = node_divergences(NodeLaws(floored_gamma(*parameters), priors))
    for node in range(3):
        kl, bounded, auc = adaptive(*parameters, priors, node)
        assert found.kl[node] == pytest.approx(kl, rel=tolerance)
        assert found.bounded[node] == pytest.approx(bounded, rel=tolerance)
        assert found.auc[node] == pytest.approx(auc, abs=tolerance)


def test_skew_normals():
    """By scipy's skew normal law, on 20 000 points."""
    (mean, std, skew), priors = three_labels(0.9, 52), np.array([0.6, 0.3, 0.1])
    laws = NodeLaws(SkewNormal(mean, std, skew), priors)
    found = node_divergences(laws)
    # Its shape from its skewness: s = (4 - pi)/2 d^3 / (1 - d^2)^(3/2) with d = delta sqrt(2/pi).
    third = (2 * np.abs(skew) / (4 - np.pi)) ** (2 / 3)
    delta = np.sign(skew) * np.sqrt(np.pi / 2 * third / (1 + third))
    scale = std / np.sqrt(1 - 2 * delta**2 / np.pi)
    law = stats.skewnorm(delta / np.sqrt(1 - delta**2), mean - scale * delta * np.sqrt(2 / np.pi), scale)
    x = np.linspace(np.min(mean - 9 * std), np.max(mean + 9 * std), 20_001)
    for k in range(3):
        densities = law.pdf(x[:, None, None])[:, k]
        weights = np.where(np.arange(3) == k, 0.0, priors) / (1 - priors[k])
        p, q = densities[:, k], np.maximum(densities @ weights, 1e-300)
        expected = [
            np.trapezoid(special.rel_entr(p, q), x),
            np.trapezoid(special.rel_entr(p, priors[k] * p + (1 - priors[k]) * q), x),
            np.trapezoid(p * integrate.cumulative_trapezoid(q, x, initial=0.0), x),
        ]
        np.testing.assert_allclose([found.kl[k], found.bounded[k], found.auc[k]], expected, rtol=1e-5)


@pytest.mark.parametrize("low", [0.6, 1.0])
def test_weighted_sums_with_and_without_a_joint_atom(low):
    """The laws' densities by the trapezoidal rule on points that crowd at the joint atom; atoms by hand."""
    rng = np.random.default_rng(53)
    weights, shape = rng.normal(size=(2, 1, 5)), rng.uniform(1.5, 3, (2, 5))
    law = WeightedGammaSum(weights, shape, 0.5, rng.uniform(low, 1.0, (2, 5)), rng.normal(size=(2, 1)))
    laws = NodeLaws(law, np.array([0.3, 0.7]))
    found = node_divergences(laws)
    assert bool(law.atoms()) == (low < 1)
    for node in range(2):
        p, q = (_single(law, node, j) for j in (node, 1 - node))
        steps = np.geomspace(1e-7, 12 * float(p.std()), 150)
        x = float(p.offset) + np.concatenate([-steps[::-1], steps])
        a, b = p.pdf(x), np.maximum(q.pdf(x), 1e-300)
        one, other = (sum(float(atom.mass) for atom in single.atoms()) for single in (p, q))
        prior = laws.priors[node]
        kl = np.trapezoid(special.rel_entr(a, b), x) + special.rel_entr(one, other)
        mixed = np.trapezoid(special.rel_entr(a, prior * a + (1 - prior) * b), x)
        mixed += special.rel_entr(one, prior * one + (1 - prior) * other)
        assert found.kl[node] == pytest.approx(kl, rel=5e-3)
        assert found.bounded[node] == pytest.approx(mixed, rel=5e-3)


def _single(law, node, label):
    parts = (getattr(law, key)[node, label] for key in ("weights", "shape", "scale", "active", "offset"))
    return WeightedGammaSum(*parts)


# Laws that are not smooth ---------------------------------------------------------------------------------


def test_a_finer_grid_is_taken_where_it_is_needed(monkeypatch):
    """On 256 points a bend costs 1e-3 and more; laws without one are done with these, and keep their values."""
    mean, std, skew = three_labels(1.0, 51)
    skew[1:] *= 0.2
    found = node_divergences(NodeLaws(floored_gamma(mean, std, skew), np.ones(3)))
    exact = [adaptive(mean, std, skew, np.full(3, 1 / 3), node)[0] for node in range(3)]
    np.testing.assert_allclose(found.kl, exact, rtol=1e-5)
    monkeypatch.setattr(divergences, "_MANY_POINTS", ())
    coarse = node_divergences(NodeLaws(floored_gamma(mean, std, skew), np.ones(3)))
    assert abs(coarse.kl[0] - exact[0]) > 1e-3
    assert coarse.kl_error[0] > 1e-3 > found.kl_error[0]
    np.testing.assert_array_equal(coarse.kl[1:], found.kl[1:])


def test_a_density_that_no_grid_can_integrate_is_an_error():
    """A shifted gamma of shape 1/9: infinite at its end point, with a good part of its mass beside it."""
    skew = np.array([[6.0, 0.0], [0.0, 0.5]])
    with pytest.raises(
        ArithmeticError, match=r"density in class of output node 0 integrates to 1 within .* only"
    ):
        node_divergences(NodeLaws(ShiftedGamma(np.zeros((2, 2)), 1.0, skew), np.ones(2)))


def test_mass_where_the_other_law_has_none_is_infinite():
    """Pure shifted gammas: the one in class of node 0 reaches beyond the end of the other."""
    law = ShiftedGamma(np.array([[0.0, 1.0], [0.0, 0.0]]), 1.0, np.array([[0.5, 1.0], [0.0, 0.0]]))
    found = node_divergences(NodeLaws(law, np.array([0.25, 0.75])))
    assert found.kl[0] == np.inf
    assert 0 < found.bounded[0] < np.log(4)
    assert found.kl[1] == pytest.approx(0, abs=1e-12)


# Laws of divergences --------------------------------------------------------------------------------------


@st.composite
def some_laws(draw):
    nodes = draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    mean = draw(st.floats(0.1, 8)) * rng.normal(size=(nodes, nodes))
    std, skew = rng.uniform(0.3, 2, (nodes, nodes)), rng.uniform(-1.2, 1.2, (nodes, nodes))
    law = draw(
        st.sampled_from(
            [Normal(mean, std), floored_gamma(mean, std, skew), SkewNormal(mean, std, 0.8 * skew)]
        )
    )
    return NodeLaws(law, rng.uniform(0.1, 1.0, nodes))


@settings(max_examples=25)
@given(some_laws())
def test_bounds(laws):
    """KL(in || all) is at most log(1/pi), and at most (1 - pi) KL(in || out); the area by Pinsker's inequality."""
    found = node_divergences(laws)
    slack = 1e-6 + found.kl_error
    assert np.all(found.kl >= -slack)
    assert np.all(found.bounded >= -slack)
    assert np.all(found.bounded <= np.log(1 / laws.priors) + slack)
    assert np.all(found.bounded <= (1 - laws.priors) * found.kl + slack)
    assert np.all((found.auc >= -1e-6) & (found.auc <= 1 + 1e-6))
    # With the total variation t <= sqrt(KL / 2) (Pinsker) the area is at most 1 - (1 - t)^2 / 2.
    t = np.minimum(np.sqrt(np.maximum(found.kl, 0) / 2), 1.0)
    assert np.all(np.abs(2 * found.auc - 1) <= 2 * t - t**2 + 1e-4)


@settings(max_examples=15)
@given(some_laws(), st.sampled_from([-3.0, 0.01, 40.0]), st.floats(-100, 100))
def test_an_affine_map_of_the_outputs_changes_nothing(laws, factor, shift):
    law = laws.law
    if isinstance(law, Mixture):
        parts = law.components
        moved = Mixture(_moved(parts, factor, shift), law.weights)
    else:
        moved = _moved(law, factor, shift)
    found, same = node_divergences(laws), node_divergences(NodeLaws(moved, laws.priors))
    np.testing.assert_allclose(same.kl, found.kl, rtol=1e-6, atol=1e-6 + 2 * np.max(found.kl_error))
    np.testing.assert_allclose(same.bounded, found.bounded, rtol=1e-6, atol=1e-6 + 2 * np.max(found.kl_error))
    np.testing.assert_allclose(same.auc, found.auc if factor > 0 else 1 - found.auc, atol=1e-5)


def _moved(law, factor, shift):
    mean, std = law.mean() * factor + shift, law.std() * abs(factor)
    return Normal(mean, std) if isinstance(law, Normal) else type(law)(mean, std, law.skew * np.sign(factor))


def test_equal_laws_and_laws_far_apart():
    same = node_divergences(
        NodeLaws(floored_gamma(*(np.full((3, 3), v) for v in (1.0, 2.0, 0.9))), np.ones(3))
    )
    np.testing.assert_allclose(same.kl, 0, atol=1e-6)
    np.testing.assert_allclose(same.bounded, 0, atol=1e-6)
    np.testing.assert_allclose(same.auc, 0.5, atol=1e-6)
    far = node_divergences(NodeLaws(Normal(50.0 * np.eye(3), np.ones((3, 3))), np.array([0.2, 0.3, 0.5])))
    np.testing.assert_allclose(far.kl, 50.0**2 / 2, rtol=1e-9)
    np.testing.assert_allclose(far.bounded, np.log(1 / np.array([0.2, 0.3, 0.5])), rtol=1e-9)
    np.testing.assert_allclose(far.auc, 1)
