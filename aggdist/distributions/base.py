"""What every law offers: one interface, two independent routes to each quantity.

A law is a frozen dataclass of float64 parameters that broadcast against each other to `batch_shape`. Points
broadcast against the batch by numpy's rules, with points in the leading axes and the batch in the trailing
ones: a law of batch `(K, J)` takes points of shape `(G, 1, 1)` or `(G, K, J)` and returns `(G, K, J)`.

A family writes its closed forms as `_pdf`, `_cdf`, ..., for points that are already broadcast and inside the
support; validation, NaN, points outside the support and the choice of route live here.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import fields
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.distributions import moments
from aggdist.distributions.checks import Array, require, whole_number
from aggdist.distributions.machinery import Machinery

Complex = NDArray[np.complex128]


class Atom(NamedTuple):
    """A point that carries probability: its location and its mass, each of the shape of the batch."""

    location: Array
    mass: Array


class Distribution(Machinery):
    """A batch of laws on the real line, possibly with atoms.

    Every deterministic method takes `method`: ``"closed"`` is the closed form, ``"numeric"`` an independent
    route (quadrature of the density, inversion or differentiation, root finding on the cdf). Without
    `method` the closed form is used; where there is none, NotImplementedError is raised unless the family
    documents that the quantity is numeric by default.

    `pdf` is the density of the absolutely continuous part; `atoms()` gives the rest. NaN in a point gives
    NaN there; NaN in a parameter raises ValueError.
    """

    density_route = "derivative"
    """How the numeric density works: "derivative" of the cdf, or "inversion" of a cf that decays fast."""

    # -- what a family provides -------------------------------------------------------------------------

    @abstractmethod
    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""

    def atoms(self) -> tuple[Atom, ...]:
        """Points with positive probability; empty for a continuous law."""
        return ()

    def _pdf(self, x: Array) -> Array:
        return np.exp(self._logpdf(x))

    def _logpdf(self, x: Array) -> Array:
        raise NotImplementedError

    def _cdf(self, x: Array) -> Array:
        raise NotImplementedError

    def _sf(self, x: Array) -> Array:
        raise NotImplementedError

    def _quantile(self, u: Array) -> Array:
        raise NotImplementedError

    def _upper_quantile(self, u: Array) -> Array:
        """Point with probability u above it; families keep the digits of a tiny u here."""
        return self.quantile(1 - u)

    def _moment(self, r: float) -> Array:
        """Closed raw moment; by default from the cumulants, for whole orders."""
        if r != int(r):
            raise NotImplementedError(
                f"r: got {r}, fractional moments have no closed form; pass method='numeric'"
            )
        return moments.raw_from_cumulants([self._cumulant(k) for k in range(1, int(r) + 1)])

    def _cumulant(self, r: int) -> Array:
        raise NotImplementedError

    def _cf(self, t: Array) -> Complex:
        raise NotImplementedError

    def _entropy(self) -> Array:
        raise NotImplementedError

    def _location_spread(self) -> tuple[Array, Array]:
        """A typical point and a typical width, for the numeric routes."""
        return self.mean(), self.std()

    def _breaks(self) -> Array:
        """Points of shape `(P, *batch)`, ascending, that cut the support into panels for quadrature."""
        centre, spread = self._location_spread()
        steps = np.array([-4.0, -1.5, 0.0, 1.5, 5.0, 15.0]).reshape(-1, *(1,) * len(self.batch_shape))
        return np.asarray(centre + steps * spread)

    def _singular_points(self) -> Array:
        """Points of shape `(P, *batch)` where the density may jump, have a pole or sit beside an atom."""
        places = [np.broadcast_to(atom.location, self.batch_shape) for atom in self.atoms()]
        return np.stack(places) if places else np.empty((0, *self.batch_shape))

    def _resolution(self, x: Array) -> Array:
        """Length at `x` below which the density is smooth, for numerical differentiation."""
        return np.broadcast_to(self._location_spread()[1], x.shape)

    def _moment_exists(self, r: float) -> NDArray[np.bool_]:
        """Where E|X|^r is finite."""
        return np.ones(self.batch_shape, bool)

    def _below(self, x: Array) -> Array:
        """Mass of the continuous part up to x, for numerical differentiation.

        Families with an atom override this, so that a large atom does not drown a small density.
        """
        value = self.cdf(x)
        for atom in self.atoms():
            value = value - np.where(atom.location <= x, atom.mass, 0.0)
        return value

    def _pdf_from_end(self, upper: bool, distance: Array) -> Array:
        """Density at `distance` inside the lower (or upper) end point.

        Families with a pole at an end point other than 0 override this: there `end + distance` has lost
        the digits of `distance`.
        """
        low, high = self.support()
        return self.pdf(high - distance if upper else low + distance)

    # -- functions of a point ---------------------------------------------------------------------------

    def pdf(self, x: ArrayLike, *, method: str | None = None) -> Array:
        """Density of the absolutely continuous part, 0 outside the support."""
        return self._inside("pdf", x, method, 0.0, 0.0)

    def logpdf(self, x: ArrayLike, *, method: str | None = None) -> Array:
        """Logarithm of the density of the absolutely continuous part, -inf outside the support."""
        return self._inside("logpdf", x, method, -np.inf, -np.inf)

    def cdf(self, x: ArrayLike, *, method: str | None = None) -> Array:
        """P(X <= x), atoms included."""
        return self._inside("cdf", x, method, 0.0, 1.0)

    def sf(self, x: ArrayLike, *, method: str | None = None) -> Array:
        """P(X > x), with relative accuracy in the upper tail."""
        return self._inside("sf", x, method, 1.0, 0.0)

    def quantile(self, u: ArrayLike, *, method: str | None = None) -> Array:
        """Smallest x of the support with P(X <= x) >= u.

        Raises
        ------
        ValueError
            For u outside [0, 1].
        """
        route = self._route("quantile", method)
        level = self._points("u", u)
        require("u", level, ~((level < 0) | (level > 1)), "a probability between 0 and 1")
        low, high = self.support()
        with np.errstate(all="ignore"):
            value = route(np.where((level > 0) & (level < 1), level, 0.5))
        value = np.where(level == 0, low, np.where(level == 1, high, value))
        return np.asarray(np.where(np.isnan(level), np.nan, value), dtype=np.float64)

    def cf(self, t: ArrayLike, *, method: str | None = None) -> Complex:
        """Characteristic function E exp(i t X) at real t."""
        route = self._route("cf", method)
        at = self._points("t", t)
        with np.errstate(all="ignore"):
            value = np.asarray(route(np.where(np.isfinite(at), at, 0.0)), dtype=np.complex128)
        return np.where(np.isfinite(at), value, complex(np.nan, np.nan))

    # -- numbers ----------------------------------------------------------------------------------------

    def moment(self, r: float, *, method: str | None = None) -> Array:
        """Raw moment E X^r; for laws on the non-negative half line r may be any real number >= 0.

        Raises
        ------
        ValueError
            For negative r, or a fractional r where X can be negative.
        """
        route = self._route("moment", method)
        if not (np.isfinite(r) and r >= 0):
            raise ValueError(f"r: got {r}, expected an order >= 0")
        if r != int(r) and np.any(self.support()[0] < 0):
            raise ValueError(f"r: got {r}, expected a whole number because the support reaches below 0")
        if r == 0:
            return np.ones(self.batch_shape)
        return self._number(route, r)

    def cumulant(self, r: int, *, method: str | None = None) -> Array:
        """Cumulant of order r >= 1: mean, variance, third central moment, ..."""
        return self._number(self._route("cumulant", method), whole_number("r", r, 1))

    def mean(self, *, method: str | None = None) -> Array:
        """Mean."""
        return self.cumulant(1, method=method)

    def var(self, *, method: str | None = None) -> Array:
        """Variance."""
        return self.cumulant(2, method=method)

    def std(self, *, method: str | None = None) -> Array:
        """Standard deviation."""
        return np.asarray(np.sqrt(self.var(method=method)))

    def skewness(self, *, method: str | None = None) -> Array:
        """Third cumulant over the cube of the standard deviation; NaN for a law without spread."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.cumulant(3, method=method) / self.std(method=method) ** 3)

    def entropy(self, *, method: str | None = None) -> Array:
        """Entropy in nats, with respect to Lebesgue measure plus counting measure on the atoms.

        That is `-int f log f - sum_a p_a log p_a` over the continuous part and the atoms.
        """
        return self._number(self._route("entropy", method))

    # -- parts ------------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Self:
        """The laws at `index` of the batch, as numpy indexing of the parameters would give them."""
        values = {f.name: getattr(self, f.name)[index] for f in fields(self)}  # type: ignore[arg-type]
        return type(self)(**values)

    def bulk(self, nats: float = 37.0) -> tuple[Array, Array]:
        """Points outside of which each tail holds at most about exp(-nats), of the shape of the batch."""
        tail = max(float(np.exp(-nats)), float(np.finfo(float).eps))
        return self.quantile(tail), self.quantile(1.0 - tail)

    def expand(self, shape: tuple[int, ...]) -> Self:
        """The same laws repeated to the batch shape `shape`, by numpy's broadcasting.

        Raises
        ------
        ValueError
            If the batch does not broadcast to it.
        """
        if self.batch_shape == tuple(shape):
            return self
        values = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        if any(np.shape(value) != self.batch_shape for value in values.values()):
            raise NotImplementedError(
                f"{type(self).__name__} cannot be repeated; give it parameters of shape {shape}"
            )
        return type(self)(**{name: np.broadcast_to(value, shape) for name, value in values.items()})

    # -- fitting ----------------------------------------------------------------------------------------

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> Distribution:
        """Maximum likelihood, vectorised over all axes but `axis`; families that have it override this."""
        raise NotImplementedError(f"{cls.__name__}.fit_mle does not exist; see the class for the fits it has")
