"""Laws that hold for every parameter: hypothesis looks for counterexamples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from aggdist.distributions import (
    Affine,
    BinomialGamma,
    CompoundPoissonGamma,
    Distribution,
    Exponential,
    Gamma,
    GeneralisedExtremeValue,
    GeneralisedGamma,
    Gumbel,
    Mixture,
    Normal,
    NormalInverseGaussian,
    RectifiedNormal,
    ShiftedGamma,
    SkewNormal,
    ZeroInflatedGamma,
    ZeroInflatedGeneralisedGamma,
    skewness_ratio,
)
from aggdist.distributions.gamma_ratio import gamma_ratio

place = st.floats(-20, 20)
size = st.floats(0.01, 50)
shape = st.floats(0.05, 300)
share = st.floats(0.001, 1)

# A pole at an end point other than 0 is kept out: there the spacing of doubles alone moves the cdf.
FAMILIES: dict[str, st.SearchStrategy[Distribution]] = {
    "normal": st.builds(Normal, place, size),
    "rectified_normal": st.builds(RectifiedNormal, place, st.floats(2, 50)),
    "exponential": st.builds(Exponential, size),
    "gamma": st.builds(Gamma, shape, size),
    "zero_inflated_gamma": st.builds(ZeroInflatedGamma, share, shape, size),
    "binomial_gamma": st.builds(BinomialGamma, share, shape, size, st.integers(1, 64)),
    "compound_poisson_gamma": st.builds(CompoundPoissonGamma, st.floats(0.01, 50), shape, size),
    "shifted_gamma": st.builds(ShiftedGamma, place, size, st.floats(-1.9, 1.9)),
    "skew_normal": st.builds(SkewNormal, place, size, st.floats(-0.99, 0.99)),
    "normal_inverse_gaussian": st.builds(
        lambda location, scale, kurtosis, lean: NormalInverseGaussian(
            location, scale, lean * np.sqrt(0.6 * kurtosis), kurtosis
        ),
        place,
        size,
        st.floats(1e-4, 20),
        st.floats(-0.99, 0.99),
    ),
    "generalised_gamma": st.builds(GeneralisedGamma, size, st.floats(0.1, 20), st.floats(0.3, 6)),
    "zero_inflated_generalised_gamma": st.builds(
        ZeroInflatedGeneralisedGamma, share, st.floats(0.2, 50), size, st.floats(0.3, 6)
    ),
    "gumbel": st.builds(Gumbel, place, size),
    "generalised_extreme_value": st.builds(GeneralisedExtremeValue, place, size, st.floats(-1.5, 0.9)),
    "affine": st.builds(
        Affine, st.builds(ZeroInflatedGamma, share, st.floats(1, 300), size), place, st.floats(-9, -0.1)
    ),
    "mixture": st.builds(
        lambda a, b, w: Mixture(Gamma([a, b], 1.0), [w, 1 - w]), shape, shape, st.floats(0.01, 0.99)
    ),
}
families = pytest.mark.parametrize("family", FAMILIES)
LEVELS = np.array([0.003, 0.4, 0.5, 0.99])


@families
@given(data=st.data())
def test_cdf_rises_from_zero_to_one(family: str, data: st.DataObject) -> None:
    law = data.draw(FAMILIES[family])
    x = np.sort(data.draw(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8)))
    cdf, sf = law.cdf(x), law.sf(x)
    assert np.all((cdf >= 0) & (cdf <= 1) & (sf >= 0) & (sf <= 1))
    assert np.all(np.diff(cdf) >= -1e-13)
    assert_allclose(cdf + sf, 1, atol=1e-12)


@families
@given(data=st.data())
def test_quantile_inverts_the_cdf(family: str, data: st.DataObject) -> None:
    law = data.draw(FAMILIES[family])
    x = law.quantile(LEVELS)
    assert np.all(np.diff(x) >= 0)
    upto = law.cdf(x)
    just_below = law.cdf(x - 1e-9 * law._location_spread()[1])
    # The smallest x with cdf(x) >= u: u lies between the values on either side of a jump (or of a rounding
    # step).
    assert np.all(upto >= LEVELS - 1e-9)
    assert np.all(just_below <= LEVELS + 1e-6)
    atoms = sum((float(a.mass) for a in law.atoms()), start=0.0)
    if atoms == 0 and law.support() == (-np.inf, np.inf):
        assert_allclose(upto, LEVELS, rtol=1e-9)


@families
@given(data=st.data(), factor=st.floats(0.01, 100), loc=place)
def test_an_affine_map_carries_everything_along(
    family: str, data: st.DataObject, factor: float, loc: float
) -> None:
    law = data.draw(FAMILIES[family])
    mapped = Affine(law, loc, -factor)
    assert_allclose(mapped.mean(), loc - factor * law.mean(), rtol=1e-12, atol=1e-9)
    assert_allclose(mapped.var(), factor**2 * law.var(), rtol=1e-12)
    assert_allclose(mapped.cumulant(3), -(factor**3) * law.cumulant(3), rtol=1e-12)
    centre, spread = law._location_spread()
    y = loc - factor * (centre + spread * np.array([0.0, 0.4]))
    x = (
        loc - y
    ) / factor  # the points as the map brings them back: a steep density shows what rounding took from them
    inside = (x > law.support()[0]) & (x < law.support()[1])
    assert inside.any()
    assert_allclose(mapped.pdf(y[inside]) * factor, law.pdf(x[inside]), rtol=1e-7, atol=1e-12)


@families
@given(data=st.data())
def test_cf_starts_at_one_and_knows_the_mean(family: str, data: st.DataObject) -> None:
    law = data.draw(FAMILIES[family])
    t = 1e-5 / float(law._location_spread()[1])
    value = law.cf([0.0, t, -t])
    assert_allclose(value[0], 1.0, rtol=1e-10)
    assert np.all(np.abs(value) <= 1 + 1e-10)
    assert_allclose(value[1], np.conj(value[2]), atol=1e-10)
    if np.isfinite(law.var()):
        shift = np.exp(-1j * t * float(law.mean())) * value[1]
        assert abs(shift.imag) <= 1e-8 + abs(t) ** 3 * abs(float(np.nan_to_num(law.cumulant(3), posinf=0)))


@given(st.tuples(shape, shape), size)
def test_sums_of_gammas_of_one_scale_add_their_shapes(shapes: tuple[float, float], scale: float) -> None:
    t = np.array([-1.0, 0.3, 2.0]) / scale
    a, b = shapes
    assert_allclose(Gamma(a, scale).cf(t) * Gamma(b, scale).cf(t), Gamma(a + b, scale).cf(t), atol=1e-12)


@given(share, shape, size, st.integers(1, 200))
def test_pooling_divides_cumulants_by_powers_of_n(q: float, a: float, scale: float, n: int) -> None:
    """Theory item T3."""
    one, pooled = ZeroInflatedGamma(q, a, scale), BinomialGamma(q, a, scale, n)
    for r in (1, 2, 3, 4):
        assert_allclose(pooled.cumulant(r), one.cumulant(r) / float(n) ** (r - 1), rtol=1e-12)
    t = 0.7 / one.std()
    assert_allclose(pooled.cf(t), one.cf(t / n) ** n, atol=1e-10)


@given(share, shape, size, st.integers(2, 500))
def test_the_ratio_does_not_depend_on_the_number_of_positions(
    q: float, a: float, scale: float, n: int
) -> None:
    """Theory item T4."""
    assert_allclose(
        skewness_ratio(BinomialGamma(q, a, scale, n)),
        skewness_ratio(ZeroInflatedGamma(q, a, scale)),
        rtol=1e-7,
        atol=1e-9,
    )


@given(st.floats(0.05, 30), shape, size)
def test_half_of_tweedies_power_is_the_ratio(intensity: float, a: float, scale: float) -> None:
    """Theory item T5: R = p/2."""
    law = CompoundPoissonGamma(intensity, a, scale)
    assert_allclose(skewness_ratio(law), law.power / 2, rtol=1e-12)


@given(place, st.floats(0.1, 10), st.floats(-2, 2).filter(lambda g: abs(g) > 1e-3))
def test_end_point_of_the_shifted_gamma(mean: float, std: float, skew: float) -> None:
    """Theory item T4: the end point is kappa_1 (1 - 1/R)."""
    law = ShiftedGamma(mean, std, skew)
    low, high = law.support()
    end = low if skew > 0 else high
    if abs(mean) > 1e-2:
        ratio = gamma_ratio(mean, std**2, skew * std**3)
        assert_allclose(end, mean * (1 - 1 / ratio), rtol=1e-9, atol=1e-9)


@given(place, size, st.floats(-0.99, 0.99), st.floats(0, 3))
def test_a_skew_normal_plus_a_normal_is_skew_normal(
    mean: float, std: float, skew: float, extra: float
) -> None:
    law, noise = SkewNormal(mean, std, skew), Normal(0.0, extra * std or 1e-9 * std)
    together = SkewNormal.fit_moments(mean, law.var() + noise.var(), law.cumulant(3))
    for r in (4, 5, 6):
        assert_allclose(together.cumulant(r), law.cumulant(r), rtol=1e-9, atol=1e-12 * std**r)
    t = np.array([-1.3, 0.2, 4.0]) / std
    assert_allclose(law.cf(t) * noise.cf(t), together.cf(t), atol=1e-12)


@given(place, size, st.floats(1e-3, 20), st.floats(-0.97, 0.97), st.floats(0.1, 9))
def test_a_sum_of_normal_inverse_gaussians_of_one_shape_is_one(
    mean: float, std: float, kurtosis: float, lean: float, more: float
) -> None:
    """Same alpha and beta: the cumulants add, and the law stays in the family."""
    law = NormalInverseGaussian(mean, std, lean * np.sqrt(0.6 * kurtosis), kurtosis)
    other = NormalInverseGaussian(0.0, std * np.sqrt(more), law.skew / np.sqrt(more), kurtosis / more)
    together = NormalInverseGaussian.fit_moments(*(law.cumulant(r) + other.cumulant(r) for r in (1, 2, 3, 4)))
    assert_allclose(together.alpha, law.alpha, rtol=1e-9)
    t = np.array([-1.3, 0.2, 4.0]) / std
    assert_allclose(law.cf(t) * other.cf(t), together.cf(t), atol=1e-12)
