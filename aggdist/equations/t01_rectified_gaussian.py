"""Checks of chapter T1: the rectified normal, its moments, characteristic function, limits and fits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from aggdist.distributions import RectifiedNormal
from aggdist.distributions.truncated_moments import moment_ratios, partial_moments
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation

Array = NDArray[np.float64]
_CHAPTER = "01_rectified_gaussian"


def moments_by_quadrature(d: Array, order: int) -> list[Array]:
    """`E[(V + d)^r; V > -d]`, r = 0..order, for a standard normal V, by quadrature in u = V + d.

    Gauss's rule on 40 panels of the positive u that carry mass: every term is positive, so nothing cancels
    and the digits are those of the density.
    """
    unit, share = _panels(40)
    reach = np.maximum(d, 0) + 50 / (1 + np.maximum(-d, 0))
    u = unit * reach
    density = np.exp(-0.5 * (u - d) ** 2) / np.sqrt(2 * np.pi)
    return [np.asarray(np.sum(share * reach * u**r * density, axis=0)) for r in range(order + 1)]


def _panels(count: int) -> tuple[Array, Array]:
    """Gauss's rule on equal panels of (0, 1): nodes and weights of shape (20 count, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(20)
    unit = (np.arange(count)[:, None] + (nodes + 1) / 2) / count
    return unit.reshape(-1, 1), np.tile(weights / (2 * count), count).reshape(-1, 1)


def cumulants_from_halves(d: Array) -> tuple[Array, Array, Array]:
    """The first three cumulants of `max(V + d, 0)` from m = M_1(d) and m' = M_1(-d), as the chapter has them."""
    m, other = partial_moments(d, 1)[1], partial_moments(-d, 1)[1]
    on, off = special.ndtr(d), special.ndtr(-d)
    return m, np.asarray(on - m * other), np.asarray(m * other * (m + other) + 2 * m * off - other * on)


@equation("T1.1", "P(A = 0) = Phi(-d), P(A <= x) = Phi((x - mu)/sigma) for x >= 0", chapter=_CHAPTER)
def _law() -> Evidence:
    d, sigma = np.array([-4.0, -1.0, 0.0, 0.7, 3.0]), 0.6
    law = RectifiedNormal(d * sigma, np.full(5, sigma))
    x = sigma * np.array([0.0, 0.4, 1.5, 4.0])[:, None]
    # Mass of the normal density below 0 and up to x, by quadrature in the mirrored variable.
    silent, beyond = moments_by_quadrature(-d, 0)[0], moments_by_quadrature((d - x / sigma).ravel(), 0)[0]
    errors = [
        absolute_error(law.atoms()[0].mass, silent),
        absolute_error(law.sf(x).ravel(), beyond),
        absolute_error(law.cdf(x), law.cdf(x, method="numeric")),
        absolute_error(law.cdf(np.zeros(5)), silent),
    ]
    return Evidence(max(errors), 1e-9, "atom and tail by quadrature of the normal density, d -4 to 3")


@equation("T1.2", "M_r = d M_{r-1} + (r-1) M_{r-2} and dM_r/dd = r M_{r-1}", chapter=_CHAPTER)
def _recursion() -> Evidence:
    d = np.linspace(-1.0, 6.0, 29)
    exact, step = moments_by_quadrature(d, 6), 1e-4
    up, down = moments_by_quadrature(d + step, 6), moments_by_quadrature(d - step, 6)
    value, library = [special.ndtr(d), d * special.ndtr(d) + stats.norm.pdf(d)], partial_moments(d, 6)
    errors = []
    for r in range(7):
        if r >= 2:
            value.append(d * value[r - 1] + (r - 1) * value[r - 2])
        errors += [relative_error(value[r], exact[r]), relative_error(library[r], exact[r])]
        if r >= 1:
            errors.append(relative_error((up[r] - down[r]) / (2 * step), r * exact[r - 1]))
    return Evidence(max(errors), 1e-7, "quadrature and its central differences, r up to 6, d -1 to 6")


