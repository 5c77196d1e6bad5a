"""One run end to end: parameters in, one result record out.

Two stages with a key each. *Train and capture* depends on the data, the training parameters and the modules that
training imports; its results are cached. *Analyse* depends on those and on the analysis modules; its result is the
record, a JSON file that holds everything its figures need.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aggdist.analysis import Analysis, analyse_features, analyse_ladder
from aggdist.analysis_sources import analysis_digest
from aggdist.paths import atomic_file
from aggdist.provenance import provenance

SCHEMA = 2
MAX_BYTES = 300_000


class RecordError(RuntimeError):
    """A record is missing, damaged or not what was asked for."""


@dataclass(frozen=True)
class RunParameters:
    """Everything that is chosen about one run; the columns of the run table.

    Attributes
    ----------
    dataset, network, aggregation : str
        Names; see `aggdist.datasets.DATASETS`, `aggdist.networks.NETWORKS`, `aggdist.aggregation.AGGREGATIONS`.
    seed : int
        Seed of training and, apart from it, of the analysis.
    fit_per_class : int
        Fitting images of each class, capped at half of the class in the test set.
    splits : int
        Random halvings of the test set into fitting and judging images.
    draws : int
        Simulated samples for each split and model.
    epochs : int
        Passes over the training images; 0 means the dataset's default.
    threads : int
        Threads of torch. Part of the parameters, because sums in another order give other last digits.
    """

    dataset: str
    network: str
    aggregation: str
    seed: int = 0
    fit_per_class: int = 500
    splits: int = 20
    draws: int = 10
    epochs: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        least = {"seed": 0, "fit_per_class": 6, "splits": 1, "draws": 2, "epochs": 0, "threads": 1}
        for name, low in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < low:
                raise ValueError(f"{name}: got {value!r}, expected a whole number of at least {low}")

    @property
    def name(self) -> str:
        """Name of the run and of its record."""
        return f"{self.dataset}-{self.network}-{self.aggregation}-s{self.seed}"


def run(parameters: RunParameters, *, progress: bool = True) -> dict[str, Any]:
    """Train (or load), capture (or load), analyse: the record of one run.

    Parameters
    ----------
    parameters : RunParameters
    progress : bool
        Show progress bars on standard error.

    Returns
    -------
    dict of plain JSON types; see `write_record`.
    """
    # torch is imported only by those who train.
    from aggdist import capture, datasets, networks

    data = datasets.load(parameters.dataset)
    prepared = networks.prepare(data)
    chosen = recipe(parameters)
    checkpoint = networks.trained(data, chosen, prepared=prepared, progress=progress)
    captured = capture.captured_in_halves(
        checkpoint, prepared.x_test, prepared.y_test, seed=parameters.seed, progress=progress
    )
    head = checkpoint.network.head
    weights = head.weight.detach().numpy().astype(np.float64)
    bias = head.bias.detach().numpy().astype(np.float64)
    pooled = np.asarray(captured.pooled, np.float64)
    analysis = analyse_features(
        pooled,
        prepared.y_test,
        weights,
        bias,
        fit_per_class=parameters.fit_per_class,
        splits=parameters.splits,
        draws=parameters.draws,
        seed=parameters.seed,
        progress=progress,
    )
    ladder = analyse_ladder(
        captured.activations[0],
        captured.features[0],
        (pooled[captured.first], prepared.y_test[captured.first]),
        (pooled[~captured.first], prepared.y_test[~captured.first]),
        (weights, bias),
        parameters.aggregation,
        draws=parameters.draws,
        seed=parameters.seed,
    )
    return {
        "schema": SCHEMA,
        "name": parameters.name,
        "dataset": parameters.dataset,
        "network": parameters.network,
        "aggregation": parameters.aggregation,
        "seed": parameters.seed,
        "test_accuracy": checkpoint.test_accuracy,
        "parameters": asdict(parameters),
        "class_names": list(data.class_names),
        "training": {
            "examples": networks.training_examples(chosen, len(prepared.y_train)),
            "parameters": chosen.to_dict()["training"],
            "loss": list(checkpoint.history.loss),
            "seconds": checkpoint.history.seconds,
        },
        "map": map_summary(captured.all_activations()),
        **record_of(analysis),
        "ladder": _plain(ladder),
        "provenance": provenance(parameters.threads)
        | {"checkpoint": checkpoint.key, "data": data.digest(), "analysis": analysis_digest()},
    }


def recipe(parameters: RunParameters) -> Any:
    """What `aggdist.networks.trained` needs to make the network of a run."""
    from aggdist import networks

    chosen: dict[str, Any] = {"threads": parameters.threads} | (
        {"epochs": parameters.epochs} if parameters.epochs else {}
    )
    return networks.recipe_for(
        parameters.dataset, parameters.aggregation, seed=parameters.seed, network=parameters.network, **chosen
    )


def map_summary(statistics: Any) -> dict[str, Any]:
    """What the record keeps of the final map: its size, sparsity, and the effective number of positions."""
    effective = np.asarray(statistics.effective_positions())
    known = effective[np.isfinite(effective)]
    return {
        "positions": int(statistics.positions),
        "channels": int(effective.shape[1]),
        "active": float(np.mean(statistics.active())),
        "effective_positions": {
            f"q{round(100 * level):02d}": float(v)
            for level, v in zip(
                (0.05, 0.25, 0.5, 0.75, 0.95), np.quantile(known, (0.05, 0.25, 0.5, 0.75, 0.95)), strict=True
            )
        },
    }


def record_of(analysis: Analysis) -> dict[str, Any]:
    """The analysis as plain JSON types, numbers to six significant digits."""
    return {key: _plain(value) for key, value in asdict(analysis).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        # JSON has no infinity; a divergence that is infinite is stored as the word.
        return float(f"{value:.6g}") if math.isfinite(value) else str(float(value))
    return value


def write_record(record: Mapping[str, Any], path: Path) -> None:
    """Write a record as a whole or not at all.

    Raises
    ------
    RecordError
        If it cannot be written (a full disk, say), or would be larger than 300 kB.
    """
    text = json.dumps(record, indent=None, separators=(",", ":"), allow_nan=False) + "\n"
    if len(text) > MAX_BYTES:
        raise RecordError(f"{path}: got a record of {len(text)} bytes, expected at most {MAX_BYTES}")
    try:
        with atomic_file(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RecordError(
            f"{path} could not be written ({error}); nothing half-written is left. Free some disk space or choose "
            "another folder, then run again: training is cached"
        ) from error


def read_record(path: Path) -> dict[str, Any]:
    """Read a record.

    Raises
    ------
    RecordError
        If it is missing, damaged, or of another schema.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecordError(f"{path} is missing; make it with: python -m aggdist runs") from error
    except ValueError as error:
        raise RecordError(
            f"{path} is damaged ({error}); delete it and run: python -m aggdist runs"
        ) from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        found = record.get("schema") if isinstance(record, dict) else type(record).__name__
        raise RecordError(
            f"{path} has schema {found}, expected {SCHEMA}; delete it and run: python -m aggdist runs"
        )
    return record


