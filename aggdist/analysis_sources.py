"""Which sources a record's numbers come from, and their digest: when it changes, records are older than the code."""

from __future__ import annotations

from pathlib import Path

from aggdist.provenance import source_digest

_HERE = Path(__file__).resolve().parent
# The modules that a record's numbers come from: when one of them changes, records are older than the code. A test
# follows the imports and fails if one is missing here. (Not distributions/numeric.py: those routes are taken only
# with method="numeric", which the analysis never asks for. And not what trains and captures: that has its own keys.)
ANALYSIS_MODULES = (
    "aggregation/average.py",
    "aggregation/generalised_mean.py",
    "aggregation/log_sum_exp.py",
    "aggregation/lp_norm.py",
    "aggregation/maximum.py",
    "aggregation/registry.py",
    "analysis/analyse.py",
    "analysis/ladder.py",
    "analysis/nodes.py",
    "analysis/pooled.py",
    "halves.py",
    "capture/accumulator.py",
    "capture/activations.py",
    "capture/images.py",
    "capture/in_halves.py",
    "capture/moments.py",
    "capture/statistics.py",
    "distributions/affine.py",
    "distributions/base.py",
    "distributions/chebyshev.py",
    "distributions/checks.py",
    "distributions/contour.py",
    "distributions/gamma.py",
    "distributions/gamma_terms.py",
    "distributions/generalised_gamma.py",
    "distributions/inversion.py",
    "distributions/lattice.py",
    "distributions/machinery.py",
    "distributions/mixture.py",
    "distributions/moments.py",
    "distributions/normal.py",
    "distributions/normal_inverse_gaussian.py",
    "distributions/quadrature.py",
    "distributions/roots.py",
    "distributions/saddlepoint.py",
    "distributions/shifted_gamma.py",
    "distributions/skew_normal.py",
    "distributions/special.py",
    "distributions/tabulate.py",
    "distributions/temme.py",
    "distributions/weighted_sum.py",
    "distributions/zero_inflated_gamma.py",
    "distributions/zero_inflated_generalised_gamma.py",
    "divergence/bounded.py",
    "divergence/intervals.py",
    "divergence/kolmogorov_smirnov.py",
    "divergence/matched.py",
    "divergence/nearest_neighbour.py",
    "divergence/panels.py",
    "divergence/partition.py",
    "divergence/quadrature.py",
    "divergence/samples.py",
    "divergence/ties.py",
    "prediction/activation_models.py",
    "prediction/activation_pooling.py",
    "prediction/comparison.py",
    "prediction/decorrelated_models.py",
    "prediction/divergences.py",
    "prediction/feature_model.py",
    "prediction/feature_models.py",
    "prediction/gamma_pooling.py",
    "prediction/independent_models.py",
    "prediction/node_laws.py",
    "prediction/node_samples.py",
    "prediction/normal_model.py",
    "prediction/projected_models.py",
)


def analysis_digest() -> str:
    """SHA-256 of the sources that the analysis depends on."""
    return source_digest(_HERE / name for name in ANALYSIS_MODULES)
