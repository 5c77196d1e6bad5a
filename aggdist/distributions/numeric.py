"""The second, independent route to every quantity of a law.

====================  =====================================================================================
cdf, sf, moments,     quadrature of the (closed) density, panel by panel (`quadrature.py`), plus the atoms
cf, entropy
pdf, logpdf           the derivative of the (closed) cdf by a ten-point stencil, or for families whose
                      characteristic function decays exponentially (`density_route = "inversion"`) the
                      Fourier integral `(1/pi) int_0^inf Re(exp(-itx) phi(t)) dt`
quantile              safeguarded Newton steps on the cdf, in a variable that resolves both end points
====================  =====================================================================================

Each function takes the law and points that are already broadcast against its batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aggdist.distributions import moments
from aggdist.distributions.quadrature import FAR_END, integrate

if TYPE_CHECKING:
    from collections.abc import Callable

    from aggdist.distributions.base import Distribution

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_CLOSEST = 1e-8
"""The numeric density at an end point is the one this many spreads inside."""
_STENCIL = np.array([5 / 6, -5 / 21, 5 / 84, -5 / 504, 1 / 1260])
"""Central first differences of order 10, offsets 1..5."""


def expectation(law: Distribution, function: Callable[[Array], Array]) -> Array:
    """E function(X) by quadrature, atoms included, for a function that acts element by element."""
    value = integrate(law, lambda x, f: function(x) * f)
    for atom in law.atoms():
        value = value + np.where(atom.mass > 0, function(atom.location) * atom.mass, 0.0)
    return np.asarray(value)


def cdf(law: Distribution, x: Array) -> Array:
    """P(X <= x) by quadrature of the density from the lower end, plus the atoms up to x."""
    value = integrate(law, lambda _, f: f, upper=x)
    for atom in law.atoms():
        value = value + np.where(atom.location <= x, atom.mass, 0.0)
    return np.asarray(np.broadcast_to(value, x.shape))


def sf(law: Distribution, x: Array) -> Array:
    """P(X > x) by quadrature of the density up to the upper end, plus the atoms beyond x."""
    value = integrate(law, lambda _, f: f, lower=x)
    for atom in law.atoms():
        value = value + np.where(atom.location > x, atom.mass, 0.0)
    return np.asarray(np.broadcast_to(value, x.shape))


def moment(law: Distribution, r: float) -> Array:
    """Raw moment by quadrature."""
    return np.where(law._moment_exists(r), expectation(law, lambda x: x**r), np.inf)


def cumulant(law: Distribution, r: int) -> Array:
    """Cumulant from central moments by quadrature."""
    mean = expectation(law, lambda x: x)
    value = mean
    if r > 1:
        central = _central_moments(law, mean, r)
        value = moments.cumulant_from_raw([np.zeros_like(mean), *central])
    return np.where(law._moment_exists(r), value, np.inf)


def _central_moments(law: Distribution, mean: Array, r: int) -> Array:
    """Central moments of the orders 2..r, shape (r - 1, *batch), from one pass over the nodes."""
    orders = np.arange(2, r + 1).reshape(-1, *(1,) * mean.ndim)
    value = integrate(law, lambda x, f: (x - mean) ** orders * f, lead=1)
    for atom in law.atoms():
        value = value + (atom.location - mean) ** orders * atom.mass
    return np.asarray(value)


def cf(law: Distribution, t: Array) -> Complex:
    """Characteristic function by quadrature, with a step that follows the largest frequency."""
    _, spread = law._location_spread()
    fineness = int(np.clip(2 + 2 * np.ceil(np.max(np.abs(t) * spread, initial=0.0)), 2, 400))
    lead = t.ndim - len(law.batch_shape)
    value = integrate(law, lambda x, f: np.exp(1j * t * x) * f, fineness=fineness, lead=lead)
    for atom in law.atoms():
        value = value + np.exp(1j * t * atom.location) * atom.mass
    return np.asarray(value)


def entropy(law: Distribution) -> Array:
    """Entropy by quadrature of `-f log f`, minus `p log p` for each atom."""

    def surprise(_: Array, f: Array) -> Array:
        return -f * np.log(np.where(f > 0, f, 1.0))

    value = integrate(law, surprise)
    for atom in law.atoms():
        value = value - atom.mass * np.log(np.where(atom.mass > 0, atom.mass, 1.0))
    return np.asarray(value)


def pdf(law: Distribution, x: Array) -> Array:
    """Density by inversion of the cf or by differentiation of the cdf, as the family says."""
    return _inversion(law, x) if law.density_route == "inversion" else _derivative(law, x)


def logpdf(law: Distribution, x: Array) -> Array:
    """Logarithm of the numeric density."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(pdf(law, x)))


def _inversion(law: Distribution, x: Array) -> Array:
    """Trapezium rule on the Fourier integral: exact up to the density 80 spreads away.

    Absolute error about 1e-15 over the spread; a tail below that is lost.
    """
    _, spread = law._location_spread()
    nodes = (np.arange(1024) + 0.5).reshape(-1, *(1,) * len(law.batch_shape))
    t = nodes * (np.pi / 40) / spread
    phi = law.cf(t)
    lead = (len(nodes), *(1,) * (x.ndim - len(law.batch_shape)), *law.batch_shape)
    wave = np.exp(-1j * np.reshape(t, lead) * x) * np.reshape(phi, lead)
    return np.asarray(np.maximum(np.sum(wave.real, axis=0) / (40 * spread), 0.0))


