"""Fitting: moments are met exactly, likelihoods are at their maximum, parameters are found again."""

from __future__ import annotations

import time
from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, stats
from scipy.special import digamma

from aggdist.distributions import (
    BinomialGamma,
    CompoundPoissonGamma,
    Distribution,
    Exponential,
    Gamma,
    GeneralisedExtremeValue,
    GeneralisedGamma,
    Gumbel,
    Normal,
    RectifiedNormal,
    ShiftedGamma,
    SkewNormal,
    ZeroInflatedGamma,
)
from aggdist.distributions.extreme_value_fit import probability_weighted_moments


@pytest.mark.parametrize(
    "fit",
    [
        Normal.fit_moments,
        Gamma.fit_moments,
        Gumbel.fit_moments,
        RectifiedNormal.fit_moments,
        lambda m, v: GeneralisedGamma.fit_moments(m, v, 2.5),
        lambda m, v: ShiftedGamma.fit_moments(m, v, -0.1),
        lambda m, v: SkewNormal.fit_moments(m, v, -0.1),
        lambda m, v: ZeroInflatedGamma.fit_moments(0.99, m, v),
        lambda m, v: BinomialGamma.fit_moments(0.9, m, v, 9),
        lambda m, v: CompoundPoissonGamma.fit_moments(1e-6, m, 8 * v),
    ],
)
def test_moments_are_met(fit: Callable[..., Distribution]) -> None:
    mean, var = np.array([0.3, 1.0]), np.array([[0.05], [0.3]])
    law = fit(mean, var)
    expected = var * 8 if isinstance(law, CompoundPoissonGamma) else var
    assert law.batch_shape == (2, 2)
    assert_allclose(law.mean(), np.broadcast_to(mean, (2, 2)), rtol=1e-10)
    assert_allclose(law.var(), np.broadcast_to(expected, (2, 2)), rtol=1e-10)


def test_third_cumulant_and_atoms_are_met() -> None:
    assert_allclose(ShiftedGamma.fit_moments(1.0, 2.0, [-0.3, 0.0, 1e-9]).cumulant(3), [-0.3, 0.0, 1e-9])
    assert_allclose(ZeroInflatedGamma.fit_moments(0.4, 1.0, 3.0).atoms()[0].mass, 0.6)
    assert_allclose(CompoundPoissonGamma.fit_moments(0.4, 1.0, 3.0).atoms()[0].mass, 0.4)
    assert_allclose(Exponential.fit_moments([2.0, 3.0]).mean(), [2.0, 3.0])


def test_skew_normal_meets_the_third_cumulant_up_to_the_clip() -> None:
    var, skew = 2.0, np.array([-1e300, -1.5, -0.99, -0.6, 0.0, 1e-9, 0.98, 1.0, 1e9])
    law = SkewNormal.fit_moments(1.0, var, skew * var**1.5)
    assert_allclose(law.skewness(), np.clip(skew, -0.99, 0.99), rtol=1e-14)
    # The numeric route does not know the parameters.
    assert_allclose(law.skewness(method="numeric"), np.clip(skew, -0.99, 0.99), rtol=1e-9, atol=1e-11)
    assert_allclose(SkewNormal.fit_moments(0.0, 1e-300, [3.0, -1e-460]).skew, [0.99, 0.0])


def test_skew_normal_likelihood_may_rise_to_the_end_of_the_family() -> None:
    """Why there is no `fit_mle`: for this sample more skewness is always better."""
    x = np.abs(np.random.default_rng(13).standard_normal(12))

    def loss(at: np.ndarray, skew: float) -> float:
        return -float(np.sum(SkewNormal(at[0], np.exp(at[1]), skew).logpdf(x)))

    start = np.array([x.mean(), np.log(x.std())])
    best = [
        optimize.minimize(loss, start, args=(skew,), method="Nelder-Mead").fun
        for skew in (0.0, 0.5, 0.9, 0.96, 0.98, 0.99)
    ]
    assert np.all(np.diff(best) < 0)


@pytest.mark.parametrize("cv2", [1e-6, 0.3, 1.0, 1e3, 1e30])
def test_rectified_normal_meets_extreme_ratios(cv2: float) -> None:
    law = RectifiedNormal.fit_moments(1.0, cv2)
    assert_allclose([law.mean(), law.var()], [1.0, cv2], rtol=1e-11)


