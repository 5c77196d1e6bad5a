"""How a law chooses its route, broadcasts points and freezes its parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aggdist.distributions import numeric
from aggdist.distributions.checks import Array, real_array

METHODS = ("closed", "numeric")


class Machinery(ABC):
    """The part of `Distribution` that is not mathematics."""

    @property
    @abstractmethod
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""

    @abstractmethod
    def support(self) -> tuple[Array, Array]:
        """Smallest closed interval with all the mass: (lower, upper), each of the shape of the batch."""

    @property
    def numeric_by_default(self) -> frozenset[str]:
        """Quantities without a closed form that this family computes numerically unless told otherwise."""
        return frozenset()

    def _has_own(self, name: str) -> bool:
        """Whether a family, and not the common base, defines this method."""
        return not getattr(type(self), name).__qualname__.startswith("Distribution.")

    def has_closed_form(self, quantity: str) -> bool:
        """Whether `quantity` ("pdf", "cdf", "cf", ...) has a closed form in this family."""
        if quantity in ("mean", "var", "std", "skewness"):
            quantity = "cumulant"
        if self._has_own(quantity):
            return True
        if quantity == "moment":
            return self._has_own("_moment") or self._has_own("_cumulant")
        return self._has_own({"pdf": "_logpdf"}.get(quantity, "_" + quantity))

    def _route(self, quantity: str, method: str | None) -> Callable[..., Any]:
        """The function that computes `quantity` by `method`."""
        if method is not None and method not in METHODS:
            raise NotImplementedError(
                f"method: got {method!r} for {type(self).__name__}.{quantity}, expected 'closed' or 'numeric'"
            )
        closed = self.has_closed_form(quantity)
        if method == "numeric" or (method is None and not closed and quantity in self.numeric_by_default):
            own = getattr(self, "_numeric_" + quantity, None)
            route = getattr(numeric, quantity)
            return own or (lambda *args: route(self, *args))
        if not closed:
            raise NotImplementedError(
                f"{type(self).__name__}.{quantity} has no closed form; pass method='numeric' instead"
            )
        closed_form: Callable[..., Any] = getattr(self, "_" + quantity)
        return closed_form

    def _points(self, name: str, x: ArrayLike) -> Array:
        """Points as float64, broadcast against the batch."""
        points = real_array(name, x)
        try:
            shape = np.broadcast_shapes(points.shape, self.batch_shape)
        except ValueError:
            raise ValueError(
                f"{name}: got shape {points.shape}, expected one that broadcasts against the batch shape "
                f"{self.batch_shape}; put points in leading axes, for example {name}[:, None]"
            ) from None
        return np.broadcast_to(points, shape)

    def _inside(self, quantity: str, x: ArrayLike, method: str | None, below: float, above: float) -> Array:
        """Values of `quantity` on the support, `below` and `above` outside of it, NaN at NaN."""
        route = self._route(quantity, method)
        points = self._points("x", x)
        low, high = self.support()
        centre = np.where(low > 0, low, np.where(high < 0, high, 0.0))
        inside = (points >= low) & (points <= high) & np.isfinite(points)
        with np.errstate(all="ignore"):
            value = route(np.where(inside, points, centre))
        value = np.where(inside, value, np.where(points > centre, above, below))
        return np.asarray(np.where(np.isnan(points), np.nan, value), dtype=np.float64)

    def _number(self, route: Callable[..., Any], *args: float) -> Array:
        with np.errstate(all="ignore"):
            value = route(*args)
        return np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), self.batch_shape))

    def _store(self, **parameters: Array) -> None:
        """Broadcast checked parameters against each other and freeze them."""
        try:
            together = np.broadcast_arrays(*parameters.values())
        except ValueError:
            shapes = ", ".join(f"{name} {value.shape}" for name, value in parameters.items())
            raise ValueError(
                f"{type(self).__name__}: got parameters of shapes {shapes}, expected shapes that broadcast"
            ) from None
        for name, value in zip(parameters, together, strict=True):
            own = np.array(value)
            own.setflags(write=False)
            object.__setattr__(self, name, own)

    def _size(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> tuple[int, ...]:
        """Shape of a sample: `(*size, *batch)`."""
        if not isinstance(rng, np.random.Generator):
            raise TypeError(
                f"rng: got {type(rng).__name__}, expected a numpy Generator; "
                "make one with numpy.random.default_rng(seed)"
            )
        return (*((size,) if isinstance(size, (int, np.integer)) else tuple(size)), *self.batch_shape)