@equation("T1.3", "M_r/M_{r-1} = r/(h + M_{r+1}/M_r), h = -d, keeps its digits", chapter=_CHAPTER)
def _stable_route() -> Evidence:
    h = np.concatenate([np.linspace(1.0, 12.0, 23), [20.0, 30.0]])
    # Free of the factor phi(h), which is common to all: u^r exp(-h u - u^2/2).
    unit, weights = _panels(60)
    u, share = 60 * unit / h, 60 * weights / h
    free = [np.sum(share * u**r * np.exp(-h * u - u * u / 2), axis=0) for r in range(6)]
    ratios, moments = moment_ratios(h, 5), partial_moments(-h, 5)
    errors = [relative_error(ratios[r - 1], free[r] / free[r - 1]) for r in range(1, 6)]
    # Divided by phi(h) the moments are those integrals; log_ndtr has the digits of the tail.
    scale = np.exp(special.log_ndtr(-h)) / free[0]
    errors += [relative_error(moments[r], free[r] * scale) for r in range(6)]
    return Evidence(max(errors), 1e-12, "relative, quadrature of positive terms, r up to 5, h 1 to 30")


@equation("T1.4", "kappa_2 = Phi - m m', kappa_3 = m m'(m+m') + 2 m Phi' - m' Phi", chapter=_CHAPTER)
def _cumulants() -> Evidence:
    d = np.linspace(-3.0, 3.0, 25)
    raw = moments_by_quadrature(d, 3)
    atom = moments_by_quadrature(-d, 0)[0]
    second, third = (_central(raw, atom, r) for r in (2, 3))
    law = RectifiedNormal(2 * d, np.full(25, 2.0))
    mean, var, skew = cumulants_from_halves(d)
    errors = [absolute_error(mean, raw[1]), absolute_error(var, second), absolute_error(skew, third)]
    errors += [absolute_error(law.cumulant(r) / 2**r, k) for r, k in ((1, mean), (2, var), (3, skew))]
    return Evidence(max(errors), 1e-12, "central moments by quadrature with the atom, d -3 to 3")


def _central(raw: list[Array], atom: Array, order: int) -> Array:
    """Central moment from partial moments about 0 and the mass at 0."""
    mean = raw[1]
    binomial = [special.comb(order, r) * raw[r] * (-mean) ** (order - r) for r in range(order + 1)]
    return np.asarray(sum(binomial[1:], start=binomial[0]) + atom * (-mean) ** order)


@equation("T1.5", "kappa_2/kappa_1^2 falls from inf to 0; kappa_3 > 0 peaks where it is 1", chapter=_CHAPTER)
def _monotone() -> Evidence:
    d = np.linspace(-12.0, 8.0, 2001)
    mean, var, third = cumulants_from_halves(np.maximum(d, -3.0))
    raw = partial_moments(d, 3)
    variation = np.where(d < -3, raw[2] / raw[1] ** 2 - 1, var / mean**2)
    errors = [violation(variation[1:] / variation[:-1], 1 - 1e-6), violation(1e12, variation[0])]
    errors += [violation(variation[-1], 0.02), violation(1e-15, third[d >= -3].min())]
    law = RectifiedNormal.fit_moments(1.0, np.geomspace(1e-3, 1e6, 40))
    errors.append(relative_error(law.var() / law.mean() ** 2, np.geomspace(1e-3, 1e6, 40)))
    top = d[np.argmax(third)]
    errors.append(max(0.0, abs(top - float(RectifiedNormal.fit_moments(1.0, 1.0).ratio)) - 0.01))
    return Evidence(max(errors), 1e-9, "order on 2001 points d -12 to 8, fits to given quotients, the peak")


def cf_by_quadrature(d: Array, t: Array) -> NDArray[np.complex128]:
    """E exp(i t max(V + d, 0)) for d of shape (D,) and t of shape (T, 1), by quadrature over the positives."""
    unit, weights = _panels(60)
    u, weights = 20 * unit, 20 * weights
    waves = np.exp(1j * t * u.ravel())  # (T, nodes)
    return np.asarray(special.ndtr(-d) + waves @ (weights * stats.norm.pdf(u - d)))


@equation("T1.6", "cf = Phi(-d) + exp(-d^2/2) erfcx(-(d + i sigma t)/sqrt 2)/2", chapter=_CHAPTER)
def _cf() -> Evidence:
    d, t = np.array([-5.0, -1.0, 0.0, 1.0, 4.0]), np.array([-6.0, -0.5, 0.0, 1.0, 9.0])[:, None]
    z = -(d + 1j * t) / np.sqrt(2)
    # erfcx(z) = w(iz), Faddeeva's function.
    formula = special.ndtr(-d) + 0.5 * np.exp(-0.5 * d * d) * special.wofz(1j * z)
    sigma = 0.7
    library = RectifiedNormal(sigma * d, np.full(5, sigma)).cf(t / sigma)
    exact = cf_by_quadrature(d, t)
    errors = [absolute_error(formula, exact), absolute_error(library, exact)]
    return Evidence(max(errors), 1e-11, "quadrature, d -5 to 4, sigma t -6 to 9")


