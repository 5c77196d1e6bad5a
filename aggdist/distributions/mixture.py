"""Finite mixtures of laws of one family."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.distributions import moments
from aggdist.distributions.base import Atom, Complex, Distribution
from aggdist.distributions.checks import Array, real_array, require
from aggdist.distributions.special import log_sum_exp

_WEIGHTS_SUM = 1e-9


@dataclass(frozen=True, eq=False)
class Mixture(Distribution):
    """Mixture `sum_m weights[m] law[m]` over the last batch axis of `components`.

    The out-of-class law of an output node is the mixture of the other labels (theory item T10). Density, cdf,
    moments and characteristic function mix those of the components (by the components' default route);
    `quantile` and `entropy` have no closed form and are **numeric by default**.

    Parameters
    ----------
    components : Distribution
        Laws of batch shape `(*batch, M)`.
    weights : array_like, shape (*, M)
        Non-negative, summing to 1 along the last axis.

    Raises
    ------
    ValueError
        For weights that are negative, do not sum to 1 or are none.
    TypeError
        If `components` is not a Distribution.
    """

    components: Distribution
    weights: Array

    def __post_init__(self) -> None:
        if not isinstance(self.components, Distribution):
            raise TypeError(f"components: got {type(self.components).__name__}, expected a Distribution")
        batch = self.components.batch_shape
        weights = real_array("weights", self.weights)
        if not batch or weights.ndim == 0 or weights.shape[-1] == 0 or weights.shape[-1] != batch[-1]:
            raise ValueError(
                f"weights: got shape {weights.shape} for components of batch {batch}, expected last axes of "
                "the same length, at least 1"
            )
        require("weights", weights, weights >= 0, "numbers >= 0")
        total = np.sum(weights, axis=-1)
        require(
            "weights",
            total,
            np.abs(total - 1) <= _WEIGHTS_SUM,
            "weights that sum to 1; divide them by their sum",
        )
        self._store(weights=np.array(np.broadcast_to(weights, np.broadcast_shapes(weights.shape, batch))))
        object.__setattr__(self, "components", self.components.expand(self.weights.shape))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of mixtures."""
        return self.weights.shape[:-1]

    @property
    def numeric_by_default(self) -> frozenset[str]:
        """Quantile and entropy, and what is numeric by default for the components."""
        return frozenset({"quantile", "entropy"}) | self.components.numeric_by_default

    def has_closed_form(self, quantity: str) -> bool:
        """Whether the mixture of the components' closed forms gives it."""
        return super().has_closed_form(quantity) and self.components.has_closed_form(quantity)

    def _mix(self, values: NDArray[np.float64]) -> Array:
        """Weighted sum over the components; those of weight 0 do not count, whatever their value."""
        return np.asarray(np.sum(np.where(self.weights > 0, self.weights * values, 0.0), axis=-1))

    def expand(self, shape: tuple[int, ...]) -> Mixture:
        """The same mixtures repeated to the batch shape `shape`."""
        each = (*shape, self.weights.shape[-1])
        return Mixture(self.components.expand(each), np.broadcast_to(self.weights, each))

    def support(self) -> tuple[Array, Array]:
        """Hull of the supports of the components that count."""
        low, high = self.components.support()
        counts = self.weights > 0
        return np.min(np.where(counts, low, np.inf), axis=-1), np.max(
            np.where(counts, high, -np.inf), axis=-1
        )

    def bulk(self, nats: float = 37.0) -> tuple[Array, Array]:
        """Hull of the bulks of the components that count: it may be wider than needed, never narrower."""
        low, high = self.components.bulk(nats)
        counts = self.weights > 0
        return np.min(np.where(counts, low, np.inf), axis=-1), np.max(
            np.where(counts, high, -np.inf), axis=-1
        )

    def atoms(self) -> tuple[Atom, ...]:
        """Atoms of all components; equal locations are merged into the first."""
        found: list[Atom] = []
        for atom in self.components.atoms():
            mass = np.where(self.weights > 0, self.weights * atom.mass, 0.0)
            found += [Atom(atom.location[..., m], mass[..., m]) for m in range(self.weights.shape[-1])]
        return _merged(found)

    def _logpdf(self, x: Array) -> Array:
        with np.errstate(divide="ignore"):
            return log_sum_exp(np.log(self.weights) + self._safe_logpdf(x))

    def _safe_logpdf(self, x: Array) -> Array:
        value = self.components.logpdf(x[..., None])
        return np.where(self.weights > 0, value, -np.inf)

    def _cdf(self, x: Array) -> Array:
        return self._mix(self.components.cdf(x[..., None]))

    def _below(self, x: Array) -> Array:
        return self._mix(self.components._below(x[..., None]))

    def _sf(self, x: Array) -> Array:
        return self._mix(self.components.sf(x[..., None]))

    def _moment(self, r: float) -> Array:
        return self._mix(self.components.moment(r))

    def _cumulant(self, r: int) -> Array:
        means = self.components.mean()
        mean = self._mix(means)
        if r == 1:
            return mean
        # Moments about the mixture's mean, component by component: nothing cancels between components.
        offset = [np.where(self.weights > 0, means - mean[..., None], 0.0)]
        inner = [*offset, *(self.components.cumulant(k) for k in range(2, r + 1))]
        central = [self._mix(moments.raw_from_cumulants(inner[:k])) for k in range(2, r + 1)]
        return moments.cumulant_from_raw([np.zeros_like(mean), *central])

    def _cf(self, t: Array) -> Complex:
        values = self.components.cf(t[..., None])
        return np.asarray(np.sum(np.where(self.weights > 0, self.weights * values, 0.0), axis=-1))

    def _location_spread(self) -> tuple[Array, Array]:
        # From the components' own, which may be numeric: the mixture's mean would need this very answer.
        centres, spreads = (
            np.where(self.weights > 0, part, 0.0) for part in self.components._location_spread()
        )
        centre = self._mix(centres)
        return centre, np.asarray(np.sqrt(self._mix(spreads**2 + (centres - centre[..., None]) ** 2)))

    def _breaks(self) -> Array:
        inner = self.components._breaks()
        return np.sort(_components_first(inner, self.weights), axis=0)

    def _singular_points(self) -> Array:
        points = np.concatenate([np.stack(self.components.support()), self.components._singular_points()])
        return _components_first(points, self.weights)

    def _resolution(self, x: Array) -> Array:
        each = np.broadcast_to(x[..., None], (*x.shape, self.weights.shape[-1]))
        return np.asarray(np.min(self.components._resolution(each), axis=-1))

    def _moment_exists(self, r: float) -> NDArray[np.bool_]:
        return np.asarray(np.all(self.components._moment_exists(r) | (self.weights == 0), axis=-1))

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> Mixture:
        """Not offered: there is no maximum.

        Raises
        ------
        NotImplementedError
            Always: the likelihood grows without bound as one component shrinks onto one observation
            (Kiefer and Wolfowitz, 1956).
        """
        raise NotImplementedError(
            "Mixture.fit_mle does not exist: the likelihood is unbounded as one component shrinks onto one "
            "observation; fit the components to samples whose origin is known, such as the images of each label"
        )

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        lead = full[: len(full) - len(self.batch_shape)]
        draws = self.components.sample(rng, lead)
        edges = np.cumsum(self.weights, axis=-1)
        edges[..., -1] = np.inf
        chosen = np.sum(rng.random(full)[..., None] >= edges, axis=-1)
        return np.take_along_axis(draws, chosen[..., None], axis=-1)[..., 0]


def _components_first(values: Array, weights: Array) -> Array:
    """Shape (P, *batch, M) to (P M, *batch); components of weight 0 repeat one that counts."""
    best = np.argmax(weights, axis=-1)[None, ..., None]
    stand_in = np.take_along_axis(values, np.broadcast_to(best, (len(values), *best.shape[1:])), axis=-1)
    values = np.where(weights > 0, values, stand_in)
    return np.moveaxis(values, -1, 1).reshape(-1, *weights.shape[:-1])


def _merged(atoms: list[Atom]) -> tuple[Atom, ...]:
    merged: list[Atom] = []
    for atom in atoms:
        for k, other in enumerate(merged):
            if np.array_equal(other.location, atom.location):
                merged[k] = Atom(other.location, other.mass + atom.mass)
                break
        else:
            merged.append(atom)
    return tuple(merged)
