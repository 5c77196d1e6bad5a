"""Affine map of a law: loc + factor X."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist.distributions.base import Atom, Complex, Distribution
from aggdist.distributions.checks import Array, finite, require


@dataclass(frozen=True, eq=False)
class Affine(Distribution):
    """Law of `loc + factor X` for X with the law `law` and a factor of either sign.

    Density `pdf((x - loc)/factor)/|factor|`, cumulants `factor^r kappa_r` (+ loc for r = 1). Every quantity
    has a closed form where `law` has one, and is numeric by default where it is for `law`.

    Parameters
    ----------
    law : Distribution
        Law of X.
    loc, factor : array_like
        Finite; the factor not 0. They broadcast against the batch of `law`.

    Raises
    ------
    ValueError
        For parameters outside their domain.
    TypeError
        If `law` is not a Distribution.
    """

    law: Distribution
    loc: Array = 0.0  # type: ignore[assignment]
    factor: Array = 1.0  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if not isinstance(self.law, Distribution):
            raise TypeError(f"law: got {type(self.law).__name__}, expected a Distribution")
        factor = finite("factor", self.factor)
        require("factor", factor, factor != 0, "a factor that is not 0; the law would be the constant loc")
        ones = np.ones(self.law.batch_shape)
        self._store(loc=finite("loc", self.loc) * ones, factor=factor * ones)
        object.__setattr__(self, "law", self.law.expand(self.loc.shape))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.loc.shape

    @property
    def numeric_by_default(self) -> frozenset[str]:
        """As for the law that is mapped."""
        return self.law.numeric_by_default

    @property
    def density_route(self) -> str:  # type: ignore[override]
        """As for the law that is mapped."""
        return self.law.density_route

    def has_closed_form(self, quantity: str) -> bool:
        """As for the law that is mapped."""
        return self.law.has_closed_form(quantity)

    def _back(self, x: Array) -> Array:
        """Where x comes from; an atom's image goes back to the atom exactly."""
        y = (x - self.loc) / self.factor
        for inner, outer in zip(self.law.atoms(), self.atoms(), strict=True):
            y = np.where(x == outer.location, inner.location, y)
        low, high = self.law.support()
        return np.clip(y, low, high)

    def _flip(self, plain: Array, reflected: Array) -> Array:
        return np.where(self.factor > 0, plain, reflected)

    def expand(self, shape: tuple[int, ...]) -> Affine:
        """The same laws repeated to the batch shape `shape`."""
        return Affine(
            self.law.expand(shape), np.broadcast_to(self.loc, shape), np.broadcast_to(self.factor, shape)
        )

    def support(self) -> tuple[Array, Array]:
        """Image of the support."""
        low, high = self.law.support()
        return (
            self.loc + self.factor * self._flip(low, high),
            self.loc + self.factor * self._flip(high, low),
        )

    def atoms(self) -> tuple[Atom, ...]:
        """Images of the atoms."""
        return tuple(Atom(self.loc + self.factor * a.location, a.mass) for a in self.law.atoms())

    def _logpdf(self, x: Array) -> Array:
        return self.law.logpdf(self._back(x)) - np.log(np.abs(self.factor))

    def _pdf(self, x: Array) -> Array:
        return self.law.pdf(self._back(x)) / np.abs(self.factor)

    def _pdf_from_end(self, upper: bool, distance: Array) -> Array:
        inner = distance / np.abs(self.factor)
        same, other = self.law._pdf_from_end(upper, inner), self.law._pdf_from_end(not upper, inner)
        return self._flip(same, other) / np.abs(self.factor)

    def _mass_at(self, y: Array) -> Array:
        mass = np.zeros(np.broadcast_shapes(y.shape, self.batch_shape))
        for atom in self.law.atoms():
            mass = mass + np.where(y == atom.location, atom.mass, 0.0)
        return mass

    def _cdf(self, x: Array) -> Array:
        y = self._back(x)
        return self._flip(self.law.cdf(y), self.law.sf(y) + self._mass_at(y))

    def _sf(self, x: Array) -> Array:
        y = self._back(x)
        below = (
            self.law.cdf(y) if not self.law.atoms() else np.maximum(self.law.cdf(y) - self._mass_at(y), 0.0)
        )
        return self._flip(self.law.sf(y), below)

    def _below(self, x: Array) -> Array:
        low, high = self.support()
        y = self._back(np.clip(x, low, high))
        beyond = self.law.sf(y)
        for atom in self.law.atoms():
            beyond = beyond - np.where(atom.location > y, atom.mass, 0.0)
        return self._flip(self.law._below(y), beyond)

    def _quantile(self, u: Array) -> Array:
        if np.all(self.factor > 0):
            return self.loc + self.factor * self.law.quantile(u)
        return self.loc + self.factor * self._flip(self.law.quantile(u), self.law._upper_quantile(u))

    def _upper_quantile(self, u: Array) -> Array:
        return self.loc + self.factor * self._flip(self.law._upper_quantile(u), self.law.quantile(u))

    def _moment(self, r: float) -> Array:
        if r != int(r):
            return self._power_moment(r)
        inner = [np.ones(self.batch_shape), *(self.law.moment(k) for k in range(1, int(r) + 1))]
        terms = [
            special.binom(int(r), k) * self.loc ** (int(r) - k) * self.factor**k * inner[k]
            for k in range(int(r) + 1)
        ]
        return np.asarray(sum(terms[1:], start=terms[0]))

    def _power_moment(self, r: float) -> Array:
        if np.any(self.loc != 0) or np.any(self.factor < 0):
            raise NotImplementedError(
                f"r: got {r}, fractional moments of a shifted law have no closed form; pass method='numeric'"
            )
        return self.factor**r * self.law.moment(r)

    def _cumulant(self, r: int) -> Array:
        return self.factor**r * self.law.cumulant(r) + (self.loc if r == 1 else 0.0)

    def _cf(self, t: Array) -> Complex:
        return np.asarray(np.exp(1j * t * self.loc) * self.law.cf(t * self.factor))

    def _entropy(self) -> Array:
        atoms = sum((np.asarray(a.mass) for a in self.law.atoms()), start=np.zeros(self.batch_shape))
        # Only the continuous part stretches.
        return self.law.entropy() + (1 - atoms) * np.log(np.abs(self.factor))

    def _location_spread(self) -> tuple[Array, Array]:
        centre, spread = self.law._location_spread()
        return self.loc + self.factor * centre, np.abs(self.factor) * spread

    def _breaks(self) -> Array:
        return np.sort(self.loc + self.factor * self.law._breaks(), axis=0)

    def _singular_points(self) -> Array:
        return np.asarray(self.loc + self.factor * self.law._singular_points())

    def _resolution(self, x: Array) -> Array:
        return np.abs(self.factor) * self.law._resolution(self._back(x))

    def _moment_exists(self, r: float) -> NDArray[np.bool_]:
        return self.law._moment_exists(r)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        lead = full[: len(full) - len(self.batch_shape)]
        return np.asarray(self.loc + self.factor * self.law.sample(rng, lead))
