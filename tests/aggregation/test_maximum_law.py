"""The law of the maximum of independent activations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.aggregation import MaximumLaw
from aggdist.distributions import Affine, Gamma, Mixture, Normal, RectifiedNormal, ZeroInflatedGamma


def zero_inflated(active, shape, scale):
    return ZeroInflatedGamma(np.asarray(active), np.asarray(shape), np.asarray(scale))


LAWS = {
    "zero-inflated": MaximumLaw(zero_inflated([0.02, 0.4, 1.0], [1.0, 0.5, 3.0], 2.0), np.array(16)),
    "normal": MaximumLaw(Normal(np.array(1.0), np.array(2.0)), np.array([1, 3, 10_000])),
    "rectified": MaximumLaw(RectifiedNormal(np.array([-3.0, 0.5]), np.array(1.0)), np.array([[1], [49]])),
    "reflected": MaximumLaw(
        Affine(Gamma(np.array(1.5), np.array(1.0)), np.array(4.0), np.array(-1.0)), np.array(5)
    ),
    "shifted pole": MaximumLaw(
        Affine(Gamma(np.array(0.2), np.array(1.0)), np.array(3.0)), np.array([1, 4, 6])
    ),
}
every_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())


def levels(law, values):
    return np.array(values).reshape(-1, *(1,) * len(law.batch_shape))


@every_law
def test_the_cdf_is_a_power(law):
    x = law.quantile(levels(law, [0.05, 0.5, 0.9, 0.999]))
    assert np.allclose(law.cdf(x), law.activation.cdf(x) ** law.positions, rtol=1e-11)
    assert np.allclose(law.sf(x), 1 - law.activation.cdf(x) ** law.positions, atol=1e-14)


@every_law
def test_the_density_is_the_derivative_of_the_cdf(law):
    x = law.quantile(levels(law, [0.3, 0.7, 0.95]))
    inside = np.all([x != atom.location for atom in law.atoms()], axis=0)
    closed, numeric = law.pdf(x), law.pdf(x, method="numeric")
    assert np.allclose(np.where(inside, closed, 0), np.where(inside, numeric, 0), rtol=1e-6)


@every_law
def test_closed_and_numeric_routes_agree(law):
    x = law.quantile(levels(law, [0.2, 0.6, 0.99, 1 - 1e-9]))
    assert np.allclose(law.cdf(x), law.cdf(x, method="numeric"), atol=1e-9)
    assert np.allclose(law.sf(x), law.sf(x, method="numeric"), atol=1e-9)
    u = levels(law, [0.001, 0.3, 0.8, 0.999])
    assert np.allclose(law.quantile(u), law.quantile(u, method="numeric"), rtol=1e-7, atol=1e-9)


@every_law
def test_quantile_and_cdf_are_inverse(law):
    u = levels(law, [0.01, 0.4, 0.9, 1 - 1e-12])
    upto = law.cdf(law.quantile(u))
    in_atom = np.any([law.quantile(u) == atom.location for atom in law.atoms()], axis=0)
    assert np.all(upto >= u - 1e-13)
    assert np.allclose(np.where(in_atom, u, upto), u, rtol=1e-10)
    upper = law.sf(law.quantile(u[-1:]))
    assert np.allclose(upper, 1 - u[-1], rtol=1e-6)


@every_law
def test_the_simulated_maximum(law):
    rng = np.random.default_rng(7)
    draws = law.sample(rng, 20_000)
    assert draws.shape == (20_000, *law.batch_shape)
    error = law.std() / np.sqrt(len(draws))
    assert np.all(np.abs(draws.mean(axis=0) - law.mean()) < 5 * error + 1e-12)


def test_it_is_the_maximum_of_simulated_maps():
    rng = np.random.default_rng(8)
    activation = zero_inflated([0.05, 0.5], 0.7, 1.0)
    z = np.array([0.0, 0.3, 1.0, 3.0])[:, None]
    largest = activation.sample(rng, (20_000, 9)).max(axis=1)
    share, expected = np.mean(largest <= z[:, None], axis=1), MaximumLaw(activation, np.array(9)).cdf(z)
    error = np.sqrt(np.maximum(expected * (1 - expected), 5e-5) / 20_000)
    assert np.all(np.abs(share - expected) < 4.5 * error)


@pytest.mark.parametrize("q", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("n", [1, 16, 200])
def test_moments_of_zero_inflated_exponentials(q, n):
    """E Z and E Z^2 as sums (theory item T7)."""
    k = np.arange(1, n + 1)
    g = (1 - (1 - q) ** k) / k
    law = MaximumLaw(zero_inflated(q, 1.0, 2.0), np.array(n))
    assert law.mean() == pytest.approx(2 * g.sum(), rel=1e-9)
    assert law.moment(2) == pytest.approx(8 * np.sum(np.cumsum(g) / k), rel=1e-9)


@pytest.mark.parametrize("q", [0.05, 0.3, 1.0])
def test_quantiles_of_zero_inflated_exponentials(q):
    u = np.array([0.01, 0.5, 0.99])
    law = MaximumLaw(zero_inflated(q, 1.0, 2.0), np.array(16))
    expected = np.where(u <= (1 - q) ** 16, 0.0, -2 * np.log((1 - u ** (1 / 16)) / q))
    assert law.quantile(u) == pytest.approx(expected, rel=1e-12)


@given(st.floats(0.001, 1.0), st.integers(1, 1000))
def test_the_atom_of_a_silent_map(q, n):
    (atom,) = MaximumLaw(zero_inflated(q, 1.0, 1.0), np.array(n)).atoms()
    assert atom.location == 0
    assert atom.mass == pytest.approx((1 - q) ** n, rel=1e-9, abs=1e-300)


def test_an_atom_inside_the_support():
    """A ceiling in the middle of a mixture: F^N - (F - m)^N."""
    inner = Mixture(zero_inflated([0.5, 1.0], 1.0, [1.0, 2.0]), np.array([0.6, 0.4]))
    shifted = Affine(inner, np.array(1.0), np.array(-1.0))  # the atom is at the upper end, 1
    (atom,) = MaximumLaw(shifted, np.array(3)).atoms()
    assert atom.location == 1
    assert atom.mass == pytest.approx(1 - 0.7**3)


@pytest.mark.parametrize(("n", "expected"), [(1, np.inf), (3, np.inf), (4, "finite"), (5, 0.0), (100, 0.0)])
def test_the_density_at_a_pole_of_the_activation(n, expected):
    """F^(N-1) f behaves like x^(N a - 1) at 0, here with a = 1/4."""
    density = MaximumLaw(Gamma(np.array(0.25), np.array(1.0)), np.array(n)).pdf(0.0)
    if expected == "finite":
        # (x^a / Gamma(a + 1))^4 has the derivative Gamma(a + 1)^-4 at 0.
        assert density == pytest.approx(0.9064024770554771**-4, rel=1e-6)
    else:
        assert density == expected


def test_one_position_is_the_activation():
    activation = zero_inflated([0.2, 0.9], 0.6, 1.0)
    law, x = MaximumLaw(activation, np.array(1)), np.array([0.0, 0.1, 2.0])[:, None]
    assert law.cdf(x) == pytest.approx(activation.cdf(x), rel=1e-14)
    assert law.pdf(x) == pytest.approx(activation.pdf(x), rel=1e-13)
    assert law.mean() == pytest.approx(activation.mean(), rel=1e-9)


def test_activity_that_hardly_ever_happens():
    law = MaximumLaw(zero_inflated(1e-20, 1.0, 1.0), np.array([1, 1000]))
    assert law.mean() == pytest.approx([1e-20, 1e-17], rel=1e-9)


def test_positions_broadcast_against_the_batch():
    law = MaximumLaw(zero_inflated([0.2, 0.9], 0.6, 1.0), np.array([[1], [4], [9]]))
    assert law.batch_shape == (3, 2)
    assert law.mean().shape == (3, 2)
    assert np.all(np.diff(law.mean(), axis=0) > 0)


def test_single_laws_can_be_taken_out():
    one_law = MaximumLaw(Normal(np.array(0.0), np.array(1.0)), np.array([1, 4, 9]))
    assert one_law[1].mean() == pytest.approx(one_law.mean()[1])
    full = MaximumLaw(zero_inflated([0.2, 0.9], 0.6, 1.0), np.array([4, 9]))
    assert full[1].mean() == pytest.approx(full.mean()[1])


def test_a_widened_activation_cannot_be_taken_apart():
    law = MaximumLaw(zero_inflated([0.2, 0.9], 0.6, 1.0), np.array([[1], [4]]))
    with pytest.raises(NotImplementedError, match=r"activations of batch \(2,\) widened to \(2, 2\)"):
        law[0]


def test_moments_have_no_closed_form():
    with pytest.raises(NotImplementedError, match=r"MaximumLaw\.moment has no closed form"):
        LAWS["normal"].moment(2, method="closed")


def test_bad_arguments():
    with pytest.raises(TypeError, match="activation: got float, expected a Distribution"):
        MaximumLaw(1.0, np.array(4))
    with pytest.raises(ValueError, match=r"positions: got 2\.5, expected a whole number of at least 1"):
        MaximumLaw(Normal(np.array(0.0), np.array(1.0)), np.array(2.5))
    with pytest.raises(
        ValueError, match=r"positions: got shape \(3,\), expected one that broadcasts .* \(2,\)"
    ):
        MaximumLaw(zero_inflated([0.2, 0.9], 0.6, 1.0), np.array([1, 2, 3]))
