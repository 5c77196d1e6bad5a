"""The feature models by name, from the simplest to those that predict best."""

from __future__ import annotations

from aggdist.prediction.decorrelated_models import DecorrelatedGammas, IndependentComponents
from aggdist.prediction.feature_model import FeatureModel
from aggdist.prediction.independent_models import IndependentGammas, IndependentZeroInflatedGammas
from aggdist.prediction.normal_model import Normals
from aggdist.prediction.projected_models import (
    ProjectedGammas,
    ShrunkGammas,
    ShrunkSkewNormals,
    ShrunkTails,
)

FEATURE_MODELS: dict[str, type[FeatureModel]] = {
    model.name: model
    for model in (
        IndependentGammas,
        IndependentZeroInflatedGammas,
        Normals,
        DecorrelatedGammas,
        IndependentComponents,
        ProjectedGammas,
        ShrunkGammas,
        ShrunkSkewNormals,
        ShrunkTails,
    )
}
"""All feature models by name."""

DEFAULT_MODEL = ShrunkTails.name
"""The model that headlines are about: chosen on other datasets than the one it is judged on (see the summary)."""

COSTLY_MODELS = (
    IndependentGammas.name,
    IndependentZeroInflatedGammas.name,
    DecorrelatedGammas.name,
    IndependentComponents.name,
)
"""Models whose node laws are sums of hundreds of terms: seconds for a network instead of milliseconds."""


def feature_model(name: str) -> type[FeatureModel]:
    """The feature model of that name.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    """
    if name not in FEATURE_MODELS:
        raise ValueError(f"feature model: got {name!r}, expected one of {', '.join(FEATURE_MODELS)}")
    return FEATURE_MODELS[name]
