"""Divergences between laws, and their estimates from samples."""

from aggdist.divergence.kolmogorov_smirnov import ks_distance, ks_two_sample
from aggdist.divergence.nearest_neighbour import (
    KLEstimate,
    break_ties,
    knn_kl,
    knn_kl_interval,
    log_ratios,
    saturation_ceiling,
)

__all__ = [
    "KLEstimate",
    "break_ties",
    "knn_kl",
    "knn_kl_interval",
    "ks_distance",
    "ks_two_sample",
    "log_ratios",
    "saturation_ceiling",
]
