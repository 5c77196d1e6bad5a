"""Divergences between laws, and their estimates from samples."""

from aggdist.divergence.bounded import bounded_divergence, bounded_kl, pooled_edges
from aggdist.divergence.bounds import (
    MixtureBounds,
    bretagnolle_huber_bound,
    chernoff_bound,
    mixture_bounds,
    mixture_convex_bound,
    mixture_upper_bound,
    pinsker_bound,
)
from aggdist.divergence.closed_forms import RegisteredPair, kl_divergence, register_kl, registered_pairs
from aggdist.divergence.cramer import (
    MixtureKL,
    NodeKL,
    cramer_rate,
    mixture_node_kl,
    mixture_rate,
    node_kl,
    node_kl_within,
    shape_correction,
)
from aggdist.divergence.exact_node_kl import exact_node_kl
from aggdist.divergence.intervals import Interval, bootstrap_interval, half_sample_interval
from aggdist.divergence.kolmogorov_smirnov import ks_distance, ks_two_sample
from aggdist.divergence.matched import Matched, floor_errors, matched, matched_draws
from aggdist.divergence.nearest_neighbour import (
    KLEstimate,
    knn_kl,
    knn_kl_interval,
    knn_kl_several,
    log_ratios,
)
from aggdist.divergence.partition import default_bins, equiprobable_edges, partition_kl
from aggdist.divergence.quadrature import (
    Divergences,
    area_under_roc,
    bayes_error,
    divergences,
    jensen_shannon,
    kl_quadrature,
    overlap,
)
from aggdist.divergence.random_nodes import random_classifier, random_nodes
from aggdist.divergence.saturation import (
    is_saturated,
    mean_log_gap,
    outside_share,
    saturation_ceiling,
    separated_estimate,
)
from aggdist.divergence.ties import break_ties, dither, kl_with_atom
from aggdist.divergence.tilting import Tilt

__all__ = [
    "Divergences",
    "Interval",
    "KLEstimate",
    "Matched",
    "MixtureBounds",
    "MixtureKL",
    "NodeKL",
    "RegisteredPair",
    "Tilt",
    "area_under_roc",
    "bayes_error",
    "bootstrap_interval",
    "bounded_divergence",
    "bounded_kl",
    "break_ties",
    "bretagnolle_huber_bound",
    "chernoff_bound",
    "cramer_rate",
    "default_bins",
    "dither",
    "divergences",
    "equiprobable_edges",
    "exact_node_kl",
    "floor_errors",
    "half_sample_interval",
    "is_saturated",
    "jensen_shannon",
    "kl_divergence",
    "kl_quadrature",
    "kl_with_atom",
    "knn_kl",
    "knn_kl_interval",
    "knn_kl_several",
    "ks_distance",
    "ks_two_sample",
    "log_ratios",
    "matched",
    "matched_draws",
    "mean_log_gap",
    "mixture_bounds",
    "mixture_convex_bound",
    "mixture_node_kl",
    "mixture_rate",
    "mixture_upper_bound",
    "node_kl",
    "node_kl_within",
    "outside_share",
    "overlap",
    "partition_kl",
    "pinsker_bound",
    "pooled_edges",
    "random_classifier",
    "random_nodes",
    "register_kl",
    "registered_pairs",
    "saturation_ceiling",
    "separated_estimate",
    "shape_correction",
]
