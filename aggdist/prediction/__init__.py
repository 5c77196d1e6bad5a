"""From feature models to the laws of output nodes and their predicted divergences."""

from aggdist.prediction.activation_models import activation_models
from aggdist.prediction.comparison import Comparison, Observed, compare, counted, observe, relative_error
from aggdist.prediction.decorrelated_models import DecorrelatedGammas, IndependentComponents
from aggdist.prediction.divergences import NodeDivergences, node_divergences
from aggdist.prediction.feature_model import FeatureModel, FittingImages, StatisticsModel
from aggdist.prediction.feature_models import COSTLY_MODELS, DEFAULT_MODEL, FEATURE_MODELS, feature_model
from aggdist.prediction.independent_models import IndependentGammas, IndependentZeroInflatedGammas
from aggdist.prediction.node_laws import NodeLaws
from aggdist.prediction.node_samples import NodeSampler
from aggdist.prediction.normal_model import Normals
from aggdist.prediction.projected_models import (
    ProjectedGammas,
    ProjectedModel,
    ShrunkGammas,
    ShrunkSkewNormals,
    ShrunkTails,
)

__all__ = [
    "COSTLY_MODELS",
    "DEFAULT_MODEL",
    "FEATURE_MODELS",
    "Comparison",
    "DecorrelatedGammas",
    "FeatureModel",
    "FittingImages",
    "IndependentComponents",
    "IndependentGammas",
    "IndependentZeroInflatedGammas",
    "NodeDivergences",
    "NodeLaws",
    "NodeSampler",
    "Normals",
    "Observed",
    "ProjectedGammas",
    "ProjectedModel",
    "ShrunkGammas",
    "ShrunkSkewNormals",
    "ShrunkTails",
    "StatisticsModel",
    "activation_models",
    "compare",
    "counted",
    "feature_model",
    "node_divergences",
    "observe",
    "relative_error",
]
