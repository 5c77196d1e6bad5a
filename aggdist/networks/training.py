"""Seeded training of a network, and its accuracy."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from aggdist.networks.augment import augment
from aggdist.networks.defaults import TrainingParameters
from aggdist.networks.inputs import Inputs


class TrainingError(RuntimeError):
    """Training came to nothing."""


@dataclass(frozen=True)
class History:
    """What training did: mean loss and running accuracy per epoch, and the wall-clock seconds."""

    loss: tuple[float, ...]
    train_accuracy: tuple[float, ...]
    seconds: float


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Let torch use so many CPU threads inside the block (None: as many as now)."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train(
    network: nn.Module, inputs: Inputs, parameters: TrainingParameters, *, seed: int, progress: bool = True
) -> History:
    """Train in place with AdamW under a one-cycle schedule, and leave the network in evaluation mode.

    The same network, inputs, parameters (threads included) and seed give the same weights.

    Parameters
    ----------
    network
        Output nodes of a batch, (B, K).
    inputs
        `prepare(dataset)`.
    parameters
        See `TrainingParameters`.
    seed
        Of the order of the images, the augmentation and dropout.
    progress
        Show a bar on standard error, if that is a terminal.

    Raises
    ------
    ValueError
        For fewer training images than one batch holds.
    TrainingError
        When the loss is not finite.
    """
    steps = len(inputs.x_train) // parameters.batch_size
    if steps == 0:
        raise ValueError(
            f"{len(inputs.x_train)} training inputs for batches of {parameters.batch_size}: expected at least"
            " one batch; lower batch_size"
        )
    begun = time.perf_counter()
    with cpu_threads(parameters.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # dropout draws from torch's own state
        losses, accuracies = _epochs(network, inputs, parameters, steps, seed, progress)
    network.eval()
    return History(tuple(losses), tuple(accuracies), time.perf_counter() - begun)


def _epochs(
    network: nn.Module, inputs: Inputs, parameters: TrainingParameters, steps: int, seed: int, progress: bool
) -> tuple[list[float], list[float]]:
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=parameters.learning_rate, weight_decay=parameters.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        parameters.learning_rate,
        total_steps=steps * parameters.epochs,
        pct_start=parameters.warm_up,
    )
    generator = torch.Generator().manual_seed(seed)
    losses, accuracies = [], []
    hide = None if progress else True
    with tqdm(
        total=steps * parameters.epochs, desc="training", unit="batch", disable=hide, leave=False
    ) as bar:
        for _ in range(parameters.epochs):
            total, right = 0.0, 0
            for x, y in _batches(inputs, parameters, steps, generator):
                loss, correct = _step(network, optimiser, augment(x, parameters, generator), y)
                schedule.step()
                total, right = total + loss, right + correct
                bar.update()
            losses.append(total / steps)
            accuracies.append(right / (steps * parameters.batch_size))
            bar.set_postfix(loss=f"{losses[-1]:.3f}", accuracy=f"{accuracies[-1]:.3f}")
    return losses, accuracies


def _batches(
    inputs: Inputs, parameters: TrainingParameters, steps: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(inputs.x_train), generator=generator).numpy()
    for batch in order[: steps * parameters.batch_size].reshape(steps, parameters.batch_size):
        yield torch.from_numpy(inputs.x_train[batch]), torch.from_numpy(inputs.y_train[batch])


def _step(network: nn.Module, optimiser: torch.optim.Optimizer, x: Tensor, y: Tensor) -> tuple[float, int]:
    network.train()
    nodes = network(x)
    loss = functional.cross_entropy(nodes, y)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingError(
            f"the training loss became {value}: expected a finite number; lower learning_rate, or check the"
            " inputs for NaN"
        )
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    optimiser.step()
    return value, int((nodes.detach().argmax(dim=1) == y).sum())


def accuracy(
    network: nn.Module,
    x: NDArray[Any],
    y: NDArray[np.integer],
    *,
    threads: int | None = None,
    batch_size: int = 256,
) -> float:
    """The fraction of inputs whose largest output node is their label; the network's mode is kept.

    Raises
    ------
    ValueError
        For no inputs, or as many labels as there are not inputs.
    """
    if len(x) == 0 or len(x) != len(y):
        raise ValueError(f"got {len(x)} inputs and {len(y)} labels: expected equally many and at least one")
    was_training = network.training
    network.eval()
    try:
        with cpu_threads(threads), torch.inference_mode():
            right = sum(
                _right(network, x[i : i + batch_size], y[i : i + batch_size])
                for i in range(0, len(x), batch_size)
            )
    finally:
        network.train(was_training)
    return right / len(x)


def _right(network: nn.Module, x: NDArray[Any], y: NDArray[np.integer]) -> int:
    found = network(torch.from_numpy(np.array(x))).argmax(dim=1).numpy()
    return int((found == y).sum())