@pytest.mark.parametrize("shape", [-0.5, -1e-7, 0.0, 1e-4, 0.3, 0.9])
def test_weighted_moments_are_inverted(shape: float) -> None:
    """The exact ones, `(r+1) b_r = location + scale ((r+1)^shape Gamma(1-shape) - 1)/shape`, give the law back."""
    location, scale = 2.0, 0.5
    with mp.workdps(40):
        if shape == 0:
            growth = [mp.euler + mp.log(r + 1) for r in range(3)]
        else:
            growth = [((r + 1) ** mp.mpf(shape) * mp.gamma(1 - mp.mpf(shape)) - 1) / shape for r in range(3)]
        b = [float((location + scale * g) / (r + 1)) for r, g in enumerate(growth)]
    law = GeneralisedExtremeValue.fit_moments(*b)
    assert_allclose([law.location, law.scale, law.shape], [location, scale, shape], atol=1e-9)


SAMPLED = [
    Normal([0.0, 5.0], [1.0, 2.0]),
    Exponential([0.5, 3.0]),
    Gamma([0.2, 30.0], [1.0, 0.1]),
    ZeroInflatedGamma([0.2, 0.9], [0.5, 4.0], [1.0, 0.3]),
    RectifiedNormal([-1.0, 1.5], [1.0, 0.5]),
    Gumbel([0.0, -3.0], [1.0, 0.2]),
    GeneralisedGamma([1.0, 2.0], [2.0, 6.0], [2.0, 3.0]),
    GeneralisedExtremeValue([0.0, 3.0], [1.0, 0.5], [-0.2, 0.2]),
]


def log_likelihood(law: Distribution, x: np.ndarray) -> np.ndarray:
    """Mean log-likelihood with respect to Lebesgue measure plus the atom at 0."""
    atoms = law.atoms()
    if not atoms:
        return np.mean(law.logpdf(x), axis=0)
    return np.mean(np.where(x == 0, np.log(atoms[0].mass), law.logpdf(np.where(x == 0, 1.0, x))), axis=0)


@pytest.mark.parametrize("law", SAMPLED, ids=lambda law: type(law).__name__)
def test_likelihood_is_at_its_maximum(law: Distribution) -> None:
    x = law.sample(np.random.default_rng(3), 2000)
    fit = type(law).fit_mle(x)
    best = log_likelihood(fit, x)
    assert np.all(best >= log_likelihood(law, x))
    names = list(fit.__dataclass_fields__)
    values = {name: getattr(fit, name) for name in names}
    for name in names:
        for change in (0.999, 1.001):
            moved = type(fit)(**{**values, name: values[name] * change})
            assert np.all(log_likelihood(moved, x) <= best + 1e-12), name


@pytest.mark.parametrize("law", SAMPLED, ids=lambda law: type(law).__name__)
def test_fit_is_vectorised_over_the_other_axes(law: Distribution) -> None:
    x = law.sample(np.random.default_rng(4), (3, 400))
    whole = type(law).fit_mle(x, axis=1)
    assert whole.batch_shape == (3, 2)
    one = type(law).fit_mle(x[1, :, 0])
    for name in one.__dataclass_fields__:
        assert_allclose(getattr(whole, name)[1, 0], getattr(one, name), rtol=1e-6)


def test_parameters_are_found_again() -> None:
    law = Gamma([0.05, 1.0, 80.0], 2.0)
    fit = Gamma.fit_mle(law.sample(np.random.default_rng(5), 200_000))
    # Standard error of log(shape), Cramer-Rao: at most sqrt(2/n).
    assert_allclose(fit.shape, law.shape, rtol=5 * np.sqrt(2 / 200_000))
    assert_allclose(fit.mean(), law.mean(), rtol=0.05)


def test_maximum_likelihood_agrees_with_scipy() -> None:
    rng = np.random.default_rng(6)
    x = Gamma(1.7, 0.4).sample(rng, 3000)
    shape, _, scale = stats.gamma.fit(x, floc=0)
    fit = Gamma.fit_mle(x)
    assert_allclose([fit.shape, fit.scale], [shape, scale], rtol=1e-6)
    x = Gumbel(1.0, 2.0).sample(rng, 3000)
    assert_allclose(stats.gumbel_r.fit(x), [Gumbel.fit_mle(x).location, Gumbel.fit_mle(x).scale], rtol=1e-6)
    x = GeneralisedExtremeValue(1.0, 2.0, -0.3).sample(rng, 1500)
    minus_shape, location, scale = stats.genextreme.fit(x)
    fit_gev = GeneralisedExtremeValue.fit_mle(x)
    assert_allclose(
        [fit_gev.shape, fit_gev.location, fit_gev.scale], [-minus_shape, location, scale], rtol=2e-3
    )


