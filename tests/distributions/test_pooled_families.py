"""The exact law of a mean of positions and its sparse limit, against their sums in high precision."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from aggdist.distributions import Affine, BinomialGamma, CompoundPoissonGamma, ZeroInflatedGamma


def zero_inflated_sum(law: BinomialGamma, x: float) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
    """Density, cdf and sf by adding every term in 40 digits."""
    q, a, scale, n = (mp.mpf(float(v)) for v in (law.active, law.shape, law.scale, law.positions))
    y = mp.mpf(x) * n / scale
    weights = [mp.binomial(n, m) * q**m * (1 - q) ** (n - m) for m in range(int(n) + 1)]
    density = sum(
        w * mp.exp((m * a - 1) * mp.log(y) - y - mp.loggamma(m * a)) * n / scale
        for m, w in enumerate(weights)
        if m > 0
    )
    upper = sum(w * mp.gammainc(m * a, y, mp.inf, regularized=True) for m, w in enumerate(weights) if m > 0)
    return density, 1 - upper, upper


@pytest.mark.parametrize(
    "parameters", [(0.3, 0.5, 1.0, 49), (0.02, 30.0, 2.0, 25), (1.0, 0.8, 1.0, 9), (0.999, 3.0, 1.0, 200)]
)
def test_binomial_gamma_against_the_full_sum(parameters: tuple[float, float, float, int]) -> None:
    law = BinomialGamma(*parameters)
    for x in (0.02 * float(law.mean()), float(law.mean()), float(law.mean() + 12 * law.std())):
        with mp.workdps(40):
            density, lower, upper = zero_inflated_sum(law, x)
            assert_allclose(law.logpdf(x), float(mp.log(density)), rtol=1e-13, atol=1e-12)
            assert_allclose(law.cdf(x), float(lower), rtol=1e-12)
            assert_allclose(law.sf(x), float(upper), rtol=1e-11)


def test_binomial_gamma_with_one_position_is_the_position() -> None:
    one, law = BinomialGamma(0.3, 2.0, 1.5, 1), ZeroInflatedGamma(0.3, 2.0, 1.5)
    x = np.array([0.0, 0.1, 2.0, 30.0])
    assert_allclose(one.pdf(x), law.pdf(x), rtol=1e-13)
    assert_allclose(one.cdf(x), law.cdf(x), rtol=1e-13)


def test_binomial_gamma_of_many_positions_is_fast_and_normal() -> None:
    law = BinomialGamma(0.3, 1.0, 1.0, 10**8)
    z = np.linspace(-3, 3, 7)
    x = law.mean() + law.std() * z
    assert_allclose(law.cdf(x), stats.norm.cdf(z), atol=1e-4)
    assert_allclose(np.exp(law.logpdf(x)) * law.std(), stats.norm.pdf(z), atol=1e-4)


@pytest.mark.parametrize("parameters", [(0.2, 0.5, 1.0), (6.0, 40.0, 2.0), (300.0, 1.0, 0.1)])
def test_compound_poisson_gamma_against_the_full_sum(parameters: tuple[float, float, float]) -> None:
    law = CompoundPoissonGamma(*parameters)
    mean, a, scale = (mp.mpf(v) for v in parameters)
    for x in (0.3 * float(law.mean()), float(law.mean()), float(law.mean() + 12 * law.std())):
        with mp.workdps(40):
            y = mp.mpf(x) / scale
            terms = [(m, mp.exp(m * mp.log(mean) - mean - mp.loggamma(m + 1))) for m in range(1, 900)]
            terms = [(m, w) for m, w in terms if w > mp.mpf(10) ** -300]
            density = sum(
                w * mp.exp((m * a - 1) * mp.log(y) - y - mp.loggamma(m * a)) / scale for m, w in terms
            )
        assert_allclose(law.logpdf(x), float(mp.log(density)), rtol=1e-12, atol=1e-12)


def test_compound_poisson_gamma_is_the_sparse_limit() -> None:
    """Theory item T5: N Z with N q = lambda; the distance is at most q min(1, lambda)."""
    limit = CompoundPoissonGamma(3.0, 0.7, 1.0)
    x = np.linspace(0, 12, 25)
    for n in (30, 3000):
        pooled = Affine(BinomialGamma(3.0 / n, 0.7, 1.0, n), 0.0, float(n))
        distance = np.max(np.abs(pooled.cdf(x) - limit.cdf(x)))
        assert 1e-3 * 3.0 / n < distance <= 3.0 / n


def test_compound_poisson_gamma_far_tails_stay_finite() -> None:
    law = CompoundPoissonGamma(0.5, 2.0, 1.0)
    x = np.array([1e-200, 1e3, 1e8, 1e300])
    assert np.all(np.isfinite(law.logpdf(x)))
    assert_allclose(law.sf(x), [1 - np.exp(-0.5), law.sf(1e3), 0.0, 0.0], atol=1e-15)
