"""Closed-form divergences: every registered pair against quadrature, reference values, and infinite cases."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.distributions import (
    Affine,
    Exponential,
    Gamma,
    GeneralisedGamma,
    Gumbel,
    Mixture,
    Normal,
    RectifiedNormal,
    ShiftedGamma,
    ZeroInflatedGamma,
)
from aggdist.divergence import kl_divergence, register_kl, registered_pairs

# Three laws of each family, mild to extreme; the closed form of (P, Q) is tried on all nine combinations.
LAWS = {
    Gamma: Gamma([0.3, 2.0, 115.0], [2.0, 1.5, 0.01]),
    Exponential: Exponential([0.1, 1.0, 8.0]),
    Normal: Normal([-1.0, 0.4, 3.0], [0.5, 1.0, 4.0]),
    GeneralisedGamma: GeneralisedGamma([1.0, 2.0, 1.5], [2.0, 0.5, 4.0], [1.5, 2.0, 0.7]),
    Gumbel: Gumbel([0.0, 1.0, -2.0], [1.0, 2.0, 1.6]),
    ZeroInflatedGamma: ZeroInflatedGamma([0.8, 0.05, 0.5], [2.0, 0.4, 30.0], [1.5, 1.0, 0.1]),
    RectifiedNormal: RectifiedNormal([0.3, -2.0, 3.0], [1.0, 1.5, 0.8]),
}
PAIRS = [pair for pair in registered_pairs() if pair.p is not Affine]


def _identity(pair):
    return f"{pair.p.__name__}-{pair.q.__name__}"


@pytest.mark.parametrize("pair", PAIRS, ids=_identity)
def test_closed_form_equals_quadrature(pair):
    p, q = LAWS[pair.p], LAWS[pair.q]
    closed = kl_divergence(p[:, None], q, method="closed")
    assert closed.shape == (3, 3)
    assert closed.dtype == np.float64
    assert np.all(closed >= 0)
    np.testing.assert_allclose(
        closed, kl_divergence(p[:, None], q, method="quadrature"), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("pair", PAIRS, ids=_identity)
def test_zero_on_equal_laws_and_positive_otherwise(pair):
    if pair.p is pair.q:
        law = LAWS[pair.p]
        np.testing.assert_allclose(kl_divergence(law, law, method="closed"), 0, atol=1e-13)
        off = kl_divergence(law[:, None], law, method="closed")[~np.eye(3, dtype=bool)]
        assert np.all(off > 1e-3)


@pytest.mark.parametrize("pair", PAIRS, ids=_identity)
def test_default_uses_the_closed_form(pair):
    p, q = LAWS[pair.p][0], LAWS[pair.q][1]
    assert kl_divergence(p, q) == kl_divergence(p, q, method="closed")


def test_every_registered_family_is_tested_and_has_a_formula():
    assert {t for pair in PAIRS for t in (pair.p, pair.q)} == set(LAWS)
    assert all(pair.formula for pair in registered_pairs())
    names = [(pair.p.__name__, pair.q.__name__) for pair in registered_pairs()]
    assert names == sorted(names)
    assert len(set(names)) == len(names) >= 12


# Recomputed with quadrature in 30 digits.
@pytest.mark.parametrize(
    ("p", "q", "value"),
    [
        (Gamma(2, 1.5), Gamma(3, 1), 0.05396752113698502409),
        (Gamma(0.3, 2), Gamma(0.7, 1), 0.38087591420168244),
        (Gamma(10, 1.49), Gamma(10, 1), 0.91223880042632224),
        (Gamma(30, 0.1), Gamma(0.5, 4), 1.7506906170366431),
        (Gamma(115, 1 / 1329.914), Gamma(140, 1 / 650.6775), 43.894796537982624),
        (GeneralisedGamma(1, 2, 1.5), GeneralisedGamma(1.2, 3, 0.8), 2.4504942356407872),
        (GeneralisedGamma(2, 0.5, 2), GeneralisedGamma(1, 1, 1), 0.1948190987132736),
        (GeneralisedGamma(1.5, 4, 0.7), GeneralisedGamma(1, 2, 1.3), 42.22587928344713),
        (Gumbel(0, 1), Gumbel(1, 2), 0.36568053077031782),
        (Gumbel(2, 0.5), Gumbel(0, 1), 1.5244771200772403),
        (ZeroInflatedGamma(0.8, 2, 1.5), ZeroInflatedGamma(0.5, 3, 1), 0.23591877393134545),
    ],
)
@pytest.mark.parametrize("method", ["closed", "quadrature"])
def test_reference_values(p, q, value, method):
    assert kl_divergence(p, q, method=method) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("shape", [1e3, 1e6, 1e10])
def test_large_shapes_keep_their_digits(shape):
    # The textbook form subtracts terms of the size of shape log(shape).
    got = kl_divergence(Gamma(shape, 1.0), Gamma(1.001 * shape, 0.998))
    with mpmath.workdps(50):
        a, b, scale = mpmath.mpf(shape), mpmath.mpf(np.float64(1.001 * shape)), mpmath.mpf(0.998)
        exact = (a - b) * mpmath.digamma(a) - mpmath.loggamma(a) + mpmath.loggamma(b) + b * mpmath.log(scale)
        exact += a * (1 - scale) / scale
    assert got == pytest.approx(float(exact), rel=1e-9)


positive = st.floats(0.05, 50)


@given(positive, positive, positive, positive)
def test_never_negative_and_decomposed_by_the_mean(a, b, s, t):
    p, q = Gamma(a, s), Gamma(b, t)
    v = (a * s) / (b * t)
    rate = b * (v - 1 - np.log(v))
    # The rate function of q at the mean of p is a lower bound.
    assert kl_divergence(p, q) >= rate - 1e-9 * (1 + rate)


@given(st.floats(-5, 5), st.floats(-3, 3).filter(lambda f: abs(f) > 0.01), positive, positive)
def test_does_not_change_under_an_affine_map(loc, factor, a, b):
    p, q = Gamma(a, 1.3), Gamma(b, 0.7)
    mapped = kl_divergence(Affine(p, loc, factor), Affine(q, loc, factor), method="closed")
    assert mapped == kl_divergence(p, q)


def test_an_affine_map_by_quadrature():
    p, q = Affine(Gamma(0.4, 1.3), 3.0, -2.0), Affine(Gamma(0.7, 0.7), 3.0, -2.0)
    closed = kl_divergence(p, q, method="closed")
    assert kl_divergence(p, q, method="quadrature") == pytest.approx(float(closed), rel=1e-9)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (ZeroInflatedGamma(0.9, 2.0, 1.0), ZeroInflatedGamma(1.0, 2.0, 1.0)),  # an atom that q lacks
        (ZeroInflatedGamma(0.9, 2.0, 1.0), ZeroInflatedGamma(0.0, 2.0, 1.0)),  # a density that q lacks
        (ZeroInflatedGamma(0.9, 2.0, 1.0), Gamma(2.0, 1.0)),
        (RectifiedNormal(0.3, 1.0), Gamma(2.0, 1.0)),
        (Normal(5.0, 1.0), Gamma(2.0, 1.0)),  # support beyond that of q
        (Gamma(2.0, 1.0), Affine(Gamma(2.0, 1.0), 0.1, 1.0)),
        (ShiftedGamma(0.0, 1.0, 0.5), ShiftedGamma(0.0, 1.0, 0.6)),
        (ShiftedGamma(0.0, 1.0, -0.1), ShiftedGamma(0.0, 1.0, 0.1)),
    ],
)
def test_infinite_where_support_or_atoms_demand_it(p, q):
    assert kl_divergence(p, q) == np.inf


def test_finite_where_they_do_not():
    assert kl_divergence(ZeroInflatedGamma(1.0, 2.0, 1.0), ZeroInflatedGamma(1.0, 3.0, 1.0)) == pytest.approx(
        float(kl_divergence(Gamma(2.0, 1.0), Gamma(3.0, 1.0))), rel=1e-12
    )
    assert kl_divergence(
        ZeroInflatedGamma(0.0, 2.0, 1.0), ZeroInflatedGamma(0.25, 3.0, 1.0)
    ) == pytest.approx(-np.log(0.75), rel=1e-12)
    assert np.isfinite(kl_divergence(ShiftedGamma(0.0, 1.0, 0.6), ShiftedGamma(0.0, 1.0, 0.5)))


def test_pairs_without_a_closed_form_are_integrated():
    out = Mixture(Normal([0.0, 2.0], [1.0, 1.0]), [0.5, 0.5])
    value = kl_divergence(Normal(0.0, 1.0), out)
    assert 0 < value < np.log(2)
    with pytest.raises(NotImplementedError, match=r"KL\(Normal \|\| Mixture\) has no closed form here"):
        kl_divergence(Normal(0.0, 1.0), out, method="closed")
    with pytest.raises(NotImplementedError, match="for one and the same map only, got different maps"):
        kl_divergence(Affine(Gamma(2.0, 1.0), 0.0, 2.0), Affine(Gamma(2.0, 1.0), 0.0, 1.0), method="closed")
    assert kl_divergence(Affine(Gamma(2.0, 1.0), 0.0, 2.0), Affine(Gamma(2.0, 1.0))) == pytest.approx(
        float(kl_divergence(Gamma(2.0, 2.0), Gamma(2.0, 1.0))), rel=1e-9
    )


def test_bad_calls():
    law = Gamma(2.0, 1.0)
    with pytest.raises(NotImplementedError, match="method: got 'exact', expected 'closed' or 'quadrature'"):
        kl_divergence(law, law, method="exact")
    with pytest.raises(TypeError, match="q: got ndarray, expected a Distribution; samples go to knn_kl"):
        kl_divergence(law, np.zeros(3))
    with pytest.raises(ValueError, match="got Gamma, Gamma a second time, expected each ordered pair once"):
        register_kl(Gamma, Gamma, "x")(lambda p, q: p.shape)