def test_gamma_equation_is_solved_to_rounding() -> None:
    for shape in (1e-3, 0.05, 1.0, 9.9, 10.1, 3e4, 1e9):
        law = Gamma(shape, 1.0)
        gap = np.log(shape) - digamma(shape) if shape < 1e3 else 1 / (2 * shape) + 1 / (12 * shape**2)
        fit = Gamma.from_log_mean(law.mean(), np.log(law.mean()) - gap)
        assert_allclose(fit.shape, shape, rtol=max(1e-12, 4e-15 * abs(np.log(shape)) / gap))


def test_sufficient_statistics_give_the_fit_of_the_sample() -> None:
    x = ZeroInflatedGamma([0.3, 1.0], 2.0, 1.0).sample(np.random.default_rng(8), 500)
    logs = np.sum(np.log(np.where(x > 0, x, 1.0)), axis=0)
    whole = ZeroInflatedGamma.fit_mle(x)
    parts = ZeroInflatedGamma.fit_sufficient(500, np.sum(x > 0, axis=0), np.sum(x, axis=0), logs)
    assert_allclose(
        [parts.active, parts.shape, parts.scale], [whole.active, whole.shape, whole.scale], rtol=1e-12
    )
    gamma = Gamma.fit_sufficient(500, np.sum(x[:, 1]), logs[1])
    assert_allclose([gamma.shape, gamma.scale], [whole.shape[1], whole.scale[1]], rtol=1e-12)


def test_zero_inflated_gamma_of_few_positive_values() -> None:
    x = np.zeros((5, 4))
    x[0, 1] = 2.0  # one positive value
    x[:2, 2] = 3.0  # two equal ones
    x[:2, 3] = [1.0, 2.0]
    fit = ZeroInflatedGamma.fit_mle(x)
    assert_allclose(fit.active, [0.0, 0.2, 0.4, 0.4])
    assert_allclose(fit.shape[:3], 1.0)
    assert_allclose(fit.scale[:3], [1.0, 2.0, 3.0])
    assert fit.shape[3] > 1
    assert_allclose(fit.mean(), x.mean(axis=0))


def test_compound_poisson_gamma_likelihood() -> None:
    law = CompoundPoissonGamma([0.8, 2.0], [1.0, 3.0], [1.0, 0.5])
    x = law.sample(np.random.default_rng(9), 150)
    fit = CompoundPoissonGamma.fit_mle(x)
    assert_allclose(fit.mean(), x.mean(axis=0), rtol=1e-12)
    best = log_likelihood(fit, x)
    assert np.all(best >= log_likelihood(law, x))
    for name in ("intensity", "shape"):
        values = {"intensity": fit.intensity, "shape": fit.shape}
        values[name] = values[name] * 1.01
        moved = CompoundPoissonGamma(**values, scale=x.mean(axis=0) / (values["intensity"] * values["shape"]))
        assert np.all(log_likelihood(moved, x) < best)


def test_binomial_gamma_likelihood() -> None:
    law = BinomialGamma([0.05, 0.2], [1.7, 0.8], [1.0, 2.0], [49, 9])
    x = law.sample(np.random.default_rng(12), 500)
    fit = BinomialGamma.fit_mle(x, positions=[49, 9])
    best = log_likelihood(fit, x)
    assert np.all(best >= log_likelihood(law, x))
    for name in ("active", "shape", "scale"):
        for change in (0.99, 1.01):
            values = {key: getattr(fit, key) for key in ("active", "shape", "scale")}
            values[name] = values[name] * change
            assert np.all(log_likelihood(BinomialGamma(**values, positions=[49, 9]), x) < best), name
    # Mean and atom are what the sample determines best.
    assert_allclose(fit.mean(), x.mean(axis=0), rtol=0.02)
    assert_allclose(fit.atoms()[0].mass, np.mean(x == 0, axis=0), atol=0.02)


def test_gamma_fit_of_512_channels_is_fast() -> None:
    """The bar is 0.1 s for 512 channels by 10,000 samples; here a tenth of the samples, for busy machines."""
    x = np.random.default_rng(10).standard_gamma(0.7, (1000, 512))
    Gamma.fit_mle(x)
    start = time.perf_counter()
    Gamma.fit_mle(x)
    assert time.perf_counter() - start < 0.1


def test_weighted_moments_are_unbiased() -> None:
    """E of the estimates over all samples of an exponential: b_r = H_{r+1}/(r+1)."""
    x = np.random.default_rng(11).standard_exponential((10, 20_000))
    b = [float(np.mean(v)) for v in probability_weighted_moments(x)]
    assert_allclose(b, [1.0, 0.75, 11 / 18], atol=5 / np.sqrt(200_000) * 1.2)