def _derivative(law: Distribution, x: Array) -> Array:
    """Ten-point difference of the continuous part of the cdf, or of the survival function if that is smaller.

    The step keeps clear of end points, atoms and kinks.
    """
    _, spread = law._location_spread()
    special = np.concatenate([law._singular_points(), np.stack(law.support())])
    special = special.reshape(special.shape[0], *(1,) * (x.ndim - len(law.batch_shape)), *law.batch_shape)
    room = np.min(np.where(np.isfinite(special), np.abs(x - special), np.inf), axis=0)
    nearest = np.where(np.any(special == 0, axis=0) & (room == np.abs(x)), 0.0, 1.0)
    close = room <= np.where(nearest == 0, 0.0, _CLOSEST * spread)
    inward = np.where(x >= law.support()[1], -1.0, 1.0)
    x = np.where(close, x + inward * _CLOSEST * spread, x)
    step = np.minimum(0.03 * np.where(close, _CLOSEST * spread, room), 0.025 * law._resolution(x))
    shift = step * np.arange(1, 6).reshape(-1, *(1,) * x.ndim)
    forward, backward = x + shift, x - shift
    weight = _STENCIL.reshape(-1, *(1,) * x.ndim)
    below = np.sum(weight * (law._below(forward) - law._below(backward)), axis=0)
    above = np.sum(weight * (law.sf(backward) - law.sf(forward)), axis=0)
    return np.asarray(np.maximum(np.where(law.sf(x) < law._below(x), above, below) / step, 0.0))


def quantile(law: Distribution, u: Array) -> Array:
    """Root of the cdf (of the survival function for u > 1/2) for 0 < u < 1; atoms are met exactly."""
    x = _root(law, u)
    low, _ = law.support()
    x = np.where(np.isfinite(low) & (law.cdf(np.broadcast_to(low, x.shape)) >= u), low, x)
    for atom in law.atoms():
        upto = law.cdf(np.broadcast_to(atom.location, x.shape))
        x = np.where((atom.mass > 0) & (upto >= u) & (upto - atom.mass < u), atom.location, x)
    return np.asarray(x)


def _root(law: Distribution, u: Array) -> Array:
    """Bisection and Newton steps in turn, on the logarithm of the tail probability."""
    place = _Place(law)
    left, right = np.full(u.shape, -740.0), np.full(u.shape, 700.0)
    v = np.zeros(u.shape)
    open_ = np.ones(u.shape, bool)
    for turn in range(400):
        x, slope = place(v)
        lower, upper = law.cdf(x), law.sf(x)
        low_half = u <= 0.5
        tail = np.where(low_half, lower, upper)
        gap = np.where(low_half, np.log(lower / u), np.log((1 - u) / upper))
        left, right = np.where(open_ & (gap < 0), v, left), np.where(open_ & (gap >= 0), v, right)
        density = law.pdf(x)
        # An infinite density (x rounded onto a pole) says nothing about the distance to the root.
        step = np.where(np.isfinite(density), -gap * tail / (density * slope), np.nan)
        newton = v + step
        usable = np.isfinite(newton) & (newton > left) & (newton < right)
        tolerance = 4e-15 * np.maximum(np.abs(v), 1.0)
        settled = (gap == 0) | (np.isfinite(step) & (np.abs(step) <= tolerance)) | (right - left <= tolerance)
        open_ &= ~settled
        if not np.any(open_):
            break
        middle = (left + right) / 2
        bisect = ~usable | ((turn % 3 == 2) & (right - left > 1e-3))
        v = np.where(open_, np.where(bisect, middle, newton), v)
    return np.asarray(place(v)[0])


class _Place:
    """Map of v in (-740, 700) onto the support, increasing.

    A logarithm from a finite end point, so that poles there are resolved; sinh about the centre where there
    is none within reach.
    """

    def __init__(self, law: Distribution) -> None:
        self.low, self.high = law.support()
        self.centre, self.spread = law._location_spread()
        self.from_low = self.centre - self.low < FAR_END * self.spread
        self.from_high = ~self.from_low & (self.high - self.centre < FAR_END * self.spread)

    def __call__(self, v: Array) -> tuple[Any, Any]:
        up, down = np.exp(np.minimum(v, 700)), np.exp(np.minimum(-v, 700))
        wide = np.clip(v, -700, 700)
        low, high = np.where(self.from_low, self.low, 0.0), np.where(self.from_high, self.high, 0.0)
        x = np.where(
            self.from_low,
            low + self.spread * up,
            np.where(self.from_high, high - self.spread * down, self.centre + self.spread * np.sinh(wide)),
        )
        slope = self.spread * np.where(self.from_low, up, np.where(self.from_high, down, np.cosh(wide)))
        return np.clip(x, self.low, self.high), slope
