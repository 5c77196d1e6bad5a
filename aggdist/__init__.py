"""Distributions of aggregation layers in deep networks.

A deep network ends in an aggregation layer (average, max or generalised-mean pooling of non-negative feature
maps) and a linear layer. This package models the laws of the pooled features and of the output nodes, predicts
the Kullback-Leibler divergence between an output node's law in class and out of class, and compares it with what
is observed on held-out images.

Names are loaded when they are first used: importing the package imports neither numpy nor torch. What shares its
name with a room stays inside it: `aggdist.capture.capture`, `aggdist.equations.equations`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aggdist.aggregation import AGGREGATIONS, layer, pool
    from aggdist.capture import ActivationStatistics, Captured, PooledStatistics
    from aggdist.datasets import DATASETS, Dataset, fetch, load
    from aggdist.distributions import (
        Distribution,
        Exponential,
        Gamma,
        Mixture,
        Normal,
        RectifiedNormal,
        WeightedGammaSum,
        ZeroInflatedGamma,
    )
    from aggdist.divergence import knn_kl, knn_kl_interval, ks_distance, ks_two_sample
    from aggdist.equations import check
    from aggdist.experiment import RunParameters, read_record, run, write_record
    from aggdist.networks import Network, build, prepare, train
    from aggdist.own_network import Report, analyse
    from aggdist.prediction import (
        FEATURE_MODELS,
        IndependentGammas,
        IndependentZeroInflatedGammas,
        NodeLaws,
        Normals,
        compare,
        node_divergences,
        observe,
    )

__version__ = "0.1.0"

_DOOR = {
    # in the order in which data visits the rooms
    "datasets": ("DATASETS", "Dataset", "fetch", "load"),
    "aggregation": ("AGGREGATIONS", "layer", "pool"),
    "networks": ("Network", "build", "prepare", "train"),
    "capture": ("ActivationStatistics", "Captured", "PooledStatistics"),
    "distributions": (
        "Distribution",
        "Exponential",
        "Gamma",
        "Mixture",
        "Normal",
        "RectifiedNormal",
        "WeightedGammaSum",
        "ZeroInflatedGamma",
    ),
    "divergence": ("knn_kl", "knn_kl_interval", "ks_distance", "ks_two_sample"),
    "prediction": (
        "FEATURE_MODELS",
        "IndependentGammas",
        "IndependentZeroInflatedGammas",
        "NodeLaws",
        "Normals",
        "compare",
        "node_divergences",
        "observe",
    ),
    "equations": ("check",),
    "experiment": ("RunParameters", "read_record", "run", "write_record"),
    "own_network": ("Report", "analyse"),
}
_ROOM_OF = {name: room for room, names in _DOOR.items() for name in names}

__all__ = ["__version__", *_ROOM_OF]


def __getattr__(name: str) -> Any:
    """Load a public name, or a room, when it is first used (PEP 562)."""
    if name in _DOOR or name == "figures":
        return import_module(f"aggdist.{name}")
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'aggdist' has no attribute {name!r}; it offers {', '.join(_ROOM_OF)}")
    return getattr(import_module(f"aggdist.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
