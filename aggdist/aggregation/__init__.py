"""Aggregation layers: for each, the pooling of maps in numpy, the torch layer, and the law it leads to.

`pool` and `AGGREGATIONS` need numpy alone, the laws numpy and scipy; `layer` imports torch when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggdist.aggregation.average_laws import (
    average_cumulants,
    average_gamma,
    average_law,
    average_normal,
    effective_positions,
)
from aggdist.aggregation.dependent_positions import (
    correlated_average_gamma,
    correlated_average_normal,
    grid_correlation,
    image_mixture,
    offset_covariance,
    position_correlation,
)
from aggdist.aggregation.generalised_mean_laws import (
    GeneralisedMeanTrust,
    delta_generalised_mean_cumulants,
    generalised_mean_generalised_gamma,
    generalised_mean_trust,
    power_cumulants,
)
from aggdist.aggregation.image_laws import image_laws
from aggdist.aggregation.image_variation import ImageVariation, observed_effective_positions
from aggdist.aggregation.log_sum_exp_laws import delta_log_sum_exp_cumulants, exponential_cumulants
from aggdist.aggregation.maximum_dependence import maximum_effective_positions, observed_maximum_positions
from aggdist.aggregation.maximum_law import MaximumLaw
from aggdist.aggregation.maximum_limits import maximum_extreme_value, maximum_gumbel, tail_point
from aggdist.aggregation.maximum_moments import exponential_maximum_moments
from aggdist.aggregation.pooled_laws import pooled_law
from aggdist.aggregation.pooled_moments import generalised_mean_cumulants, log_sum_exp_cumulants
from aggdist.aggregation.registry import (
    AGGREGATIONS,
    Aggregation,
    aggregation,
    check_power,
    check_sharpness,
    pool,
)

if TYPE_CHECKING:
    from aggdist.aggregation.layers import AggregationLayer

__all__ = [
    "AGGREGATIONS",
    "Aggregation",
    "GeneralisedMeanTrust",
    "ImageVariation",
    "MaximumLaw",
    "aggregation",
    "average_cumulants",
    "average_gamma",
    "average_law",
    "average_normal",
    "check_power",
    "check_sharpness",
    "correlated_average_gamma",
    "correlated_average_normal",
    "delta_generalised_mean_cumulants",
    "delta_log_sum_exp_cumulants",
    "effective_positions",
    "exponential_cumulants",
    "exponential_maximum_moments",
    "generalised_mean_cumulants",
    "generalised_mean_generalised_gamma",
    "generalised_mean_trust",
    "grid_correlation",
    "image_laws",
    "image_mixture",
    "layer",
    "log_sum_exp_cumulants",
    "maximum_effective_positions",
    "maximum_extreme_value",
    "maximum_gumbel",
    "observed_effective_positions",
    "observed_maximum_positions",
    "offset_covariance",
    "pool",
    "pooled_law",
    "position_correlation",
    "power_cumulants",
    "tail_point",
]


def layer(name: str, p: float = 3.0, learnable: bool = False, *, r: float = 1.0) -> AggregationLayer:
    """The torch module of one aggregation: maps (B, C, *positions) in, pooled features (B, C) out.

    Parameters
    ----------
    name
        A key of `AGGREGATIONS`.
    p
        Power of the generalised mean and of the L_p norm, p >= 1; the others do not read it.
    learnable
        Train the power along with the weights (only where there is one; then p > 1 at the start).
    r
        Sharpness of the log-sum-exp, r > 0; the others do not read it.

    Raises
    ------
    ValueError
        For an unknown name, a power below 1, a sharpness that is not positive, or a learnable power where
        there is none.
    """
    from aggdist.aggregation.layers import make_layer

    return make_layer(name, p=p, learnable=learnable, r=r)
