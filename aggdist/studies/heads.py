"""The networks of a study: one trunk with each head, trained like those of the run table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aggdist import networks
from aggdist.capture.tap import evaluating
from aggdist.datasets import Dataset
from aggdist.networks import FLATTEN, Checkpoint, Inputs
from aggdist.studies.registry import THREADS, StudyRun

AGGREGATING = ("avg", "max", "gem")
HEADS = (*AGGREGATING, FLATTEN)
_BATCH = 250


def trained_head(
    data: Dataset,
    run: StudyRun,
    head: str,
    *,
    prepared: Inputs | None = None,
    progress: bool = True,
    **training: object,
) -> Checkpoint:
    """The network of a study with one of `HEADS`, from the cache where it is there: rows of the run table share it.

    Parameters
    ----------
    data
        The run's dataset, or the same with fewer training examples (`aggdist.datasets.with_fewer_examples`).
    run
        Its network and seed.
    head
        One of `HEADS`.
    prepared
        `aggdist.networks.prepare(data)`, if it is at hand.
    training
        Single training parameters that replace the dataset's defaults.

    Raises
    ------
    ValueError
        For an unknown head, and as `aggdist.networks.trained` does.
    """
    if head not in HEADS:
        raise ValueError(f"unknown head {head!r}: expected one of {', '.join(HEADS)}")
    chosen: dict[str, Any] = {"threads": THREADS} | training
    recipe = networks.recipe_for(run.dataset, head, seed=run.seed, network=run.network, **chosen)
    return networks.trained(data, recipe, prepared=prepared, progress=progress)


def outputs(checkpoint: Checkpoint, x: NDArray[Any]) -> NDArray[np.float64]:
    """Output nodes (n, K) of model inputs (n, ...), as float64."""
    with _batches(checkpoint, x) as batches:
        return np.concatenate([checkpoint.network(batch).double().numpy() for batch in batches])


def maps(checkpoint: Checkpoint, x: NDArray[Any]) -> NDArray[np.float32]:
    """Activations (n, C, N) of model inputs (n, ...): n C N numbers of four bytes, so take few at a time."""
    with _batches(checkpoint, x) as batches:
        return np.concatenate([checkpoint.network.maps(batch).flatten(2).numpy() for batch in batches])


@contextmanager
def _batches(checkpoint: Checkpoint, x: NDArray[Any]) -> Iterator[Iterator[Tensor]]:
    if len(x) == 0:
        raise ValueError("got no inputs, expected at least one")
    threads = checkpoint.recipe.training.threads
    with networks.cpu_threads(threads), evaluating(checkpoint.network):
        yield (torch.from_numpy(np.array(x[i : i + _BATCH])) for i in range(0, len(x), _BATCH))