@equation("T1.7", "reflected: cf = Phi(-d) + normal cf - exp(-d^2/2) erfcx(+...)/2", chapter=_CHAPTER)
def _reflected() -> Evidence:
    d, t = np.array([0.5, 2.0, 6.0, 37.0, 60.0]), np.array([-3.0, 0.2, 1.7])[:, None]
    normal = np.exp(1j * d * t - 0.5 * t * t)
    below = 0.5 * np.exp(-0.5 * d * d) * special.wofz(1j * (d + 1j * t) / np.sqrt(2))
    formula = special.ndtr(-d) + normal - below
    library = RectifiedNormal(d, np.ones(5)).cf(t)
    near = d < 10  # beyond, the correction is below rounding: the limit is the normal law's
    exact = np.where(near, cf_by_quadrature(np.where(near, d, 0.0), t), normal)
    errors = [absolute_error(formula, exact), absolute_error(library, exact)]
    return Evidence(max(errors), 1e-11, "quadrature for d up to 6, the normal cf for d = 37 and 60")


@equation("T1.8", "given A > 0, hA/sigma is exponential up to 1/h^2 in total variation", chapter=_CHAPTER)
def _sparse_limit() -> Evidence:
    h = np.array([1.0, 2.0, 5.0, 20.0, 100.0])
    x = np.linspace(0.0, 40.0, 8001)[:, None]
    law = RectifiedNormal(-h, np.ones(5))
    tail = np.exp(special.log_ndtr(-h - x / h) - special.log_ndtr(-h))
    # One crossing of the densities: the total variation is the largest difference of the tails.
    distance = np.max(np.abs(np.exp(-x) - tail), axis=0)
    far = h > 30  # there the tail is below the smallest double
    from_law = np.where(far, tail, law.sf(x / h) / np.where(far, 1.0, special.ndtr(-h)))
    leading = (np.sqrt(2) + 1) * np.exp(-np.sqrt(2))
    errors = [
        violation(distance, 1 / h**2),
        absolute_error(from_law, tail),
        max(0.0, abs(distance[-1] * h[-1] ** 2 - leading) - 1e-3),
    ]
    return Evidence(max(errors), 1e-9, "tails by log Phi, h 1 to 100; and the leading constant at h = 100")


@equation("T1.9", "largest distance of the cdfs of A and U is exactly Phi(-d)", chapter=_CHAPTER)
def _dense_limit() -> Evidence:
    d, x = np.array([-1.0, 0.0, 1.0, 3.0, 6.0]), np.linspace(-40.0, 20.0, 60_001)[:, None]
    law = RectifiedNormal(d, np.ones(5))
    distance = np.max(np.abs(law.cdf(x) - special.ndtr(x - d)), axis=0)
    # The supremum is approached from below 0, so a grid of step h is off by at most h phi(0).
    gap = special.ndtr(-d) - distance
    errors = [violation(distance, special.ndtr(-d)), violation(gap, 4.1e-4)]
    errors.append(relative_error(law.atoms()[0].mass, special.ndtr(-d)))
    return Evidence(max(errors), 1e-12, "cdfs on a grid of 60001 points, d -1 to 6")


def log_likelihood(d: float, inverse_scale: float, sample: Array) -> float:
    """Log-likelihood of a sample of activations per observation, in (mu/sigma, 1/sigma)."""
    alive = sample[sample > 0]
    silent = (len(sample) - len(alive)) * special.log_ndtr(-d)
    bells = len(alive) * np.log(inverse_scale) - 0.5 * np.sum((inverse_scale * alive - d) ** 2)
    return float((silent + bells) / len(sample))


@equation("T1.10", "the likelihood is concave in (mu/sigma, 1/sigma); one maximum", chapter=_CHAPTER)
def _likelihood() -> Evidence:
    rng = np.random.default_rng(110)
    errors = []
    for d in (-1.5, 0.2, 2.0):
        sample = RectifiedNormal(np.array(0.5 * d), np.array(0.5)).sample(rng, 400)
        squares = np.sum(sample**2)
        fit = RectifiedNormal.fit_sufficient(400, np.sum(sample > 0), np.sum(sample), squares)
        best = np.array([float(fit.ratio), 1 / float(fit.scale)])
        search = optimize.minimize(
            lambda p, s=sample: -log_likelihood(p[0], np.exp(p[1]), s),
            [0.0, 0.0],
            method="Nelder-Mead",
            options={"xatol": 1e-7, "fatol": 1e-13, "maxiter": 600},
        )
        errors.append(absolute_error([search.x[0], np.exp(search.x[1])] / best, 1.0))
        a, b = rng.uniform([-4, 0.2], [4, 6], (60, 2)), rng.uniform([-4, 0.2], [4, 6], (60, 2))
        ends = [[log_likelihood(p[0], p[1], sample) for p in points] for points in (a, b, (a + b) / 2)]
        errors.append(violation((np.array(ends[0]) + ends[1]) / 2, ends[2]))
    detail = "direct search from (0, 1) for three samples; midpoints of 180 random chords"
    return Evidence(max(errors), 1e-4, detail)


