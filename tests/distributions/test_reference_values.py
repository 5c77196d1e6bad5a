"""Families against independent implementations: scipy.stats and mpmath in high precision."""

from __future__ import annotations

import time

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import owens_t

from aggdist.distributions import (
    Affine,
    BinomialGamma,
    Distribution,
    Exponential,
    Gamma,
    GeneralisedExtremeValue,
    GeneralisedGamma,
    Gumbel,
    Mixture,
    Normal,
    RectifiedNormal,
    ShiftedGamma,
    SkewNormal,
    ZeroInflatedGamma,
)


def direct(mean: float, std: float, skew: float) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
    """Azzalini's alpha, xi and omega from delta, in 50 digits."""
    with mp.workdps(50):
        power = abs(mp.mpf(skew)) ** (mp.mpf(2) / 3)
        delta = mp.sign(skew) * mp.sqrt(mp.pi / 2 * power / (power + ((4 - mp.pi) / 2) ** (mp.mpf(2) / 3)))
        omega = std / mp.sqrt(1 - 2 * delta**2 / mp.pi)
        return delta / mp.sqrt(1 - delta**2), mean - omega * delta * mp.sqrt(2 / mp.pi), omega


PAIRS = [
    (Normal(1.0, 2.0), stats.norm(1.0, 2.0)),
    (Exponential(0.3), stats.expon(scale=0.3)),
    (Gamma(0.4, 2.0), stats.gamma(0.4, scale=2.0)),
    (Gamma(37.0, 0.1), stats.gamma(37.0, scale=0.1)),
    (ShiftedGamma(1.0, 2.0, 0.8), stats.pearson3(0.8, 1.0, 2.0)),
    (ShiftedGamma(1.0, 2.0, -2.5), stats.pearson3(-2.5, 1.0, 2.0)),
    (SkewNormal(1.0, 2.0, 0.8), stats.skewnorm(*map(float, direct(1.0, 2.0, 0.8)))),
    (SkewNormal(1.0, 2.0, -0.3), stats.skewnorm(*map(float, direct(1.0, 2.0, -0.3)))),
    (GeneralisedGamma(2.0, 0.9, 3.0), stats.gengamma(0.3, 3.0, scale=2.0)),
    (Gumbel(1.0, 0.5), stats.gumbel_r(1.0, 0.5)),
    (GeneralisedExtremeValue(1.0, 0.5, 0.2), stats.genextreme(-0.2, 1.0, 0.5)),
    (GeneralisedExtremeValue(1.0, 0.5, -0.6), stats.genextreme(0.6, 1.0, 0.5)),
]


@pytest.mark.parametrize(("law", "oracle"), PAIRS, ids=lambda v: type(v).__name__)
def test_against_scipy(law: Distribution, oracle: object) -> None:
    u = np.array([1e-6, 0.02, 0.3, 0.5, 0.9, 0.999])
    x = oracle.ppf(u)
    assert_allclose(law.quantile(u), x, rtol=1e-9)
    assert_allclose(law.pdf(x), oracle.pdf(x), rtol=1e-9)
    assert_allclose(law.logpdf(x), oracle.logpdf(x), rtol=1e-9, atol=1e-12)
    assert_allclose(law.cdf(x), u, rtol=1e-9)
    assert_allclose(law.sf(x), oracle.sf(x), rtol=1e-9)
    assert_allclose(law.entropy(), oracle.entropy(), rtol=1e-8)
    mean, var, skewness = (float(v) for v in oracle.stats(moments="mvs"))
    assert_allclose([law.mean(), law.var(), law.skewness()], [mean, var, skewness], rtol=1e-8)


@pytest.mark.parametrize(("shape", "y"), [(0.3, 40.0), (5.0, 80.0), (200.0, 330.0), (1e6, 1.008e6)])
def test_gamma_tail_is_relatively_accurate(shape: float, y: float) -> None:
    with mp.workdps(40):
        upper = mp.gammainc(shape, y, mp.inf, regularized=True)
        log_density = (shape - 1) * mp.log(y) - y - mp.loggamma(shape)
    law = Gamma(shape, 1.0)
    assert_allclose(law.sf(y), float(upper), rtol=2e-12)
    assert_allclose(law.logpdf(y), float(log_density), rtol=1e-13, atol=1e-13)


