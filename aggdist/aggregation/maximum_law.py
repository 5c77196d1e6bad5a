"""The law of the maximum of independent activations (theory item T7)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlog1py, xlogy

from aggdist.aggregation.average_laws import whole_positions
from aggdist.distributions.base import Atom, Distribution
from aggdist.distributions.checks import Array

_CUTS = np.array([0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])
"""Levels, given that the maximum is above the lower end, that cut the support into panels for quadrature."""
_HARDLY_EVER = 1e-9
"""Where the maximum leaves the lower end with less probability than this, no quantile can be asked for."""


@dataclass(frozen=True, eq=False)
class MaximumLaw(Distribution):
    """Law of the largest of N independent activations of one law: cdf `F_A(z)^N`.

    Density `N F_A(z)^(N-1) f_A(z)`; an atom of A at `a` becomes one of mass `F_A(a)^N - F_A(a-)^N`, so that a
    zero-inflated activation gives the atom `(1-q)^N`; quantile `F_A^{-1}(u^(1/N))`. Same support as A.
    Moments, cumulants, characteristic function and entropy have no closed form for a general A and are
    **numeric by default** (quadrature).

    Parameters
    ----------
    activation : Distribution
        Law of one activation, with any batch.
    positions : array_like
        N, whole numbers of at least 1; broadcasts against the batch.

    Raises
    ------
    TypeError
        If `activation` is not a Distribution.
    ValueError
        For a number of positions that is not whole, or shapes that do not broadcast.

    References
    ----------
    Gumbel (1958), Statistics of Extremes.
    """

    activation: Distribution
    positions: Array

    def __post_init__(self) -> None:
        if not isinstance(self.activation, Distribution):
            raise TypeError(f"activation: got {type(self.activation).__name__}, expected a Distribution")
        n, inner = whole_positions(self.positions), self.activation.batch_shape
        try:
            full = np.broadcast_shapes(n.shape, inner)
        except ValueError:
            raise ValueError(
                f"positions: got shape {n.shape}, expected one that broadcasts against the batch "
                f"{inner} of the activation"
            ) from None
        self._store(positions=np.broadcast_to(n, full))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.positions.shape

    @property
    def numeric_by_default(self) -> frozenset[str]:
        """Everything that is an integral over the law."""
        return frozenset({"moment", "cumulant", "cf", "entropy"})

    def support(self) -> tuple[Array, Array]:
        """The support of one activation."""
        low, high = self.activation.support()
        return np.broadcast_to(low, self.batch_shape), np.broadcast_to(high, self.batch_shape)

    def atoms(self) -> tuple[Atom, ...]:
        """The atoms of one activation, with their new masses."""
        return tuple(self._atom(atom) for atom in self.activation.atoms())

    def _atom(self, atom: Atom) -> Atom:
        location, mass = (np.broadcast_to(v, self.batch_shape) for v in atom)
        up_to = self.activation.cdf(location)
        # F^N - (F - m)^N without cancellation for a small mass m; nothing lies below the lower end.
        share = np.where(location <= self.support()[0], 1.0, mass / np.where(up_to > 0, up_to, 1.0))
        with np.errstate(divide="ignore"):
            lost = np.expm1(xlog1py(self.positions, -np.minimum(share, 1.0)))
        return Atom(location, -(up_to**self.positions) * lost)

    def _log_cdf(self, x: Array, power: Array) -> Array:
        """`power log F_A(x)`, from the survival function where that is the smaller tail; 0 for power 0."""
        lower, upper = self.activation.cdf(x), self.activation.sf(x)
        logs = np.where(upper < 0.5, xlog1py(power, -np.minimum(upper, 0.5)), xlogy(power, lower))
        return np.asarray(logs, dtype=np.float64)

    def _logpdf(self, x: Array) -> Array:
        density = self._log_density(x, self.activation.logpdf(x))
        if np.any(np.isnan(density)):
            density = np.where(np.isnan(density), self._logpdf_at_pole(x), density)
        return density

    def _log_density(self, x: Array, log_f: Array) -> Array:
        return np.asarray(np.log(self.positions) + self._log_cdf(x, self.positions - 1) + log_f)

    def _logpdf_at_pole(self, x: Array) -> Array:
        """Limit at a lower end where f_A is infinite and F_A is 0.

        Beside it `F_A^(N-1) f_A` is a power of the distance; the exponent's sign decides.
        """
        away = [x + d * self._location_spread()[1] for d in (1e-8, 1e-10)]
        near, nearer = (self._log_density(point, self.activation.logpdf(point)) for point in away)
        exponent = (near - nearer) / np.log(100.0)
        limit = np.where(exponent > 0, -np.inf, np.inf)
        return np.where(np.abs(exponent) < 1e-6, nearer, limit)

    def _cdf(self, x: Array) -> Array:
        return np.asarray(np.exp(self._log_cdf(x, self.positions)))

    def _sf(self, x: Array) -> Array:
        return np.asarray(-np.expm1(self._log_cdf(x, self.positions)))

    def _quantile(self, u: Array) -> Array:
        x = self.activation.quantile(u ** (1 / self.positions))
        # Near 1 the root has lost the digits of 1 - u; a Newton step on the survival function restores them.
        density, upper = self.pdf(x), self.sf(x)
        smooth = (u > 0.5) & (density > 0) & np.isfinite(density) & (upper > 0) & ~self._is_atom(x)
        step = upper * np.log(upper / (1 - u)) / density
        return np.where(smooth, x + np.where(smooth, step, 0.0), x)

    def _is_atom(self, x: Array) -> NDArray[np.bool_]:
        found = np.zeros(x.shape, bool)
        for atom in self.activation.atoms():
            found |= x == atom.location
        return found

    def _pdf_from_end(self, upper: bool, distance: Array) -> Array:
        low, high = self.support()
        lower_tail = self._log_cdf(high - distance if upper else low + distance, self.positions - 1)
        return self.positions * np.exp(lower_tail) * self.activation._pdf_from_end(upper, distance)

    @cached_property
    def _cut_points(self) -> Array:
        """Quantiles given that the maximum is above the lower end; infinite where it hardly ever is."""
        rest = self.sf(self.support()[0])
        level = 1 - rest * (1 - _CUTS.reshape(-1, *(1,) * len(self.batch_shape)))
        return np.where(rest > _HARDLY_EVER, self.quantile(np.where(rest > _HARDLY_EVER, level, 0.5)), np.inf)

    def _breaks(self) -> Array:
        return self._cut_points

    def _location_spread(self) -> tuple[Array, Array]:
        low, middle, high = (self._cut_points[k] for k in (1, 3, 5))
        with np.errstate(invalid="ignore"):
            width = (high - low) / 2
        good = np.isfinite(width) & (width > 0)
        centre, spread = self.activation._location_spread()
        return np.where(np.isfinite(middle), middle, centre), np.where(good, width, spread)

    def _singular_points(self) -> Array:
        points = self.activation._singular_points()
        widening = (1,) * (len(self.batch_shape) - points.ndim + 1)
        points = points.reshape(len(points), *widening, *points.shape[1:])
        return np.broadcast_to(points, (len(points), *self.batch_shape))

    def _resolution(self, x: Array) -> Array:
        steepness = (self.positions - 1) * self.activation.pdf(x) / np.maximum(self.activation.cdf(x), 1e-300)
        return np.asarray(1 / (1 / self.activation._resolution(x) + steepness))

    def _moment_exists(self, r: float) -> NDArray[np.bool_]:
        return np.broadcast_to(self.activation._moment_exists(r), self.batch_shape)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`, by inversion of the cdf."""
        return self.quantile(rng.random(self._size(rng, size)))

    def __getitem__(self, index: Any) -> Self:
        """The laws at `index` of the batch."""
        if self.activation.batch_shape not in ((), self.batch_shape):
            inner = self.activation.batch_shape
            raise NotImplementedError(
                f"index: got activations of batch {inner} widened to {self.batch_shape}, "
                "expected one law or the full batch; give the activation the full batch to take laws out"
            )
        activation = self.activation[index] if self.activation.batch_shape else self.activation
        return type(self)(activation, self.positions[index])
