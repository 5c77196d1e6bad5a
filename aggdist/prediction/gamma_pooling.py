"""Mean and variance of the maximum and the generalised mean of m = 1..N independent gammas, for many shapes at once.

`aggdist.aggregation` has them law by law. Here there are thousands of laws of one family, which depend on a single
number, the shape. So the moments are computed at Chebyshev points of the logarithm of the shape, by quadrature, and
interpolated: they are analytic there in a strip of half-width pi, so that the errors fall geometrically.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist.distributions.special import gamma_quantile, rising

Array = NDArray[np.float64]

_POINTS, _POINTS_PER_NAT = 16, 4
_MARGIN = 0.01
_STEP, _REACH = 1 / 16, 4.2
"""Of the tanh-sinh rule over probabilities: levels down to exp(-pi sinh 4.2) = 1e-45 from either end."""
_LOG_STEP = 0.25
"""Of the trapezium rule in the logarithm of the transform's argument; error near exp(-pi^2/0.25) = 7e-18."""
_NEAR, _FAR = 32.0, 38.0
"""Logarithms of what is left out at the two ends."""
_HUGE = 50.0
"""exp(-exp(50)) is 0 and exp(50) cubed is no overflow."""
_CHUNK = 2_000_000


@dataclass(frozen=True, eq=False)
class GammaPooling:
    """Moments of m independent gammas of mean 1 and N - m zeros, pooled, as a function of the gammas' shape.

    Relative accuracy 1e-7 for shapes from 0.1 to 1e4, 1e-5 from 1e-5 to 1e6, and 1e-3 up to 1e8.

    Attributes
    ----------
    low, high
        Logarithms of the smallest and the largest shape.
    log_mean, log_variance
        Tables (P, N) at the P Chebyshev points, m running from 1 to N.
    """

    low: float
    high: float
    log_mean: Array
    log_variance: Array

    @classmethod
    def over(cls, shape: Array, positions: int, power: float) -> GammaPooling:
        """Tabulate for all shapes between the smallest and the largest of those given.

        Parameters
        ----------
        shape : array
            Positive.
        positions : int
            N.
        power : float
            Of the generalised mean, p >= 1; infinite for the maximum.
        """
        low, high = float(np.log(shape.min())) - _MARGIN, float(np.log(shape.max())) + _MARGIN
        points = int(_POINTS + _POINTS_PER_NAT * (high - low))
        nodes = np.exp((low + high) / 2 + (high - low) / 2 * np.cos(_angles(points)))
        if np.isinf(power):
            mean, variance = _maximum(nodes, positions)
        else:
            mean, variance = _generalised_mean(nodes, positions, power)
        return cls(low, high, np.log(mean), np.log(variance))

    def __call__(self, shape: Array) -> tuple[Array, Array]:
        """Mean and variance, each of shape (N, *shape); shapes outside the table count as its ends."""
        place = np.clip((2 * np.log(shape) - self.low - self.high) / (self.high - self.low), -1.0, 1.0)
        points = len(self.log_mean)
        order = np.arange(points)
        # From values at the points to coefficients of Chebyshev polynomials: a cosine transform.
        transform = np.cos(order[:, None] * _angles(points)) * np.where(order[:, None] > 0, 2.0, 1.0) / points
        polynomials = np.cos(np.arccos(place)[..., None] * order)
        mean, variance = (
            np.moveaxis(np.exp(polynomials @ (transform @ table)), -1, 0)
            for table in (self.log_mean, self.log_variance)
        )
        return mean, variance


def _angles(points: int) -> Array:
    return np.asarray(np.pi * (2 * np.arange(points) + 1) / (2 * points))


def _levels(shape: Array, fineness: int = 1) -> tuple[Array, Array, Array, Array]:
    """Nodes of the tanh-sinh rule: quantiles (P, U) of gammas of mean 1; levels, their complements and weights (U,)."""
    step = _STEP / fineness
    count = round(_REACH / step)
    t = np.arange(-count, count + 1) * step
    lower, upper = special.expit(np.pi * np.sinh(t)), special.expit(-np.pi * np.sinh(t))
    quantile = gamma_quantile(shape[:, None], lower[None], upper[None]) / shape[:, None]
    return quantile, lower, upper, step * np.pi * np.cosh(t) * lower * upper


