"""From feature models to the laws of output nodes and their predicted divergences."""

from aggdist.prediction.comparison import Comparison, Observed, compare, observe, relative_error
from aggdist.prediction.divergences import NodeDivergences, node_divergences
from aggdist.prediction.feature_models import (
    FEATURE_MODELS,
    FeatureModel,
    IndependentGammas,
    IndependentZeroInflatedGammas,
    Normals,
    feature_model,
)
from aggdist.prediction.node_laws import NodeLaws

__all__ = [
    "FEATURE_MODELS",
    "Comparison",
    "FeatureModel",
    "IndependentGammas",
    "IndependentZeroInflatedGammas",
    "NodeDivergences",
    "NodeLaws",
    "Normals",
    "Observed",
    "compare",
    "feature_model",
    "node_divergences",
    "observe",
    "relative_error",
]
