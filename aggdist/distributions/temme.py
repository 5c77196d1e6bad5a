"""Incomplete gamma functions of large shape, in the standardised variable.

`scipy.special.gammainc(a, a + z sqrt(a))` loses the digits of z once `a` passes 1e10 or so, because `a + z
sqrt(a)` does. Temme's uniform expansion (1979, "The asymptotic expansion of the incomplete gamma functions")
needs only z and 1/sqrt(a), and goes over into the normal law.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special as scipy_special

from aggdist.distributions.special import log1p_remainder

Array = NDArray[np.float64]

LARGE_SHAPE = 1e4
"""From here on four terms of the expansion are exact to rounding."""
_ORDERS = 4
_TERMS = 28


@cache
def coefficients() -> NDArray[np.float64]:
    """Taylor coefficients in eta of the functions C_0, ..., C_3 of the expansion, shape (4, 28).

    With `eta^2/2 = mu - log(1 + mu)`: `C_0 = 1/mu - 1/eta` and `C_k = C_{k-1}'/eta + gamma_k/mu`, where
    gamma_k removes the pole at eta = 0.
    """
    count = _TERMS + 2 * _ORDERS + 2
    mu = [0.0, 1.0]
    for n in range(2, count + 1):
        # Coefficient of eta^n in mu mu' = eta (1 + mu).
        known = sum((n + 1 - k) * mu[k] * mu[n + 1 - k] for k in range(2, n))
        mu.append((mu[n - 1] - known) / (n + 1))
    # 1/mu = (1/eta) / (mu/eta), by division of power series.
    scaled, inverse = mu[1:], [1.0]
    for n in range(1, count):
        inverse.append(-sum(scaled[k] * inverse[n - k] for k in range(1, n + 1)))
    pole_free = np.array(inverse[1:])
    rows = [pole_free]
    for _ in range(1, _ORDERS):
        last = rows[-1]
        order = np.arange(len(last) - 2)
        rows.append((order + 2) * last[2:] - last[1] * pole_free[: len(last) - 2])
    return np.stack([row[:_TERMS] for row in rows])


def standard_tails(z: Array, inverse_root: Array) -> tuple[Array, Array]:
    """P(X <= z) and P(X > z) for the standardised gamma law of shape `a = 1/inverse_root**2 >= 1e4`, or the
    normal law.

    Parameters
    ----------
    z : array
        `(G - a)/sqrt(a)` for G ~ Gamma(a, 1); above `-sqrt(a)`.
    inverse_root : array
        `1/sqrt(a)`, 0 for the normal law.
    """
    u = z * inverse_root
    half = log1p_remainder(u)
    root = np.sqrt(2 * half)
    level = z * root  # eta sqrt(a)
    eta = np.clip(u * root, -1.0, 1.0)  # beyond, the exponential below is exp(-5000)
    total = np.zeros(np.broadcast_shapes(eta.shape, inverse_root.shape))
    for row in coefficients()[::-1]:
        total = total * inverse_root**2 + np.polynomial.polynomial.polyval(eta, row)
    correction = inverse_root * np.exp(-(z**2) * half) / np.sqrt(2 * np.pi) * total
    return scipy_special.ndtr(level) - correction, scipy_special.ndtr(-level) + correction