def _maximum(shape: Array, positions: int) -> tuple[Array, Array]:
    """Mean and variance of `Q(u)` under the density `m u^(m-1)` of the largest of m uniform variables, (P, N)."""
    quantile, lower, upper, weight = _levels(shape)
    m = np.arange(1.0, positions + 1)[:, None]
    log_level = np.where(lower < 0.5, np.log(lower), np.log1p(-np.minimum(upper, 0.5)))
    density = weight * m * np.exp((m - 1) * log_level)
    mean = quantile @ density.T
    # Squares of deviations from 1, which are small where the shape is large, and not of the values: fewer digits lost.
    away = quantile - 1
    return mean, (away**2) @ density.T - (mean - 1) ** 2


def _generalised_mean(shape: Array, positions: int, power: float) -> tuple[Array, Array]:
    """Mean and variance of `((1/N) sum_{i<=m} X_i^p)^(1/p)`, (P, N), by the Laplace transform of X^p (T8.9).

    With W the sum, `E W^b = int_0^inf u^(j-b-1) E[W^j exp(-uW)] du / Gamma(j - b)` for b < j: b = 1/p with j = 2 and
    b = 2/p with j = 3. All integrands are positive, and for every p >= 1 they vanish at 0 at least as fast as u.
    """
    m = np.arange(1.0, positions + 1)
    first, second = np.zeros((2, len(shape), positions))
    for log_t in _arguments(shape, positions, power):
        log_l, one, two, three = _transforms(shape, log_t, power)
        alone, two_of_them, three_of_them = (np.exp(np.maximum(m - k, 0.0) * log_l) for k in (1, 2, 3))
        pairs = m * (m - 1) * two_of_them
        square = m * alone * two + pairs * one**2
        cube = m * alone * three + 3 * pairs * one * two + (m - 2) * m * (m - 1) * three_of_them * one**3
        t = np.exp(log_t)[..., None]
        first += np.sum(t * square, axis=0)
        second += np.sum(t**2 * cube, axis=0)
    scale = positions ** (1 / power)
    mean = first * (_LOG_STEP / special.gamma(2 - 1 / power) / scale)
    return mean, second * (_LOG_STEP / special.gamma(3 - 2 / power) / scale**2) - mean**2


def _arguments(shape: Array, positions: int, power: float) -> Iterator[Array]:
    """The transform's argument is u = t^-p with t a length; blocks of log t, (T, P), in steps of _LOG_STEP/p."""
    length = rising(shape, power) ** (1 / power) / shape  # (E X^p)^(1/p)
    far = (_FAR + np.log(positions)) / power
    steps = np.arange(-_NEAR, far, _LOG_STEP / power)
    blocks = int(np.ceil(len(steps) * len(shape) * max(positions, 2 * _REACH / _STEP) / _CHUNK))
    for block in np.array_split(steps, blocks):
        yield np.log(length) + block[:, None]


def _transforms(shape: Array, log_t: Array, power: float) -> tuple[Array, Array, Array, Array]:
    """`log E exp(-y)` and `E[y^j exp(-y)]` for j = 1, 2, 3, y = (X/t)^p; each (T, P, 1)."""
    quantile, _, _, weight = _levels(shape, 1 + int(power // 5))
    with np.errstate(divide="ignore", under="ignore"):
        y = np.exp(np.minimum(power * (np.log(quantile) - log_t[..., None]), _HUGE))
        fades = np.exp(-y)
        lost = -np.expm1(-y) @ weight
        # Near 1 the transform is known best by what it lacks to 1.
        log_l = np.where(lost < 0.5, np.log1p(-np.minimum(lost, 0.5)), np.log(fades @ weight))
    one, two, three = ((y**j * fades) @ weight for j in (1, 2, 3))
    log_l = np.maximum(log_l, -1e4)  # no 0 times infinity
    return log_l[..., None], one[..., None], two[..., None], three[..., None]
