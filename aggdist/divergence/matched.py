"""Matched comparison: the same estimator, with the same sample sizes, on draws from the predicted laws.

An estimator of a divergence has a bias that depends on the laws and on the sample sizes, so a prediction that is
right differs from the estimate. Applied to draws from the predicted laws the estimator makes the same error: if
the laws are right, the observed estimate is one more draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.distributions.base import Distribution
from aggdist.divergence.intervals import Estimator
from aggdist.divergence.samples import checked_sample

Array = NDArray[np.float64]
Sampler = Callable[[np.random.Generator, int], ArrayLike]
"""A function of a generator and a size that draws that many values, shape (size,)."""


@dataclass(frozen=True)
class Matched:
    """An observed estimate beside estimates from draws of the predicted laws.

    Attributes
    ----------
    observed : float
        The estimate from the samples at hand.
    draws : array, shape (D,)
        Estimates from D pairs of simulated samples of the same sizes.
    """

    observed: float
    draws: Array

    @property
    def mean(self) -> float:
        """What the estimator says on average if the predicted laws are right."""
        return float(np.mean(self.draws))

    @property
    def std(self) -> float:
        """Scatter of the estimator from sample to sample, if they are."""
        return float(np.std(self.draws, ddof=1))

    @property
    def score(self) -> float:
        """`(observed - mean)` in standard deviations of what a further draw would show; beyond 3 is a misfit."""
        return (self.observed - self.mean) / (self.std * float(np.sqrt(1 + 1 / self.draws.size)))

    @property
    def relative_error(self) -> float:
        """`|mean - observed| / |observed|`; compare it with `floor`."""
        return float(relative_error(np.asarray(self.mean), np.asarray(self.observed)))

    @property
    def floor(self) -> float:
        """The relative error that a perfect prediction would still show, on average."""
        return float(np.mean(floor_errors(self.draws)))


def matched(
    x: ArrayLike,
    y: ArrayLike,
    p: Distribution | Sampler,
    q: Distribution | Sampler,
    estimator: Estimator,
    *,
    rng: np.random.Generator,
    draws: int = 20,
) -> Matched:
    """Compare the estimate from `x` and `y` with estimates from draws of the predicted laws `p` and `q`.

    Parameters
    ----------
    x, y : array_like, shapes (n,) and (m,)
        The samples at hand.
    p, q : Distribution or callable
        Predicted laws of `x` and of `y`: single laws (no batch), or functions `(rng, size)` that draw.
    estimator : callable
        A function of two samples. Where they can hold equal values it must deal with them.
    rng
        Draws the samples.
    draws : int
        How many, at least 2.
    """
    first, second = checked_sample(x, "x", 1), checked_sample(y, "y", 1)
    simulated = matched_draws(p, q, first.size, second.size, estimator, rng=rng, draws=draws)
    return Matched(float(estimator(first, second)), simulated)


def matched_draws(
    p: Distribution | Sampler,
    q: Distribution | Sampler,
    n: int,
    m: int,
    estimator: Estimator,
    *,
    rng: np.random.Generator,
    draws: int = 20,
) -> Array:
    """Estimates from `draws` pairs of samples of sizes n and m from the laws `p` and `q`, shape (draws,)."""
    if draws < 2:
        raise ValueError(f"draws: got {draws}, expected at least 2, better 20")
    pairs = ((_draw(p, "p", n, rng), _draw(q, "q", m, rng)) for _ in range(draws))
    return np.array([estimator(first, second) for first, second in pairs], dtype=float)


def floor_errors(draws: ArrayLike) -> Array:
    """Relative error of each draw against the mean of the others along the first axis, of the shape of `draws`.

    Its mean is the floor of a matched comparison: what a perfect prediction would still show.
    """
    values = np.asarray(draws, float)
    if values.ndim == 0 or values.shape[0] < 2:
        raise ValueError(f"draws: got shape {values.shape}, expected at least 2 along the first axis")
    others = (values.sum(axis=0) - values) / (values.shape[0] - 1)
    return relative_error(others, values)


def relative_error(predicted: Array, observed: Array) -> Array:
    """`|predicted - observed| / |observed|`, elementwise."""
    return np.asarray(np.abs(predicted - observed) / np.abs(observed))


def _draw(law: Distribution | Sampler, name: str, size: int, rng: np.random.Generator) -> Array:
    values = np.asarray(law.sample(rng, size) if isinstance(law, Distribution) else law(rng, size), float)
    if values.shape != (size,):
        raise ValueError(
            f"{name}: got draws of shape {values.shape}, expected ({size},); take one law of a batch, law[i]"
        )
    return values
