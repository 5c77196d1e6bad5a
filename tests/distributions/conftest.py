"""Fixtures that go over all families: one batch of laws each, easy and extreme parameters side by side."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aggdist.distributions import (
    Affine,
    BinomialGamma,
    CompoundPoissonGamma,
    Distribution,
    Exponential,
    Gamma,
    GeneralisedExtremeValue,
    GeneralisedGamma,
    Gumbel,
    Mixture,
    Normal,
    NormalInverseGaussian,
    RectifiedNormal,
    ShiftedGamma,
    SkewNormal,
    ZeroInflatedGamma,
    ZeroInflatedGeneralisedGamma,
)

LAWS: dict[str, Distribution] = {
    "normal": Normal([0.0, 3.0], [1.0, 0.2]),
    "rectified_normal": RectifiedNormal([-3.0, 0.0, 2.0, -8.0, 10.0], 1.3),
    "exponential": Exponential([0.5, 2e-3]),
    "gamma": Gamma([0.05, 0.7, 3.0, 2e5], [1.0, 2.0, 0.1, 0.3]),
    "zero_inflated_gamma": ZeroInflatedGamma(
        [0.3, 1.0, 0.9, 0.05], [0.5, 2.0, 30.0, 1.0], [1.0, 0.1, 3.0, 2.0]
    ),
    "binomial_gamma": BinomialGamma(
        [0.3, 0.01, 0.9, 0.2], [0.5, 50.0, 2.0, 1.0], [1.0, 0.2, 3.0, 1.0], [49, 9, 1, 16]
    ),
    "compound_poisson_gamma": CompoundPoissonGamma([0.1, 2.0, 4.0], [0.5, 12.0, 2.0], [1.0, 2.0, 0.1]),
    "shifted_gamma": ShiftedGamma(
        [0.0, 1.0, 2.0, 3.0, 0.0], [1.0, 2.0, 0.5, 1.0, 1.0], [0.0, 1e-8, -0.01, 1.3, -2.5]
    ),
    "skew_normal": SkewNormal(
        [0.0, 1.0, 2.0, 3.0, 0.0], [1.0, 2.0, 0.5, 1.0, 1.0], [0.0, 1e-8, -0.01, 0.99, -0.8]
    ),
    "normal_inverse_gaussian": NormalInverseGaussian(
        [0.0, 1.0, 2.0, 3.0, 0.0],
        [1.0, 2.0, 0.5, 1.0, 1.0],
        [0.0, 0.007, -0.5, 1.3, 0.0],
        [1e-4, 1e-4, 0.6, 3.0, 20.0],
    ),
    "generalised_gamma": GeneralisedGamma([1.0, 2.0, 1.0], [0.5, 6.0, 0.8], [2.0, 3.0, 0.7]),
    "zero_inflated_generalised_gamma": ZeroInflatedGeneralisedGamma(
        [0.3, 1.0, 0.9, 0.05], [0.5, 2.0, 40.0, 0.6], [1.0, 0.1, 0.03, 3.0], [1.0, 2.0, 0.3, 3.5]
    ),
    "gumbel": Gumbel([0.0, 2.0], [1.0, 0.1]),
    "generalised_extreme_value": GeneralisedExtremeValue(
        [0.0, 1.0, 2.0, 0.0, 0.0], [1.0, 2.0, 0.5, 1.0, 1.0], [0.0, 1e-9, -0.3, 0.2, -1.5]
    ),
    "affine": Affine(ZeroInflatedGamma([0.3, 0.8], [0.5, 2.0], 1.0), [1.0, -2.0], [2.0, -0.5]),
    "affine_gamma": Affine(Gamma([0.5, 2.0], 1.0), 3.0, [-2.0, 2.0]),
    "mixture": Mixture(Gamma([[0.5, 2.0, 9.0], [3.0, 3.0, 40.0]], 1.0), [0.2, 0.5, 0.3]),
    "mixture_with_atoms": Mixture(
        Affine(ZeroInflatedGamma(0.5, [0.5, 2.0, 9.0], 1.0), [0.0, 1.0, 2.0]),
        [[0.2, 0.5, 0.3], [0.0, 0.9, 0.1]],
    ),
}


@pytest.fixture(params=LAWS)
def law(request: pytest.FixtureRequest) -> Distribution:
    """Each family in turn."""
    return LAWS[request.param]


@pytest.fixture(
    params=[
        "exponential",
        "gamma",
        "zero_inflated_gamma",
        "rectified_normal",
        "generalised_gamma",
        "zero_inflated_generalised_gamma",
    ]
)
def law_with_fractional_moments(request: pytest.FixtureRequest) -> Distribution:
    return LAWS[request.param]


@pytest.fixture
def unit(law: Distribution) -> NDArray[np.float64]:
    """A typical width of the continuous part of each law."""
    return law._location_spread()[1]


@pytest.fixture
def points(law: Distribution, unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles, moved off the atoms and end points, where the density may have no value."""
    levels = np.reshape([2e-3, 0.33, 0.61, 0.97], (-1, *(1,) * len(law.batch_shape)))
    x = law.quantile(levels)
    special = [*law.support(), *(atom.location for atom in law.atoms())]
    with np.errstate(invalid="ignore"):
        at_special = np.any([np.abs(x - s) < 1e-9 * unit for s in special], axis=0)
    # Past the atom on the side where the support is.
    inward = np.where(x >= law.support()[1], -1.0, 1.0)
    return np.where(at_special, x + inward * 0.37 * unit, x)
