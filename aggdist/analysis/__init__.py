"""From captured features to what a record says: models fitted on one half of the images, judged on the other."""

from aggdist.analysis.analyse import (
    COSTLY_SPLITS,
    FEW,
    SHOWN_MODELS,
    Analysis,
    analyse_features,
    fit_all,
    fitting_sizes,
)
from aggdist.analysis.ladder import DOWNSTREAM, analyse_ladder
from aggdist.analysis.nodes import medians, reference_model
from aggdist.analysis.pooled import POOLED_MODELS

__all__ = [
    "COSTLY_SPLITS",
    "DOWNSTREAM",
    "FEW",
    "POOLED_MODELS",
    "SHOWN_MODELS",
    "Analysis",
    "analyse_features",
    "analyse_ladder",
    "fit_all",
    "fitting_sizes",
    "medians",
    "reference_model",
]
