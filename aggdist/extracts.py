"""Making the extracts that the run table names: from a cached checkpoint and its capture to `results/extracts/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.capture.extract import (
    Extract,
    ExtractError,
    extract_path,
    load_extract,
    save_extract,
)
from aggdist.experiment import RunParameters, current_checkpoint_key, recipe
from aggdist.provenance import provenance, source_digest

__all__ = ["PlannedExtract", "make_extract", "plan_extracts"]

MAP_IMAGES, POOLED_IMAGES, NODE_IMAGES = 320, 300, 1500
MAP_LABELS = (0, 1)
MAP_CHANNELS = 4
_LEVELS = np.linspace(0.05, 0.95, MAP_CHANNELS)
_SOURCES = (Path(__file__).resolve(), Path(__file__).resolve().parent / "capture" / "extract.py")


@dataclass(frozen=True)
class PlannedExtract:
    """An extract: its run, its file, whether it will be made, and why (not)."""

    parameters: RunParameters
    path: Path
    execute: bool
    reason: str


def plan_extracts(root: Path, chosen: tuple[RunParameters, ...], force: bool = False) -> list[PlannedExtract]:
    """Which extracts of these runs are out of date; those of datasets that are not here are left alone."""
    return [PlannedExtract(run, extract_path(run.name, root), *_decision(run, root, force)) for run in chosen]


def _decision(run: RunParameters, root: Path, force: bool) -> tuple[bool, str]:
    from aggdist.datasets import status

    current, reason = _is_current(run, root)
    if current and not force:
        return False, reason
    if status(run.dataset) == "no":
        fetch = f"python -m aggdist datasets fetch {run.dataset}"
        return False, f"dataset {run.dataset} is not here; get it with: {fetch}"
    return True, "asked for with --force" if current else reason


def _is_current(run: RunParameters, root: Path) -> tuple[bool, str]:
    if not extract_path(run.name, root).exists():
        return False, "there is none"
    try:
        origin = load_extract(run.name, root).about["provenance"]
    except ExtractError as error:
        return False, str(error)
    if origin["checkpoint"] != current_checkpoint_key(run):
        return False, "the training code, torch or the data have changed"
    if origin["sources"] != source_digest(_SOURCES):
        return False, "the extracting code has changed"
    return True, "up to date"


def make_extract(run: RunParameters, path: Path, *, progress: bool = True) -> None:
    """Train (or load), capture (or load), and store the extract of one run."""
    from aggdist import capture, datasets, networks

    data = datasets.load(run.dataset)
    prepared = networks.prepare(data)
    checkpoint = networks.trained(data, recipe(run), prepared=prepared, progress=progress)
    captured = capture.captured(checkpoint, prepared.x_test, prepared.y_test, progress=progress)
    labels = captured.labels
    rng = np.random.default_rng([run.seed, 20240402])
    shown = balanced(labels, MAP_IMAGES, rng, MAP_LABELS)
    pooled, nodes = (balanced(labels, count, rng) for count in (POOLED_IMAGES, NODE_IMAGES))
    channels = spread_channels(captured.activation_statistics.active()[list(MAP_LABELS)])
    head = checkpoint.network.head
    extract = Extract(
        maps=maps_of(checkpoint.network, prepared.x_test[shown])[:, channels],
        map_labels=labels[shown],
        channels=channels,
        pooled=np.asarray(captured.pooled[pooled], np.float64),
        labels=labels[pooled],
        weights=head.weight.detach().numpy().astype(np.float64),
        bias=head.bias.detach().numpy().astype(np.float64),
        nodes=np.asarray(captured.nodes[nodes], np.float64),
        node_labels=labels[nodes],
        activation_statistics=captured.activation_statistics,
        pooled_statistics=captured.pooled_statistics.marginals(),
        about=_about(run, data, checkpoint),
    )
    save_extract(extract, path)


def _about(run: RunParameters, data: Any, checkpoint: Any) -> dict[str, Any]:
    named = {key: getattr(run, key) for key in ("name", "dataset", "network", "aggregation", "seed")}
    origin = provenance(run.threads) | {"checkpoint": checkpoint.key, "sources": source_digest(_SOURCES)}
    return {
        **named,
        "class_names": list(data.class_names),
        "test_accuracy": checkpoint.test_accuracy,
        "provenance": origin,
    }


def balanced(
    labels: NDArray[np.integer],
    count: int,
    rng: np.random.Generator,
    chosen: tuple[int, ...] | None = None,
) -> NDArray[np.intp]:
    """At most `count` images in random order, as many of each of the chosen labels (all, unless given)."""
    wanted = np.unique(labels) if chosen is None else np.asarray(chosen)
    each = min(count // len(wanted), int(min(np.count_nonzero(labels == j) for j in wanted)))
    parts = [rng.permutation(np.flatnonzero(labels == j))[:each] for j in wanted]
    return rng.permutation(np.concatenate(parts))


def spread_channels(active: NDArray[np.float64]) -> NDArray[np.int64]:
    """A few channels from the sparsest to the densest, of those that every label activates now and then.

    Parameters
    ----------
    active
        q of some labels (J, C).

    Raises
    ------
    ExtractError
        If there are too few such channels.
    """
    alive = np.flatnonzero(active.min(axis=0) > 0)
    if len(alive) < MAP_CHANNELS:
        raise ExtractError(
            f"got {len(alive)} channels that are active for every label shown, expected at least {MAP_CHANNELS}"
        )
    ranked = alive[np.argsort(active[:, alive].mean(axis=0), kind="stable")]
    return ranked[np.round(_LEVELS * (len(ranked) - 1)).astype(int)].astype(np.int64)


def maps_of(network: Any, inputs: NDArray[Any]) -> NDArray[np.float64]:
    """Activations (m, C, *positions) of a few images."""
    import torch

    from aggdist.capture.tap import evaluating

    with evaluating(network):
        maps: NDArray[np.float64] = network.maps(torch.from_numpy(np.array(inputs))).double().numpy()
    return maps
