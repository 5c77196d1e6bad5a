"""The numerical parts that the families stand on, each against mpmath or a closed value."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from aggdist.distributions import Gamma, Normal, ZeroInflatedGamma, moments, numeric, special, temme
from aggdist.distributions.checks import whole_number
from aggdist.distributions.maximise import maximise
from aggdist.distributions.roots import bracketed_root
from aggdist.distributions.series import log_window_sum


def test_log1p_remainder() -> None:
    u = np.array([-0.999, -0.3, -0.2, -1e-9, 1e-300, 0.19999, 0.2, 5.0])
    with mp.workdps(400):
        expected = [float((v - mp.log(1 + v)) / v**2) for v in map(mp.mpf, u.tolist())]
    assert_allclose(special.log1p_remainder(u), expected, rtol=4e-15)
    assert special.log1p_remainder(np.array(0.0)) == 0.5
    z = np.array([0.1j, 0.1 + 0.1j, 3 - 2j])
    with mp.workdps(40):
        expected_complex = [complex((mp.mpc(v) - mp.log(1 + mp.mpc(v))) / mp.mpc(v) ** 2) for v in z]
    assert_allclose(special.log1p_remainder(z), expected_complex, rtol=1e-14)


@pytest.mark.parametrize("a", [0.01, 1.0, 9.99, 10.01, 1e3, 1e14])
def test_stirling_and_digamma_remainders(a: float) -> None:
    with mp.workdps(60):
        x = mp.mpf(a)
        stirling = mp.loggamma(x) - (x - 0.5) * mp.log(x) + x - mp.log(2 * mp.pi) / 2
        digamma = mp.log(x) - 1 / (2 * x) - mp.digamma(x)
    i = np.array(1 / a)
    assert_allclose(special.stirling_remainder(i), float(stirling), rtol=1e-12)
    assert_allclose(special.digamma_remainder(i), float(digamma), rtol=1e-11)


def test_remainders_vanish_at_infinite_shape() -> None:
    zero = np.array(0.0)
    assert special.stirling_remainder(zero) == 0
    assert special.digamma_remainder(zero) == 0
    assert_allclose(special.standard_gamma_entropy(zero), Normal(0.0, 1.0).entropy())


def test_discrete_weights() -> None:
    m = np.array([1.0, 7.0, 40.0])
    with mp.workdps(40):
        binomial = [
            float(mp.log(mp.binomial(40, int(k)) * mp.mpf("0.3") ** k * mp.mpf("0.7") ** (40 - k))) for k in m
        ]
        poisson = [float(k * mp.log(5) - 5 - mp.loggamma(k + 1)) for k in m]
    assert_allclose(special.log_binomial(m, np.array(40.0), np.array(0.3)), binomial, rtol=1e-14)
    assert_allclose(special.log_poisson(m, np.array(5.0)), poisson, rtol=1e-14)
    certain = special.log_binomial(np.array([39.0, 40.0]), np.array(40.0), np.array(1.0))
    assert np.array_equal(certain, [-np.inf, 0.0])


def test_log_gamma_density_of_extreme_arguments() -> None:
    shape, y = np.array([50.0, 50.0, 0.5, 1.0, 2.0]), np.array([1e-300, 1e300, 0.0, 0.0, 0.0])
    with mp.workdps(400):
        first, second = (
            49 * mp.log(v) - v - mp.loggamma(50) for v in (mp.mpf(10) ** -300, mp.mpf(10) ** 300)
        )
    assert_allclose(special.log_gamma_density(shape, y)[:2], [float(first), float(second)], rtol=1e-13)
    assert np.array_equal(special.log_gamma_density(shape, y)[2:], [np.inf, 0.0, -np.inf])


def test_log_sum_exp() -> None:
    terms = np.array([[-np.inf, -np.inf], [-1e4, -1e4], [np.inf, 0.0], [3.0, -np.inf]])
    assert_allclose(special.log_sum_exp(terms), [-np.inf, -1e4 + np.log(2), np.inf, 3.0])


def test_temme_coefficients() -> None:
    """Temme 1979, DiDonato and Morris 1986: the first of each order are known fractions."""
    c = temme.coefficients()
    assert_allclose(c[0, :4], [-1 / 3, 1 / 12, -2 / 135, 1 / 864], rtol=1e-13)
    assert_allclose(c[1, :3], [-1 / 540, -1 / 288, 1 / 378], rtol=1e-12)
    assert_allclose(c[2, 0], 25 / 6048, rtol=1e-12)


@pytest.mark.parametrize("a", [1.2e4, 1e7])
@pytest.mark.parametrize("z", [-9.0, -1.0, 0.0, 0.4, 12.0])
def test_temme_tails(a: float, z: float) -> None:
    with mp.workdps(40):
        # Continued fraction and series in 40 digits, by mpmath's own choice.
        point = mp.mpf(a) + mp.mpf(z) * mp.sqrt(a)
        upper = mp.gammainc(a, point, mp.inf, regularized=True) if a < 1e5 else None
    lower, found = temme.standard_tails(np.array(z), np.array(1 / np.sqrt(a)))
    assert_allclose(lower + found, 1.0, rtol=1e-14)
    if upper is not None:
        assert_allclose(found, float(upper), rtol=3e-13)
        assert_allclose(lower, float(1 - upper), rtol=3e-13)
    else:
        assert_allclose(found, Gamma(a, 1.0).sf(float(point)), rtol=1e-9)


def test_moment_conversions_are_inverse() -> None:
    cumulants = [np.array(v) for v in (0.3, 2.0, -1.0, 4.0, 0.5)]
    raw = [moments.raw_from_cumulants(cumulants[:r]) for r in range(1, 6)]
    for r in range(1, 6):
        assert_allclose(moments.cumulant_from_raw(raw[:r]), cumulants[r - 1], rtol=1e-12)


def test_compound_cumulants_of_a_coin() -> None:
    law = ZeroInflatedGamma(0.3, 2.0, 1.5)
    raw = [law.moment(r) for r in range(1, 7)]
    for r in range(1, 7):
        assert_allclose(law.cumulant(r), moments.cumulant_from_raw(raw[:r]), rtol=1e-10)


def test_expectation_includes_atoms() -> None:
    law = ZeroInflatedGamma(0.3, 2.0, 1.0)
    assert_allclose(numeric.expectation(law, np.cos), law.cf(1.0).real, rtol=1e-12)


def test_bracketed_root_is_elementwise() -> None:
    target = np.array([1e-8, 0.5, 3.0])
    assert_allclose(
        bracketed_root(lambda v: np.exp(v) - target, -50.0, 50.0, (3,)), np.log(target), rtol=1e-14
    )
    assert_allclose(bracketed_root(lambda v: v, -1.0, 1.0, (1,)), 0.0, atol=1e-15)


def test_maximise_finds_every_maximum_of_a_batch() -> None:
    centre = np.array([[0.0, 2.0, -1.0], [1.0, 1.0, 4.0]])

    def value(theta: np.ndarray) -> np.ndarray:
        return -np.log(np.cosh(theta[0] - centre[0])) - (theta[1] - centre[1]) ** 2 * (1 + theta[0] ** 2 / 9)

    found, converged = maximise(value, np.zeros((2, 3)))
    assert np.all(converged)
    assert_allclose(found, centre, atol=1e-6)


def test_maximise_reports_what_has_no_maximum() -> None:
    _, converged = maximise(lambda theta: np.where(theta[0] < 3, theta[0], -np.inf), np.zeros((1, 2)))
    assert not np.any(converged)


def test_window_sum_with_strides_is_exact() -> None:
    """A Poisson law of mean 1e8 sums to one, from about a hundred terms."""
    mean = np.array([3.0, 500.0, 1e8])
    count = []

    def term(m: np.ndarray, index: np.ndarray) -> np.ndarray:
        count.append(m.shape[1])
        return special.log_poisson(m, mean[index])

    width = np.sqrt(mean)
    total = np.exp(log_window_sum(term, mean, width, width, np.full(3, np.inf)))
    assert_allclose(total, 1 - np.exp(-mean), rtol=1e-11)
    assert max(count) < 300


def test_whole_numbers() -> None:
    assert whole_number("r", np.int64(3), 1) == 3
    with pytest.raises(TypeError, match="r: got True, expected a whole number"):
        whole_number("r", True, 1)
