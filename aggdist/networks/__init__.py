"""Small networks = trunk (ends in non-negative activations) + aggregation + linear head, and their training.

Importing this room imports torch.
"""

from __future__ import annotations

from aggdist.networks.checkpoint import (
    Checkpoint,
    CheckpointError,
    Recipe,
    checkpoint_folder,
    checkpoint_key,
    load_checkpoint,
    recipe_for,
    source_digest,
    trained,
    training_examples,
)
from aggdist.networks.defaults import DEFAULTS, Default, TrainingParameters, default
from aggdist.networks.flattening import FLATTEN, build_flattening, map_positions
from aggdist.networks.inputs import Inputs, InputSpec, prepare
from aggdist.networks.network import Network, build
from aggdist.networks.pretrained import PRETRAINED, Pretrained, PretrainedError
from aggdist.networks.training import History, TrainingError, accuracy, cpu_threads, train
from aggdist.networks.trunks import NETWORKS

__all__ = [
    "DEFAULTS",
    "FLATTEN",
    "NETWORKS",
    "PRETRAINED",
    "Checkpoint",
    "CheckpointError",
    "Default",
    "History",
    "InputSpec",
    "Inputs",
    "Network",
    "Pretrained",
    "PretrainedError",
    "Recipe",
    "TrainingError",
    "TrainingParameters",
    "accuracy",
    "build",
    "build_flattening",
    "checkpoint_folder",
    "checkpoint_key",
    "cpu_threads",
    "default",
    "load_checkpoint",
    "map_positions",
    "prepare",
    "recipe_for",
    "source_digest",
    "train",
    "trained",
    "training_examples",
]
