"""Laws of poolings that have a parameter: generalised mean and L_p norm (power p), log-sum-exp (sharpness r).

Each route takes the law of one activation, the number of independent positions and the parameter (theory item
T8). The L_p norm is N^(1/p) times the generalised mean, and so are its laws.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from aggdist.aggregation.average_laws import average_law, whole_positions
from aggdist.aggregation.generalised_mean_laws import (
    delta_generalised_mean_cumulants,
    generalised_mean_generalised_gamma,
    power_cumulants,
)
from aggdist.aggregation.log_sum_exp_laws import delta_log_sum_exp_cumulants, exponential_cumulants
from aggdist.aggregation.pooled_moments import generalised_mean_cumulants, log_sum_exp_cumulants
from aggdist.aggregation.registry import check_power
from aggdist.distributions.affine import Affine
from aggdist.distributions.base import Distribution
from aggdist.distributions.checks import Array
from aggdist.distributions.gamma import Gamma
from aggdist.distributions.generalised_gamma import GeneralisedGamma


def generalised_mean_exact(activation: Distribution, positions: ArrayLike, p: float) -> Distribution:
    """The exact law: the average for p = 1, Stacy's law for activations that are Stacy's with power p.

    Raises
    ------
    NotImplementedError
        For anything else.
    """
    n, power = whole_positions(positions), check_power(p)
    if power == 1.0:
        return average_law(activation, n)
    if isinstance(activation, GeneralisedGamma) and np.all(activation.power == power):
        return GeneralisedGamma.from_gamma_power(n * activation.shape, activation.scale**power / n, power)
    raise NotImplementedError(
        f"activation: got {type(activation).__name__} with p = {power:g}, expected p = 1 or a GeneralisedGamma of "
        "that power, for the exact law; use method='generalised_gamma', 'gamma' or 'delta'"
    )


def generalised_mean_stacy(activation: Distribution, positions: ArrayLike, p: float) -> GeneralisedGamma:
    """Generalised gamma law for an inner mean taken as gamma (T8.5)."""
    kappa = power_cumulants(activation, p)
    return generalised_mean_generalised_gamma(kappa[0], kappa[1], whole_positions(positions), p)


def generalised_mean_gamma(activation: Distribution, positions: ArrayLike, p: float) -> Gamma:
    """Gamma law with the exact mean and variance of Z (T8.9)."""
    mean, var = generalised_mean_cumulants(activation, positions, p)
    return Gamma.fit_moments(mean, var)


def generalised_mean_delta(activation: Distribution, positions: ArrayLike, p: float) -> Gamma:
    """Gamma law with the mean and variance of the delta method (T8.8)."""
    kappa = power_cumulants(activation, p)
    mean, var = delta_generalised_mean_cumulants(kappa, whole_positions(positions), p)
    return Gamma.fit_moments(mean, var)


def lp_norm_exact(activation: Distribution, positions: ArrayLike, p: float) -> Distribution:
    """The exact law of the L_p norm; exists where that of the generalised mean does."""
    law, factor = generalised_mean_exact(activation, positions, p), _norm_factor(positions, p)
    if isinstance(law, GeneralisedGamma):
        return GeneralisedGamma(law.scale * factor, law.d, law.power)
    return Affine(law, np.zeros(()), factor)


def lp_norm_stacy(activation: Distribution, positions: ArrayLike, p: float) -> GeneralisedGamma:
    """Generalised gamma law of the L_p norm."""
    law = generalised_mean_stacy(activation, positions, p)
    return GeneralisedGamma(law.scale * _norm_factor(positions, p), law.d, law.power)


def lp_norm_gamma(activation: Distribution, positions: ArrayLike, p: float) -> Gamma:
    """Gamma law with the exact mean and variance of the L_p norm."""
    law = generalised_mean_gamma(activation, positions, p)
    return Gamma(law.shape, law.scale * _norm_factor(positions, p))


def lp_norm_delta(activation: Distribution, positions: ArrayLike, p: float) -> Gamma:
    """Gamma law of the L_p norm by the delta method."""
    law = generalised_mean_delta(activation, positions, p)
    return Gamma(law.shape, law.scale * _norm_factor(positions, p))


def log_sum_exp_gamma(activation: Distribution, positions: ArrayLike, r: float) -> Gamma:
    """Gamma law with the exact mean and variance of Z, whatever the tails (T8.11)."""
    mean, var = log_sum_exp_cumulants(activation, positions, r)
    return Gamma.fit_moments(mean, var)


def log_sum_exp_delta(activation: Distribution, positions: ArrayLike, r: float) -> Gamma:
    """Gamma law by the delta method; needs 2 r theta < 1 under a gamma tail (T8.10)."""
    kappa = exponential_cumulants(activation, r)
    mean, var = delta_log_sum_exp_cumulants(kappa, whole_positions(positions), r)
    return Gamma.fit_moments(mean, var)


def _norm_factor(positions: ArrayLike, p: float) -> Array:
    """`N^(1/p)`."""
    return np.asarray(whole_positions(positions) ** (1 / check_power(p)))
