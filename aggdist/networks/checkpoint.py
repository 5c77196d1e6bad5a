"""Trained networks, cached by a hash of everything that determines them.

A checkpoint is a folder `checkpoints/<key>` in the cache with `weights.pt` and `checkpoint.json`. It is
written beside its place and renamed at the end, so an interrupted run leaves nothing that looks finished.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

import aggdist.aggregation.layers
from aggdist.networks import (
    augment,
    flattening,
    inputs,
    network,
    pretrained,
    sentences,
    spectrogram,
    training,
    trunks,
)
from aggdist.networks.defaults import TrainingParameters, default
from aggdist.networks.flattening import FLATTEN, build_flattening
from aggdist.networks.inputs import DatasetLike, Inputs, InputSpec, prepare
from aggdist.networks.network import Network, build
from aggdist.networks.pretrained import PRETRAINED, PretrainedError, assemble, train_head
from aggdist.networks.training import History, accuracy, train
from aggdist.paths import atomic_folder, cache_folder

FORMAT = 1  # raise when the files of a checkpoint change
WEIGHTS, SUMMARY = "weights.pt", "checkpoint.json"

# Not here: defaults.py, whose values enter the key one by one, and this module, which only stores. The modules of
# pretrained and of flattening networks enter their keys only.
_SOURCES = (aggdist.aggregation.layers, augment, inputs, network, sentences, spectrogram, training, trunks)


class CheckpointError(RuntimeError):
    """A checkpoint on disk is damaged."""


class Digestible(DatasetLike, Protocol):
    """A dataset that can say which arrays it holds."""

    def digest(self) -> str:
        """One hexadecimal string for all arrays."""


@dataclass(frozen=True)
class Recipe:
    """Everything that is chosen about a trained network.

    Attributes
    ----------
    dataset, network, aggregation
        Names; instead of an aggregation also "flatten".
    seed
        Of the weights, the order of the images, augmentation and dropout.
    training
        Training parameters.
    p, learnable
        Power of the generalised mean; without meaning for the other aggregations.
    """

    dataset: str
    network: str
    aggregation: str
    seed: int
    training: TrainingParameters
    p: float = 3.0
    learnable: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Recipe:
        """From JSON, where tuples are lists."""
        given = dict(values["training"])
        parameters = TrainingParameters(**(given | {"shift": tuple(given["shift"])}))
        return cls(**(values | {"training": parameters}))


@dataclass(frozen=True)
class Checkpoint:
    """A trained network and what is known about it.

    Attributes
    ----------
    network
        In evaluation mode.
    key
        SHA-256 of everything that determines it.
    recipe, spec
        What was chosen, and the inputs it takes (with the normalisation).
    test_accuracy
        Fraction of test inputs.
    history
        Loss and accuracy per epoch, and the seconds that training took.
    folder
        Where it is stored.
    """

    network: Network
    key: str
    recipe: Recipe
    spec: InputSpec
    test_accuracy: float
    history: History
    folder: Path


def recipe_for(
    dataset: str,
    aggregation: str,
    *,
    seed: int,
    network: str | None = None,
    p: float = 3.0,
    learnable: bool = False,
    **training: object,
) -> Recipe:
    """A recipe from the table of defaults; further keywords replace single training parameters.

    Raises
    ------
    ValueError
        For a dataset without defaults, or an unknown or impossible training parameter.
    """
    entry = default(dataset)
    chosen = network or entry.network
    usual = PRETRAINED[chosen].training if chosen in PRETRAINED else entry.training
    parameters = usual.changed(**training)
    return Recipe(dataset, chosen, aggregation, seed, parameters, p, learnable)


def training_examples(recipe: Recipe, available: int) -> int:
    """How many of the available training images a recipe uses."""
    known = PRETRAINED.get(recipe.network)
    return available if known is None else min(known.examples, available)


def source_digest() -> str:
    """SHA-256 of the source text of the modules that determine trained weights."""
    text = hashlib.sha256()
    for module in _SOURCES:
        assert module.__file__ is not None
        text.update(f"{module.__name__}\n".encode() + Path(module.__file__).read_bytes())
    return text.hexdigest()


def checkpoint_key(recipe: Recipe, data_digest: str) -> str:
    """SHA-256 of the recipe, the dataset's arrays, torch's version and the sources; of pretrained weights too."""
    everything = {
        "format": FORMAT,
        "recipe": recipe.to_dict(),
        "data": data_digest,
        "torch": str(torch.__version__),
        "sources": source_digest(),
    }
    if recipe.network in PRETRAINED:
        everything["pretrained"] = [
            PRETRAINED[recipe.network].identity(),
            Path(pretrained.__file__).read_text(encoding="utf-8"),
        ]
    if recipe.aggregation == FLATTEN:
        everything["flattening"] = Path(flattening.__file__).read_text(encoding="utf-8")
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()


def checkpoint_folder(key: str) -> Path:
    """Where the checkpoint of a key is, or will be."""
    return cache_folder() / "checkpoints" / key


def trained(
    dataset: Digestible, recipe: Recipe, *, prepared: Inputs | None = None, progress: bool = True
) -> Checkpoint:
    """The trained network of a recipe: from the cache where it is there, else trained now and stored.

    Parameters
    ----------
    dataset
        As `aggdist.datasets.load(recipe.dataset)` gives it.
    recipe
        See `recipe_for`.
    prepared
        `prepare(dataset)`, if it is at hand.
    progress
        Show a bar while training.

    Raises
    ------
    ValueError
        When dataset and recipe have different names, and as `build` and `train` do.
    CheckpointError
        When the stored checkpoint is damaged.
    TrainingError
        When the loss is not finite.
    """
    if dataset.name != recipe.dataset:
        raise ValueError(
            f"got dataset {dataset.name!r} for a recipe of {recipe.dataset!r}: expected the same name"
        )
    key = checkpoint_key(recipe, dataset.digest())
    folder = checkpoint_folder(key)
    if not folder.exists():
        _make(folder, key, recipe, prepared or prepare(dataset), progress)
    return load_checkpoint(folder)


def _make(folder: Path, key: str, recipe: Recipe, data: Inputs, progress: bool) -> None:
    model = _fresh(recipe, data.spec)
    if recipe.network in PRETRAINED:
        history, test_accuracy = train_head(
            model, recipe.network, data, recipe.training, seed=recipe.seed, progress=progress
        )
    else:
        history = train(model, data, recipe.training, seed=recipe.seed, progress=progress)
        test_accuracy = accuracy(model, data.x_test, data.y_test, threads=recipe.training.threads)
    with atomic_folder(folder) as part:
        torch.save(model.state_dict(), part / WEIGHTS)
        summary = {
            "key": key,
            "recipe": recipe.to_dict(),
            "inputs": data.spec.to_dict(),
            "test_accuracy": test_accuracy,
            "history": asdict(history),
            "torch": str(torch.__version__),
            "weights_sha256": _sha256(part / WEIGHTS),
        }
        (part / SUMMARY).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


def _fresh(recipe: Recipe, spec: InputSpec) -> Network:
    """A network before its training."""
    powers: dict[str, Any] = {"p": recipe.p, "learnable": recipe.learnable}
    if recipe.network in PRETRAINED:
        return assemble(recipe.network, spec, recipe.aggregation, **powers)
    if recipe.aggregation == FLATTEN:
        return build_flattening(recipe.network, spec, seed=recipe.seed)
    return build(recipe.network, spec, recipe.aggregation, seed=recipe.seed, **powers)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a stored checkpoint; its files are checked against their hash.

    Raises
    ------
    CheckpointError
        When a file is missing or damaged; the message says what to delete.
    PretrainedError
        When the network's package or weights are missing.
    """
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        if _sha256(folder / WEIGHTS) != summary["weights_sha256"]:
            raise ValueError(f"{WEIGHTS} does not have the SHA-256 that was stored with it")
        recipe, spec = Recipe.from_dict(summary["recipe"]), InputSpec.from_dict(summary["inputs"])
        model = _fresh(recipe, spec)
        model.load_state_dict(torch.load(folder / WEIGHTS, weights_only=True, map_location="cpu"))
        stored = summary["history"]
        history = History(tuple(stored["loss"]), tuple(stored["train_accuracy"]), stored["seconds"])
        test_accuracy = float(summary["test_accuracy"])
    except PretrainedError:  # a package or a connection is missing: the checkpoint is sound
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(
            f"checkpoint {folder} is damaged ({type(error).__name__}: {error}): delete that folder and run"
            " again to train it anew"
        ) from error
    return Checkpoint(model.eval(), summary["key"], recipe, spec, test_accuracy, history, folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