def record_is_current(parameters: Mapping[str, Any], path: Path) -> tuple[bool, str]:
    """Whether the record at `path` is what these parameters and today's sources would make, and why not."""
    from aggdist.networks import PretrainedError

    if not path.exists():
        return False, "there is no record"
    try:
        record = read_record(path)
    except RecordError as error:
        return False, str(error)
    if record["parameters"] != asdict(RunParameters(**parameters)):
        return False, "its parameters differ"
    if record["provenance"]["analysis"] != analysis_digest():
        return False, "the analysis code has changed"
    try:
        key = current_checkpoint_key(RunParameters(**parameters))
    except PretrainedError as error:
        return False, str(error)
    if record["provenance"]["checkpoint"] != key:
        return False, "the training code, torch or the data have changed"
    return True, "up to date"


def current_checkpoint_key(parameters: RunParameters) -> str:
    """Key of the checkpoint that these parameters would train now."""
    from aggdist import datasets, networks

    return networks.checkpoint_key(recipe(parameters), datasets.specification(parameters.dataset).digest())


def age_of(record: Mapping[str, Any]) -> str:
    """A sentence for the page: when and with what a record was computed, and whether by older code."""
    origin = record["provenance"]
    sentence = (
        f"Computed {origin['computed'][:10]} with Python {origin['python']}, torch "
        f"{origin['packages'].get('torch', '?')}, {origin['threads']} thread(s) on {origin['processor']}"
    )
    older = origin["analysis"] != analysis_digest()
    return sentence + (" by older code than this book's." if older else ".")
