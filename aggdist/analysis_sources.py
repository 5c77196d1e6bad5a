"""Which sources a record's numbers come from, and their digest: when it changes, records are older than the code."""

from __future__ import annotations

from pathlib import Path

from aggdist.provenance import source_digest

_HERE = Path(__file__).resolve().parent
# The modules that a record's numbers come from: when one of them changes, records are older than the code. A test
# follows the imports and fails if one is missing here. (Not distributions/numeric.py: those routes are taken only
# with method="numeric", which the analysis never asks for.)
ANALYSIS_MODULES = (
    "analysis.py",
    "halves.py",
    "capture/accumulator.py",
    "capture/moments.py",
    "capture/statistics.py",
    "distributions/base.py",
    "distributions/chebyshev.py",
    "distributions/checks.py",
    "distributions/contour.py",
    "distributions/gamma.py",
    "distributions/gamma_terms.py",
    "distributions/inversion.py",
    "distributions/lattice.py",
    "distributions/machinery.py",
    "distributions/moments.py",
    "distributions/normal.py",
    "distributions/saddlepoint.py",
    "distributions/special.py",
    "distributions/tabulate.py",
    "distributions/weighted_sum.py",
    "distributions/zero_inflated_gamma.py",
    "divergence/intervals.py",
    "divergence/kolmogorov_smirnov.py",
    "divergence/matched.py",
    "divergence/nearest_neighbour.py",
    "divergence/samples.py",
    "divergence/ties.py",
    "prediction/comparison.py",
    "prediction/divergences.py",
    "prediction/feature_models.py",
    "prediction/node_laws.py",
)


def analysis_digest() -> str:
    """SHA-256 of the sources that the analysis depends on."""
    return source_digest(_HERE / name for name in ANALYSIS_MODULES)