def test_tiny_upper_probabilities_keep_their_digits() -> None:
    x = np.array([30.0, 60.0, 600.0])
    for law in (
        Exponential(1.0),
        Gamma(2.0, 1.0),
        ZeroInflatedGamma(0.1, 2.0, 1.0),
        BinomialGamma(0.3, 2.0, 9.0, 9),
    ):
        back = law._upper_quantile(law.sf(x)) if law.has_closed_form("quantile") else x
        assert_allclose(back, x, rtol=1e-12)
        assert np.all(law.sf(x) > 0)
    reflected = Affine(Gamma(2.0, 1.0), 0.0, -1.0)
    assert_allclose(
        reflected.quantile(1e-200), -Gamma(2.0, 1.0)._upper_quantile(np.array(1e-200)), rtol=1e-14
    )


def rectified_moment(d: float, r: float) -> mp.mpf:
    with mp.workdps(60):
        d = mp.mpf(d)
        return mp.gamma(r + 1) * mp.exp(-(d**2) / 4) * mp.pcfd(-r - 1, -d) / mp.sqrt(2 * mp.pi)


@pytest.mark.parametrize("d", [-30.0, -20.0, -6.15, -1.0, -0.999, 0.0, 0.7, 3.0, 12.0])
def test_rectified_normal_moments_are_relatively_accurate(d: float) -> None:
    law = RectifiedNormal(2 * d, 2.0)
    for r in (0.5, 1, 2, 3, 4, 5.5):
        expected = float(2**r * rectified_moment(d, r))
        assert_allclose(law.moment(r), expected, rtol=5e-14 if d > -15 else 3e-13)


@pytest.mark.parametrize("d", [-20.0, -3.0, 0.0, 0.4, 2.0, 8.0, 20.0])
def test_rectified_normal_cumulants_are_relatively_accurate(d: float) -> None:
    # 250 digits: at d = 20 the third cumulant, 1e-86, is what is left of terms of size 8000.
    with mp.workdps(250):
        e = mp.mpf(d)
        tail, density = mp.erfc(-e / mp.sqrt(2)) / 2, mp.exp(-(e**2) / 2) / mp.sqrt(2 * mp.pi)
        m = [tail, e * tail + density]
        for r in (2, 3, 4):
            m.append(e * m[r - 1] + (r - 1) * m[r - 2])
        second = m[2] - m[1] ** 2
        third = m[3] - 3 * m[1] * m[2] + 2 * m[1] ** 3
        fourth = m[4] - 4 * m[1] * m[3] - 3 * m[2] ** 2 + 12 * m[1] ** 2 * m[2] - 6 * m[1] ** 4
    law = RectifiedNormal(d, 1.0)
    assert_allclose(law.var(), float(second), rtol=1e-13)
    assert_allclose([law.cumulant(3), law.cumulant(4)], [float(third), float(fourth)], rtol=1e-12)


