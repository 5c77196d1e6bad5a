"""Laws on which the checks of chapter T10 are tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.distributions import (
    Distribution,
    Exponential,
    Gamma,
    GeneralisedGamma,
    Gumbel,
    Normal,
    RectifiedNormal,
    WeightedGammaSum,
    ZeroInflatedGamma,
)

Array = NDArray[np.float64]
Law = TypeVar("Law", bound=Distribution)


def law_of(family: Callable[..., Law], *parameters: ArrayLike) -> Law:
    """A law of the family from parameters that may be plain numbers and lists."""
    return family(*(np.asarray(value, float) for value in parameters))


def one_channel(shape: ArrayLike, scale: ArrayLike = 1.0) -> WeightedGammaSum:
    """Gamma laws as sums of a single channel."""
    shape = np.asarray(shape, float)[..., None]
    return law_of(WeightedGammaSum, np.ones_like(shape), shape, np.asarray(scale, float)[..., None])


def column(law: WeightedGammaSum) -> WeightedGammaSum:
    """The same laws with one more batch axis at the end."""
    terms = {name: np.expand_dims(getattr(law, name), -2) for name in ("weights", "shape", "scale", "active")}
    return replace(law, **terms, offset=law.offset[..., None])


def gamma_pairs() -> tuple[Gamma, Gamma]:
    """Pairs of gamma laws in all combinations, shape (36,): poles, exponentials, near normals, equal laws."""
    shape = np.array([0.05, 1.0, 300.0])
    a1, a2, mean = np.meshgrid(shape, shape, [0.1, 1.0, 2.0, 20.0])
    a1, a2, mean = a1.ravel(), a2.ravel(), mean.ravel()
    return Gamma(a1, mean / a1), Gamma(a2, 1 / a2)


def examples() -> dict[type[Distribution], Distribution]:
    """Two laws of each family."""
    return {
        Gamma: law_of(Gamma, [0.3, 20.0], [2.0, 0.1]),
        Exponential: law_of(Exponential, [0.2, 3.0]),
        Normal: law_of(Normal, [-1.0, 2.0], [0.5, 2.0]),
        GeneralisedGamma: law_of(GeneralisedGamma, [1.0, 1.5], [2.0, 4.0], [1.5, 0.7]),
        Gumbel: law_of(Gumbel, [0.0, 1.0], [1.0, 2.0]),
        ZeroInflatedGamma: law_of(ZeroInflatedGamma, [0.8, 0.1], [2.0, 0.5], [1.5, 1.0]),
        RectifiedNormal: law_of(RectifiedNormal, [0.3, -2.0], [1.0, 1.5]),
    }


def copies(n: int) -> tuple[WeightedGammaSum, WeightedGammaSum]:
    """n copies of the same four channels in class and out of class."""
    weights = np.tile([1.0, 0.7, -0.3, 0.4], n)
    return (
        law_of(WeightedGammaSum, weights, 1.2, 1.6),
        law_of(WeightedGammaSum, weights, np.tile([2.5, 1.8, 3.0, 2.0], n), 1.0),
    )
