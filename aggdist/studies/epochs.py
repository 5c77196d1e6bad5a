"""Laws and divergences of the output nodes while training goes on (chapter *performance*).

The network of the run table is trained again with the same seed, and its weights are kept at the end of each epoch.
Keys of a record: `epochs` (E), and for each head of `EPOCH_HEADS` in `heads` arrays `test_accuracy` (E,); `kl`,
`matched`, `observed`, `bounded`, `observed_bounded`, `saturated` (E, K): predicted KL, the matched estimate on draws
from the predicted laws and on held-out images (k = 5), bounded divergences; `mean_in`, `mean_out`, `sd_in`, `sd_out`
(E, K).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from aggdist import datasets, networks
from aggdist.aggregation import pool
from aggdist.halves import split_in_halves
from aggdist.networks import Checkpoint, History, Inputs, Network
from aggdist.prediction import DEFAULT_MODEL, feature_model, observe
from aggdist.prediction.comparison import compare
from aggdist.prediction.feature_model import FittingImages
from aggdist.studies.heads import maps
from aggdist.studies.registry import THREADS, StudyRun

EPOCH_HEADS: dict[str, tuple[str, ...]] = {"digits": ("avg", "max", "gem")}
"""Heads that are followed; of other datasets the average only, because training is not shared with anything."""
DRAWS = 5
Array = NDArray[np.float64]
Weights = dict[str, Tensor]


class Remembering(nn.Module):
    """A network that keeps its weights at the beginning of chosen steps of its training."""

    def __init__(self, network: nn.Module, steps: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.steps = frozenset(steps)
        self.kept: list[Weights] = []
        self.step = 0

    def forward(self, x: Tensor) -> Tensor:
        """The network's output; in training mode a step is counted, and weights are kept where asked for."""
        if self.training:
            if self.step in self.steps:
                self.kept.append(_copy(self.network))
            self.step += 1
        nodes: Tensor = self.network(x)
        return nodes


def _copy(network: nn.Module) -> Weights:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def weights_by_epoch(
    recipe: Any, prepared: Inputs, *, progress: bool = True
) -> tuple[Network, list[Weights]]:
    """A freshly trained network, and its weights at the end of each epoch; the last are the network's."""
    network = networks.build(recipe.network, prepared.spec, recipe.aggregation, seed=recipe.seed)
    steps = len(prepared.y_train) // recipe.training.batch_size
    watched = Remembering(network, [epoch * steps for epoch in range(1, recipe.training.epochs)])
    networks.train(watched, prepared, recipe.training, seed=recipe.seed, progress=progress)
    return network, [*watched.kept, _copy(network)]


def measure(run: StudyRun, *, progress: bool = True) -> dict[str, Any]:
    """Train again, and look at the nodes after each epoch; keys in the module's docstring."""
    data = datasets.load(run.dataset)
    prepared = networks.prepare(data)
    heads, epochs = {}, 0
    for head in EPOCH_HEADS.get(run.dataset, ("avg",)):
        recipe = networks.recipe_for(run.dataset, head, seed=run.seed, network=run.network, threads=THREADS)
        network, weights = weights_by_epoch(recipe, prepared, progress=progress)
        rows = []
        for state in weights:
            network.load_state_dict(state)
            rows.append(_look(network, recipe, prepared, head, run.seed))
        heads[head] = {key: [row[key] for row in rows] for key in rows[0]}
        epochs = len(rows)
    return {"epochs": list(range(1, epochs + 1)), "heads": heads}


def _look(network: Network, recipe: Any, prepared: Inputs, head: str, seed: int) -> dict[str, Any]:
    """The nodes of one state of a network, as for a run: fitted on one half of the test images, judged on the other."""
    history = History((), (), 0.0)
    checkpoint = Checkpoint(
        network, "", recipe, prepared.spec, float("nan"), history, networks.checkpoint_folder("")
    )
    y = prepared.y_test
    pooled = pool(maps(checkpoint, prepared.x_test).astype(np.float64), head)
    linear = network.head
    weights, bias = (part.detach().numpy().astype(np.float64) for part in (linear.weight, linear.bias))
    outputs = pooled @ weights.T + bias
    rng = np.random.default_rng([seed, 20240410])
    fit, judge = split_in_halves(y, 500, rng)
    images = FittingImages(pooled[fit], y[fit], len(bias))
    laws = feature_model(DEFAULT_MODEL).fit_images(images).node_laws(weights, bias)
    compared, observed = compare(laws, y[judge], draws=DRAWS, rng=rng), observe(outputs[judge], y[judge], rng)
    own = np.eye(len(bias), dtype=bool)[y]
    return {
        "test_accuracy": float(np.mean(outputs.argmax(axis=1) == y)),
        "kl": compared.predicted.kl,
        "matched": compared.matched,
        "observed": observed.matched,
        "bounded": compared.predicted.bounded,
        "observed_bounded": observed.bounded,
        "saturated": compared.saturated,
        **_moments(outputs, own),
    }


def _moments(outputs: Array, own: NDArray[np.bool_]) -> dict[str, Array]:
    """Mean and standard deviation of every node in class and out of class."""
    found = {}
    for name, mask in (("in", own), ("out", ~own)):
        kept = np.where(mask, outputs, np.nan)
        found[f"mean_{name}"], found[f"sd_{name}"] = np.nanmean(kept, axis=0), np.nanstd(kept, axis=0)
    return found
