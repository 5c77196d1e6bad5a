"""Moments of a rectified normal of unit scale, with relative accuracy at every threshold (theory item T1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special as scipy_special

from aggdist.distributions import moments
from aggdist.distributions.special import HALF_LOG_TWO_PI

Array = NDArray[np.float64]

_TAIL = -1.0
_DEPTH = 400


def partial_moments(d: Array, r: float) -> list[Array]:
    """`M_k = E[(V + d)^k; V > -d]` for a standard normal V: orders 0, 1, ..., r; or [M_r] alone for a
    fractional r.

    For d > -1 by the recursion `M_k = d M_{k-1} + (k-1) M_{k-2}`. Below, the recursion cancels (M_k is its
    minimal solution), so ratios `M_k/M_{k-1} = k / (|d| + M_{k+1}/M_k)` are taken from the far end, where
    every term is positive (Miller's algorithm).
    """
    if r != int(r):
        return [_fractional(d, r)]
    order = int(r)
    near = np.maximum(d, _TAIL)
    forward = [scipy_special.ndtr(near), near * scipy_special.ndtr(near) + _density(near)]
    for k in range(2, order + 1):
        forward.append(near * forward[k - 1] + (k - 1) * forward[k - 2])
    far = np.maximum(-d, -_TAIL)
    backward = [scipy_special.ndtr(-far)]
    for ratio in moment_ratios(far, order):
        backward.append(backward[-1] * ratio)
    return [np.where(d < _TAIL, b, f) for b, f in zip(backward, forward[: order + 1], strict=True)]


def moment_ratios(far: Array, order: int) -> list[Array]:
    """`M_k/M_{k-1}` for k = 1..order at d = -far <= -1, by Miller's algorithm."""
    ratio = (np.sqrt(far**2 + 4.0 * (_DEPTH + order)) - far) / 2
    ratios: list[Array] = []
    for k in range(_DEPTH + order, 0, -1):
        ratio = k / (far + ratio)
        if k <= order:
            ratios.append(ratio)
    return ratios[::-1]


def _fractional(d: Array, r: float) -> Array:
    """Fractional order r > 0.

    For d >= 0 by Kummer's functions. For d < 0 these cancel, and scipy's parabolic cylinder function has 1e-9
    near d = -6; there `M_r = phi(d) int z^r exp(-z^2/2 - |d| z) dz` by the trapezium rule in log z, exact to
    rounding.
    """
    up, down = np.maximum(d, 0.0), np.maximum(-d, 0.0)
    even = scipy_special.gamma((r + 1) / 2) * scipy_special.hyp1f1(-r / 2, 0.5, -up * up / 2)
    odd = scipy_special.gamma(r / 2 + 1) * scipy_special.hyp1f1((1 - r) / 2, 1.5, -up * up / 2)
    above = 2 ** (r / 2 - 1) / np.sqrt(np.pi) * (even + np.sqrt(2) * up * odd)
    step = 0.08
    v = np.arange(-40.0 / (r + 1), 6.0 + r, step).reshape(-1, *(1,) * d.ndim) - np.log1p(down)
    z = np.exp(v)
    integral = step * np.sum(np.exp((r + 1) * v - z * z / 2 - down * z), axis=0)
    return np.asarray(np.where(d >= 0, above, _density(down) * integral))


def _density(d: Array) -> Array:
    return np.asarray(np.exp(-0.5 * d * d - HALF_LOG_TWO_PI))


def standard_cumulants(d: Array, order: int) -> list[Array]:
    """Cumulants 1..order of `max(V + d, 0)`.

    For d <= 0 from the moments, which are small then. For d > 0 from `max(V + d, 0) = d + V + B` with
    `B = max(-V - d, 0)`: the moments about d are those of V plus `E[(-d)^r - (-d - B)^r; B > 0]`, and no
    leading term cancels, so that the third cumulant keeps its digits as it decays like exp(-d^2/2).
    """
    raw = partial_moments(np.minimum(d, 0.0), order)
    below = [moments.cumulant_from_raw(raw[1 : k + 1]) for k in range(1, order + 1)]
    above = _cumulants_above(np.maximum(d, 0.0), order)
    return [np.where(d > 0, a, b) for a, b in zip(above, below, strict=True)]


def _cumulants_above(d: Array, order: int) -> list[Array]:
    small = partial_moments(-d, order)
    excess = []
    for r in range(1, order + 1):
        # (-d)^r - (-d-B)^r = -(-1)^r sum_{j=1..r} C(r, j) d^(r-j) B^j
        terms = [scipy_special.binom(r, j) * d ** (r - j) * small[j] for j in range(1, r + 1)]
        excess.append(-((-1.0) ** r) * np.asarray(sum(terms[1:], start=terms[0])))
    values = [d + excess[0]]
    values += [_perturbed_cumulant(excess[:r]) for r in range(2, order + 1)]
    return values


def _perturbed_cumulant(excess: list[Array]) -> Array:
    """Cumulant for the raw moments of the standard normal plus `excess`, without the normal's own part."""
    s = excess
    if len(s) == 2:
        return np.asarray(1 + s[1] - s[0] ** 2)
    if len(s) == 3:
        return np.asarray(s[2] - 3 * s[0] - 3 * s[0] * s[1] + 2 * s[0] ** 3)
    if len(s) == 4:
        return np.asarray(
            s[3] - 4 * s[0] * s[2] - 6 * s[1] - 3 * s[1] ** 2 + 12 * s[0] ** 2 * (1 + s[1]) - 6 * s[0] ** 4
        )
    normal = [0.0 if r % 2 else float(scipy_special.factorial2(r - 1)) for r in range(1, len(s) + 1)]
    return moments.cumulant_from_raw([m + e for m, e in zip(normal, s, strict=True)])


def fit_ratio(cv2: Array) -> Array:
    """Threshold d at which variance / mean^2 of `max(V + d, 0)` is `cv2`, by bisection and Newton steps.

    The ratio falls monotonically from infinity (d -> -inf) to 0 (d -> inf).
    """
    left, right = np.full(cv2.shape, -37.0), np.maximum(2 / np.sqrt(cv2), 40.0)
    d = np.where(cv2 < 1, 1 / np.sqrt(np.minimum(cv2, 1.0)), 0.0)
    for _ in range(200):
        mean, var = standard_cumulants(d, 2)
        gap = np.log(var) - 2 * np.log(mean) - np.log(cv2)
        left, right = np.where(gap > 0, d, left), np.where(gap > 0, right, d)
        active = scipy_special.ndtr(d)
        # d mean/dd = active, d(E X^2)/dd = 2 mean, hence d var/dd = 2 mean (1 - active).
        slope = 2 * mean * scipy_special.ndtr(-d) / var - 2 * active / mean
        newton = d - gap / slope
        inside = (newton > left) & (newton < right)
        following = np.where(inside, newton, (left + right) / 2)
        if np.all(np.abs(following - d) <= 4e-16 * (1 + np.abs(d))):
            break
        d = following
    return d
