"""Checks of chapter T9: few images. Skewnesses drawn together, and a law with four given cumulants and no end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist.distributions import NormalInverseGaussian
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation
from aggdist.equations.t09_output_nodes import CHAPTER
from aggdist.prediction.projected_models import drawn_together

Array = NDArray[np.float64]


def share_kept(scatter: Array, noise: Array) -> Array:
    """Share of the deviation from the mean that is kept: s/(s + v), theorem T9.18."""
    return np.asarray(scatter / (scatter + noise))


def _mean_squares(scatter: float, noise: float, share: Array) -> Array:
    """E (theta - mu - b (x - mu))^2 for each b, over all pairs of a three-point value and a two-point error."""
    chance, steps = np.array([0.2, 0.5, 0.3]), np.array([-2.0, 0.0, 1.0])
    steps = steps - chance @ steps
    theta = 0.7 + steps * np.sqrt(scatter / (chance @ steps**2))
    error, weight = np.sqrt(noise) * np.array([-0.5, 2.0]), np.array([0.8, 0.2])
    value, x = theta[:, None], theta[:, None] + error
    estimate = 0.7 + share[:, None, None] * (x - 0.7)
    return np.asarray(np.einsum("bij,i,j->b", (value - estimate) ** 2, chance, weight))


def _by_the_theorem(values: Array, noise: Array) -> Array:
    """What `drawn_together` should give: each group by itself, s what is left of its scatter."""
    result, v = np.empty_like(values), np.broadcast_to(noise, values.shape)
    for group in (np.eye(len(values)) > 0, np.eye(len(values)) == 0):
        own = values[group]
        scatter = max(np.var(own) - np.mean(v[group]), 0.0)
        result[group] = np.mean(own) + share_kept(np.array(scatter), v[group]) * (own - np.mean(own))
    return result


@equation(
    "T9.18",
    "E (theta - mu - b (x - mu))^2 is smallest at b = s/(s + v), where it is s v/(s + v) <= min(s, v)",
    chapter=CHAPTER,
)
def _linear_shrinkage() -> Evidence:
    """The mean squares of nine b lie on a parabola; its lowest point, and the library's estimate."""
    share, errors = np.linspace(-0.5, 1.5, 9), []
    for scatter, noise in ((0.04, 0.12), (1.0, 0.05), (0.3, 0.3), (0.0, 0.5), (2.0, 1e-3)):
        square, slope, level = np.polyfit(share, _mean_squares(scatter, noise, share), 2)
        lowest, least = -slope / (2 * square), level - slope**2 / (4 * square)
        errors.append(abs(lowest - float(share_kept(np.array(scatter), np.array(noise)))))
        errors.append(abs(least - scatter * noise / (scatter + noise)))
        errors.append(violation(least, min(scatter, noise) + 1e-14))
    rng = np.random.default_rng(918)
    for width in (0.05, 0.5):  # the narrower values scatter less than their noise: all go to their mean
        values, v = rng.normal(0.3, width, (7, 7)) + np.eye(7), 6 / rng.uniform(20, 200, 7)
        errors.append(absolute_error(drawn_together(values, v), _by_the_theorem(values, v)))
    return Evidence(
        max(errors), 1e-12, "five pairs (s, v), all six outcomes; the library's estimate of 49 values, twice"
    )


def by_moments(skew: Array, kurtosis: Array) -> tuple[Array, Array, Array, Array]:
    """(alpha, beta, delta, mu) of mean 0, variance 1 and this skewness and excess kurtosis, theorem T9.19."""
    z = 3 / (kurtosis - 4 / 3 * skew**2)
    r = skew * np.sqrt(z) / 3
    c = np.sqrt(1 - r**2)
    alpha = np.sqrt(z) / c**2
    return alpha, r * alpha, np.sqrt(z) * c, -r * np.sqrt(z)


def _cumulants_on_a_circle(alpha: Array, beta: Array, delta: Array, mu: Array) -> Array:
    """First four cumulants, shape (4, ...): Cauchy's formula for the derivatives of the printed K at 0."""
    radius = (alpha - np.abs(beta)) / 2
    circle = np.exp(2j * np.pi * np.arange(128) / 128).reshape(-1, *(1,) * np.ndim(alpha))
    t = radius * circle
    k = mu * t + delta * (np.sqrt(alpha**2 - beta**2) - np.sqrt(alpha**2 - (beta + t) ** 2))
    return np.stack(
        [special.factorial(n) * np.mean(k * circle**-n, axis=0).real / radius**n for n in range(1, 5)]
    )


@equation(
    "T9.19",
    "z = 3/(kurtosis - 4/3 skew^2), r = skew sqrt(z)/3: the four cumulants; density between both tail bounds",
    chapter=CHAPTER,
)
def _four_cumulants_without_an_end() -> Evidence:
    """Derivatives of the cgf, and the library's law: cumulants by quadrature, and its tails far out."""
    skew = np.array([0.0, 0.3, -0.6, 1.0, -1.5])[:, None]
    kurtosis = 5 / 3 * skew**2 + np.array([0.05, 0.4, 3.0])
    skew = np.broadcast_to(skew, kurtosis.shape)
    alpha, beta, delta, mu = by_moments(skew, kurtosis)
    asked = np.stack([np.zeros_like(skew), np.ones_like(skew), skew, kurtosis])
    errors = [absolute_error(_cumulants_on_a_circle(alpha, beta, delta, mu), asked)]
    law = NormalInverseGaussian(np.zeros_like(skew), np.ones_like(skew), skew, kurtosis)
    found = np.stack([law.cumulant(n, method="numeric") for n in range(1, 5)])
    errors.append(absolute_error(found, asked))
    errors += [relative_error(law.alpha, alpha), absolute_error(law.beta / alpha, beta / alpha)]
    errors += [relative_error(law.delta, delta), absolute_error(law.mu, mu)]
    x = np.array([-1e3, -30.0, -3.0, 0.1, 4.0, 40.0, 1e3])[:, None, None]
    q = np.hypot(delta, x - mu)
    floor = 0.5 * np.log(alpha / (2 * np.pi)) + np.log(delta) - 1.5 * np.log(q)
    floor = floor + delta * np.sqrt(alpha**2 - beta**2) - alpha * q + beta * (x - mu)
    log_density, rounding = law.logpdf(x), 1e-12 * (1 + alpha * q)
    errors.append(violation(floor, log_density + rounding))
    errors.append(violation(log_density, floor + np.log1p(3 / (8 * alpha * q)) + rounding))
    detail = (
        "15 pairs of skewness and kurtosis; cumulants on a circle and by quadrature, parameters, tail bounds"
    )
    return Evidence(max(errors), 1e-8, detail)
