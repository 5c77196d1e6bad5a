"""Captures of checkpoints, cached, so that an analysis can be done again without the network."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aggdist.capture import accumulator, activations, forward, images, moments, statistics, stored, tap
from aggdist.capture.forward import MEMORY_BUDGET, capture
from aggdist.capture.stored import Captured, load_captured
from aggdist.networks.checkpoint import Checkpoint
from aggdist.paths import cache_folder

_SOURCES = (accumulator, activations, forward, images, moments, statistics, stored, tap)


def capture_key(checkpoint_key: str, data_digest: str, memory_budget: int = MEMORY_BUDGET) -> str:
    """SHA-256 of checkpoint, images, what sets the batch size, torch's version and the capturing sources."""
    everything = {
        "checkpoint": checkpoint_key,
        "data": data_digest,
        "memory_budget": memory_budget,
        "torch": str(torch.__version__),
        "sources": _source_digest(),
    }
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()


def capture_folder(key: str) -> Path:
    """Where the capture of a key is, or will be."""
    return cache_folder() / "captures" / key


def captured(
    checkpoint: Checkpoint,
    inputs: NDArray[Any],
    labels: NDArray[np.integer],
    *,
    n_labels: int | None = None,
    memory_budget: int = MEMORY_BUDGET,
    progress: bool = True,
) -> Captured:
    """The capture of these images by a checkpoint: from the cache where it is there, else made and stored.

    Labels run from 0 to `n_labels - 1`, the number of classes unless given. It runs with the threads the network was
    trained with; raises as `capture` and `load_captured` do.
    """
    key = capture_key(checkpoint.key, array_digest(inputs, labels), memory_budget)
    folder = capture_folder(key)
    if folder.exists():
        return load_captured(folder)
    return capture(
        checkpoint.network,
        inputs,
        labels,
        checkpoint.spec.n_classes if n_labels is None else n_labels,
        memory_budget=memory_budget,
        folder=folder,
        threads=checkpoint.recipe.training.threads,
        progress=progress,
    )


def array_digest(*arrays: NDArray[Any]) -> str:
    """SHA-256 of shapes, types and bytes of arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype.str}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _source_digest() -> str:
    text = hashlib.sha256()
    for module in _SOURCES:
        assert module.__file__ is not None
        text.update(f"{module.__name__}\n".encode() + Path(module.__file__).read_bytes())
    return text.hexdigest()
