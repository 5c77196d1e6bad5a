"""Divergences between laws, and their estimates from samples."""

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
    shape_correction,
)
from aggdist.divergence.exact_node_kl import exact_node_kl
from aggdist.divergence.kolmogorov_smirnov import ks_distance, ks_two_sample
from aggdist.divergence.nearest_neighbour import (
    KLEstimate,
    break_ties,
    knn_kl,
    knn_kl_interval,
    log_ratios,
    saturation_ceiling,
)
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
from aggdist.divergence.tilting import Tilt

__all__ = [
    "Divergences",
    "KLEstimate",
    "MixtureBounds",
    "MixtureKL",
    "NodeKL",
    "RegisteredPair",
    "Tilt",
    "area_under_roc",
    "bayes_error",
    "break_ties",
    "bretagnolle_huber_bound",
    "chernoff_bound",
    "cramer_rate",
    "divergences",
    "exact_node_kl",
    "jensen_shannon",
    "kl_divergence",
    "kl_quadrature",
    "knn_kl",
    "knn_kl_interval",
    "ks_distance",
    "ks_two_sample",
    "log_ratios",
    "mixture_bounds",
    "mixture_convex_bound",
    "mixture_node_kl",
    "mixture_rate",
    "mixture_upper_bound",
    "node_kl",
    "overlap",
    "pinsker_bound",
    "random_classifier",
    "random_nodes",
    "register_kl",
    "registered_pairs",
    "saturation_ceiling",
    "shape_correction",
]