def inverse_information(d: Array) -> Array:
    """Covariance (2, 2, *d.shape) of the likelihood fit of (d, log sigma), times n, for large samples."""
    raw, density = partial_moments(d, 2), np.exp(-0.5 * d * d) / np.sqrt(2 * np.pi)
    hazard = np.exp(-0.5 * d * d - 0.5 * np.log(2 * np.pi) - special.log_ndtr(-d))
    dd, ds, ss = density * (hazard - d) + raw[0], raw[1], raw[0] + raw[2]
    return np.stack([np.stack([ss, -ds]), np.stack([-ds, dd])]) / (dd * ss - ds * ds)


@equation("T1.11", "Fisher information [[phi (lambda - d) + Phi, M_1], [M_1, Phi + M_2]]", chapter=_CHAPTER)
def _information() -> Evidence:
    d = np.array([-1.5, 0.0, 1.5])
    u, weights = np.polynomial.legendre.leggauss(120)
    u, weights = (u + 1) * 7, weights * 7  # positive activations up to 14 sigma
    step, errors = 1e-5, []
    for one, covariance in zip(d, np.moveaxis(inverse_information(d), -1, 0), strict=True):
        scores = [_score(one, u, step, k) for k in (0, 1)]
        at_zero = [_score(one, np.zeros(1), step, k, silent=True)[0] for k in (0, 1)]
        mass = weights * stats.norm.pdf(u - one)
        information = np.array([[np.sum(mass * a * b) for b in scores] for a in scores]) + special.ndtr(
            -one
        ) * np.outer(at_zero, at_zero)
        errors.append(absolute_error(covariance @ information, np.eye(2)))
    return Evidence(max(errors), 1e-6, "mean product of numerical scores, d -1.5 to 1.5")


def _score(d: float, u: Array, step: float, which: int, silent: bool = False) -> Array:
    """Derivative of the log-likelihood of activations u in d or in log sigma, at sigma = 1."""
    ends = []
    for sign in (1, -1):
        shift = np.array([0.0, 0.0])
        shift[which] = sign * step
        at, scale = d + shift[0], np.exp(shift[1])
        if silent:
            ends.append(np.full(u.shape, special.log_ndtr(-at)))
        else:
            ends.append(-0.5 * (u / scale - at) ** 2 - np.log(scale))
    return np.asarray((ends[0] - ends[1]) / (2 * step))


def clipped_moment(d: Array, ceiling: float, order: int) -> Array:
    """`E min(max(V + d, 0), b)^r` from partial moments at d and at d - b, as the chapter has it."""
    above = partial_moments(d - ceiling, order)
    excess = [special.comb(order, j) * ceiling ** (order - j) * above[j] for j in range(1, order + 1)]
    return np.asarray(partial_moments(d, order)[-1] - sum(excess[1:], start=excess[0]))


@equation(
    "T1.12", "clipped at b: atoms Phi(-d), Phi(d - b/sigma), moments from M_j at both", chapter=_CHAPTER
)
def _clipped() -> Evidence:
    d, errors = np.array([-1.0, 0.5, 2.0, 4.0]), []
    for ceiling in (0.5, 2.0, 6.0):
        x, weights = np.polynomial.legendre.leggauss(60)
        x, weights = ((x + 1) * ceiling / 2)[:, None], (weights * ceiling / 2)[:, None]
        inner = weights * stats.norm.pdf(x - d)
        top = RectifiedNormal(d, np.ones(4)).sf(ceiling)
        errors.append(absolute_error(inner.sum(axis=0) + top + special.ndtr(-d), 1.0))
        for order in (1, 2, 3):
            exact = np.sum(inner * x**order, axis=0) + ceiling**order * top
            errors.append(absolute_error(clipped_moment(d, ceiling, order), exact))
    return Evidence(max(errors), 1e-10, "quadrature below the ceiling, b 0.5 to 6, d -1 to 4, r up to 3")