def test_rectified_normal_cf_and_the_reflected_form() -> None:
    t = np.array([-3.0, 0.2, 1.5])
    for d in (-45.0, -5.0, 0.0, 5.0, 37.5, 60.0):
        with mp.workdps(40):
            expected = [
                complex(
                    mp.ncdf(-d)
                    + mp.exp(1j * mp.mpf(d) * v - mp.mpf(v) ** 2 / 2)
                    * mp.erfc(-(d + 1j * mp.mpf(v)) / mp.sqrt(2))
                    / 2
                )
                for v in t
            ]
        assert_allclose(RectifiedNormal(d, 1.0).cf(t), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("skew", [0.0199, 0.0201, 0.3, -1.9, 2.0])
def test_shifted_gamma_tails(skew: float) -> None:
    with mp.workdps(50):
        a = 4 / mp.mpf(skew) ** 2
        for z in (-6.0, -1.9, 0.0, 0.3, 5.0, 12.0):
            point = a + mp.sign(skew) * mp.mpf(z) * mp.sqrt(a)
            if point <= 0:
                continue
            lower = mp.gammainc(a, 0, point, regularized=True)
            upper = mp.gammainc(a, point, mp.inf, regularized=True)
            cdf, sf = (lower, upper) if skew > 0 else (upper, lower)
            law = ShiftedGamma(0.0, 1.0, skew)
            assert_allclose(law.cdf(z), float(cdf), rtol=3e-12)
            assert_allclose(law.sf(z), float(sf), rtol=3e-12)


@pytest.mark.parametrize("skew", [0.0, 1e-200, 1e-12, 1e-8, -1e-8])
def test_shifted_gamma_tends_to_the_normal(skew: float) -> None:
    law, normal = ShiftedGamma(1.0, 2.0, skew), Normal(1.0, 2.0)
    x = np.linspace(-8, 10, 37)
    # The first Edgeworth correction is skew (z^3 - 3 z)/6, of relative size 1e-8 up to z = 4.5.
    slack = 1e-13 + abs(skew) * 16
    assert_allclose(law.pdf(x), normal.pdf(x), rtol=slack)
    assert_allclose(law.cdf(x), normal.cdf(x), rtol=slack, atol=1e-16)
    assert_allclose(law.sf(x), normal.sf(x), rtol=slack, atol=1e-16)
    u = np.array([1e-9, 0.1, 0.5, 0.999])
    assert_allclose(law.quantile(u), normal.quantile(u), rtol=1e-7, atol=1e-7)
    assert_allclose(law.cf(0.3), normal.cf(0.3), rtol=1e-7)
    assert_allclose(law.entropy(), normal.entropy(), rtol=1e-14)


def test_shifted_gamma_end_point_and_reflection() -> None:
    law, mirror = ShiftedGamma(1.0, 2.0, 0.5), ShiftedGamma(-1.0, 2.0, -0.5)
    assert law.support() == (1.0 - 2 * 2.0 / 0.5, np.inf)
    x = np.linspace(-6, 9, 11)
    assert_allclose(law.cdf(x), mirror.sf(-x), rtol=1e-14)


def integrated_tail(alpha: mp.mpf, u: mp.mpf, sign: int) -> mp.mpf:
    """Integral of `2 phi(t) Phi(alpha t)` beyond u, on the right for sign 1 and on the left for sign -1."""

    def density(t: mp.mpf) -> mp.mpf:
        return mp.exp(-t * t / 2) * mp.erfc(-alpha * t / mp.sqrt(2)) / mp.sqrt(2 * mp.pi)

    # In units of the density at u, because mpmath's tolerance is absolute; panels as long as a tail decays.
    unit = density(u)
    length = 1 / (1 + abs(u) + alpha**2 * max(-mp.sign(alpha) * u, 0) + abs(alpha))
    ends = [u, *(u + sign * length * 5**k for k in range(6))]
    return unit * abs(mp.quad(lambda t: density(t) / unit, ends))


@pytest.mark.parametrize("skew", [0.0, 1e-9, -0.05, 0.4, -0.9, 0.99])
def test_skew_normal_tails_and_log_density(skew: float) -> None:
    law = SkewNormal(0.0, 1.0, skew)
    alpha, xi, omega = direct(0.0, 1.0, skew)
    levels = np.array([1e-230, 1e-16, 1e-3, 0.45])
    for sign, points in ((-1, law.quantile(levels)), (1, law._upper_quantile(levels))):
        for x in points:
            with mp.workdps(30):
                u = (mp.mpf(float(x)) - xi) / omega
                normal = mp.erfc(-alpha * u / mp.sqrt(2)) / (mp.sqrt(2 * mp.pi) * omega)
                log_density, tail = mp.log(normal) - u * u / 2, integrated_tail(alpha, u, sign)
            near, other = (law.cdf(x), law.sf(x)) if sign < 0 else (law.sf(x), law.cdf(x))
            assert_allclose(law.logpdf(x), float(log_density), rtol=1e-14, atol=1e-14)
            assert_allclose(near, float(tail), rtol=1e-12 if tail < 1e-50 else 6e-14)
            assert_allclose(other, float(1 - tail), rtol=6e-14)


@pytest.mark.parametrize("skew", [0.0, 1e-200, 1e-12, 1e-8, -1e-8])
def test_skew_normal_tends_to_the_normal(skew: float) -> None:
    law, normal = SkewNormal(1.0, 2.0, skew), Normal(1.0, 2.0)
    x = np.linspace(-8, 10, 37)
    slack = 1e-13 + abs(skew) * 16  # as for the shifted gamma
    for quantity in ("pdf", "cdf", "sf"):
        assert_allclose(getattr(law, quantity)(x), getattr(normal, quantity)(x), rtol=slack)
    u = np.array([1e-9, 0.1, 0.5, 0.999])
    assert_allclose(law.quantile(u), normal.quantile(u), rtol=1e-7, atol=1e-7)
    assert_allclose(law.cf(0.3), normal.cf(0.3), rtol=1e-8)
    assert_allclose(law.entropy(), normal.entropy(), rtol=1e-12)


@pytest.mark.parametrize("skew", [-0.99, 1e-6, 0.5, 0.989])
def test_skew_normal_parameters_cumulants_and_cf(skew: float) -> None:
    law, mirror = SkewNormal(1.0, 2.0, skew), SkewNormal(-1.0, 2.0, -skew)
    alpha, xi, omega = direct(1.0, 2.0, skew)
    assert_allclose([law.alpha, law.xi, law.omega], [float(v) for v in (alpha, xi, omega)], rtol=2e-15)
    with mp.workdps(50):
        delta = alpha / mp.sqrt(1 + alpha**2)
        # Derivatives at 0 of the cumulant generating function.
        series = mp.taylor(lambda t: t * t / 2 + mp.log(2 * mp.ncdf(delta * t)), 0, 6)
        cumulants = [float(omega**r * mp.factorial(r) * series[r]) for r in range(1, 7)]
        t = np.array([-2.0, 0.1, 1.5])
        s = [omega * mp.mpf(v) for v in t]
        plain = [mp.exp(-v * v / 2) * (1 + 1j * mp.erfi(delta * v / mp.sqrt(2))) for v in s]
        cf = [complex(mp.exp(1j * mp.mpf(v) * xi) * p) for v, p in zip(t, plain, strict=True)]
    assert_allclose([law.cumulant(r) for r in range(2, 7)], cumulants[1:], rtol=1e-12)
    assert_allclose(law.cf(t), cf, rtol=1e-12, atol=1e-16)
    x = np.linspace(-6, 9, 11)
    assert np.array_equal(law.cdf(x), mirror.sf(-x))
    assert np.array_equal(law.logpdf(x), mirror.logpdf(-x))


def test_skew_normal_quantile_and_bulk_far_out() -> None:
    law = SkewNormal(1.0, 2.0, [-0.99, -0.2, 0.0, 0.5, 0.99])
    level = np.array([[1e-300], [1e-40], [1e-5]])
    assert_allclose(law.cdf(law.quantile(level)), np.broadcast_to(level, (3, 5)), rtol=2e-12)
    upper = np.broadcast_to(level, (3, 5))
    assert_allclose(law.sf(law._upper_quantile(upper)), upper, rtol=2e-12)
    for nats in (5.0, 37.0, 600.0):
        low, high = law.bulk(nats)
        for tail in (np.log(law.cdf(low)), np.log(law.sf(high))):
            assert np.all((tail <= -nats + 1e-9) & (tail >= -nats - 10))


def test_skew_normal_is_fast() -> None:
    """1024 points of 10 x 10 laws, against Owen's function at the same points, which takes 13 to 17 ms.

    A ratio in one run holds on a busy or slow machine; it is 2.2 for the cdf and 0.5 for the logarithm of the
    density (`scipy.stats.skewnorm.cdf`: 1200).
    """
    law = SkewNormal(np.zeros((10, 10)), 1.0, np.linspace(-0.99, 0.99, 100).reshape(10, 10))
    x = np.linspace(-9, 9, 1024)[:, None, None]
    u, alpha = np.broadcast_arrays(x, np.abs(law.alpha))
    tasks = {"owens_t": lambda: owens_t(u, alpha), "cdf": lambda: law.cdf(x), "logpdf": lambda: law.logpdf(x)}
    best = dict.fromkeys(tasks, np.inf)
    for _ in range(7):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            best[name] = min(best[name], time.perf_counter() - start)
    assert best["cdf"] < 4 * best["owens_t"]
    assert best["logpdf"] < 1.5 * best["owens_t"]


def test_generalised_extreme_value_joins_gumbel() -> None:
    x = np.linspace(-2, 12, 15)
    for shape in (0.0, 1e-12, -1e-12, 1e-200):
        law, gumbel = GeneralisedExtremeValue(1.0, 2.0, shape), Gumbel(1.0, 2.0)
        assert_allclose(law.logpdf(x), gumbel.logpdf(x), rtol=1e-9)
        assert_allclose(law.quantile([0.1, 0.99]), gumbel.quantile([0.1, 0.99]), rtol=1e-9)
        assert_allclose(
            [law.cumulant(r) for r in (1, 2, 3, 4)], [gumbel.cumulant(r) for r in (1, 2, 3, 4)], rtol=1e-9
        )
        assert_allclose(law.cf([-0.4, 2.0]), gumbel.cf([-0.4, 2.0]), rtol=1e-9)


@pytest.mark.parametrize("shape", [-0.8, -0.05, -0.0499, 0.01, 0.0501, 0.2])
def test_generalised_extreme_value_moments(shape: float) -> None:
    with mp.workdps(60):
        g = [mp.gamma(1 - k * mp.mpf(shape)) for k in range(5)]
        for r in (1, 2, 3, 4):
            raw = sum(mp.binomial(r, k) * (-1) ** (r - k) * g[k] for k in range(r + 1)) / mp.mpf(shape) ** r
            assert_allclose(GeneralisedExtremeValue(0.0, 1.0, shape).moment(r), float(raw), rtol=2e-9)


def test_generalised_extreme_value_without_moments() -> None:
    law = GeneralisedExtremeValue(0.0, 1.0, [0.3, 0.6, 1.2])
    assert np.array_equal(np.isinf(law.var()), [False, True, True])
    assert np.array_equal(np.isinf(law.mean(method="numeric")), [False, False, True])


@pytest.mark.parametrize(("shape", "t"), [(0.5, 2.0), (-0.4, -3.0), (2.0, 0.7)])
def test_generalised_extreme_value_cf(shape: float, t: float) -> None:
    """Against integration over the standard exponential on the real line, rotated differently."""
    with mp.workdps(30):
        turn = mp.exp(-1j * mp.sign(t) * mp.pi / (4 + 2 * abs(shape)) / max(1, shape))

        def integrand(w: mp.mpf) -> mp.mpc:
            return mp.exp(1j * t * ((w * turn) ** -shape - 1) / shape - w * turn) * turn

        expected = complex(mp.quad(integrand, [0, 1e-3, 0.1, 1, 5, 60]))
    assert_allclose(GeneralisedExtremeValue(0.0, 1.0, shape).cf(t), expected, rtol=1e-8)


def test_a_power_of_a_gamma_is_a_generalised_gamma() -> None:
    law = GeneralisedGamma.from_gamma_power(2.5, 0.3, 3.0)
    x = np.array([0.2, 0.8, 1.4])
    assert_allclose(law.cdf(x), Gamma(2.5, 0.3).cdf(x**3), rtol=1e-14)


def test_generalised_gamma_near_zero() -> None:
    """A fifth power underflows at 1e-65; half of the mass of this law lies below 1e-60."""
    law = GeneralisedGamma(1.0, 0.005, 5.0)
    x = np.array([1e-280, 1e-100, 1e-62])
    with mp.workdps(30):
        exact = [mp.gammainc(mp.mpf("0.001"), 0, mp.mpf(v) ** 5, regularized=True) for v in x]
    assert_allclose(law.cdf(x), [float(v) for v in exact], rtol=1e-11)
    assert_allclose(law.quantile(law.cdf(x)), x, rtol=1e-9)
    assert_allclose(law.pdf(x), 0.005 * law.cdf(x) / x, rtol=1e-11)


def test_generalised_gamma_cumulants_of_large_shape() -> None:
    with mp.workdps(60):
        k, step = mp.mpf(50000), mp.mpf(1) / 2
        m = [mp.gamma(k + r * step) / mp.gamma(k) for r in range(4)]
        third = m[3] - 3 * m[1] * m[2] + 2 * m[1] ** 3
        second = m[2] - m[1] ** 2
    law = GeneralisedGamma(1.0, 100000.0, 2.0)
    assert_allclose(law.var(), float(second), rtol=1e-11)
    # Third order: two leading orders cancel.
    assert_allclose(law.cumulant(3), float(third), rtol=1e-5)


def test_zero_inflated_gamma_at_both_ends_of_active() -> None:
    dead, plain, gamma = ZeroInflatedGamma(0.0, 1.0, 1.0), ZeroInflatedGamma(1.0, 2.0, 3.0), Gamma(2.0, 3.0)
    assert dead.support() == (0.0, 0.0)
    assert_allclose(
        [dead.cdf(0.0), dead.cdf(-1.0), dead.sf(0.0), dead.mean(), dead.var(), dead.entropy()],
        [1, 0, 0, 0, 0, 0],
    )
    assert dead.quantile(0.7) == 0
    assert_allclose(dead.cf(1.0), 1.0)
    assert np.all(dead.sample(np.random.default_rng(0), 9) == 0)
    x = np.array([0.1, 4.0, 90.0])
    assert np.array_equal(plain.sf(x), gamma.sf(x))
    assert_allclose(
        [plain.cumulant(r) for r in range(1, 6)], [gamma.cumulant(r) for r in range(1, 6)], rtol=1e-14
    )


def test_zero_inflated_gamma_cumulants_do_not_cancel() -> None:
    q, a, theta = 1 - 1e-9, 1e4, 0.1
    with mp.workdps(50):
        raw = [q * mp.mpf(theta) ** r * mp.rf(a, r) for r in (1, 2, 3)]
        third = raw[2] - 3 * raw[0] * raw[1] + 2 * raw[0] ** 3
    assert_allclose(ZeroInflatedGamma(q, a, theta).cumulant(3), float(third), rtol=1e-9)


def test_mixture_of_one_component_and_of_weight_zero() -> None:
    gamma = Gamma([2.0, 5.0], 1.0)
    alone = Mixture(gamma, [1.0, 0.0])
    x = np.array([0.1, 3.0, 40.0])
    assert_allclose(alone.logpdf(x), gamma[0].logpdf(x), rtol=1e-14)
    assert_allclose(alone.quantile([0.01, 0.99]), gamma[0].quantile([0.01, 0.99]), rtol=1e-12)


def test_mixture_log_density_survives_underflow() -> None:
    law = Mixture(Normal([-50.0, 50.0], 1.0), [0.5, 0.5])
    assert_allclose(law.logpdf(0.0), Normal(50.0, 1.0).logpdf(0.0), rtol=1e-14)


def test_mixture_merges_atoms_and_meets_them_in_its_quantile() -> None:
    law = Mixture(Affine(ZeroInflatedGamma([0.4, 0.5], 2.0, 1.0), [0.0, 3.0]), [0.5, 0.5])
    masses = {float(a.location): float(a.mass) for a in law.atoms()}
    assert masses == pytest.approx({0.0: 0.3, 3.0: 0.25})
    before = float(law.cdf(np.nextafter(3.0, 0)))
    assert law.quantile(before + 0.1) == 3.0
    assert law.quantile(0.2) == 0.0
    same = Mixture(ZeroInflatedGamma([0.4, 0.5], 2.0, 1.0), [0.5, 0.5])
    assert len(same.atoms()) == 1


def test_affine_with_negative_factor_and_an_atom() -> None:
    law = Affine(ZeroInflatedGamma(0.4, 2.0, 1.0), 1.0, -2.0)
    assert law.support() == (-np.inf, 1.0)
    assert_allclose(law.cdf([1.0, np.nextafter(1.0, 0)]), [1.0, 0.4], rtol=1e-12)
    assert_allclose(law.sf([1.0, np.nextafter(1.0, 0)]), [0.0, 0.6], rtol=1e-12)
    assert law.quantile(0.41) == 1.0
    assert_allclose(law.skewness(), -ZeroInflatedGamma(0.4, 2.0, 1.0).skewness())
