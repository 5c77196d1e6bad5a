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
from aggdist.aggregation.maximum_law import MaximumLaw
from aggdist.aggregation.pooled_laws import pooled_law
from aggdist.aggregation.registry import AGGREGATIONS, Aggregation, aggregation, check_power, pool

if TYPE_CHECKING:
    from aggdist.aggregation.layers import AggregationLayer

__all__ = [
    "AGGREGATIONS",
    "Aggregation",
    "MaximumLaw",
    "aggregation",
    "average_cumulants",
    "average_gamma",
    "average_law",
    "average_normal",
    "check_power",
    "effective_positions",
    "layer",
    "pool",
    "pooled_law",
]


def layer(name: str, p: float = 3.0, learnable: bool = False) -> AggregationLayer:
    """The torch module of one aggregation: maps (B, C, *positions) in, pooled features (B, C) out.

    Parameters
    ----------
    name
        A key of `AGGREGATIONS`.
    p
        Power of the generalised mean, p >= 1; the others do not read it.
    learnable
        Train the power along with the weights (only for the generalised mean; then p > 1 at the start).

    Raises
    ------
    ValueError
        For an unknown name, a power below 1, or a learnable power where there is none.
    """
    from aggdist.aggregation.layers import make_layer

    return make_layer(name, p=p, learnable=learnable)
