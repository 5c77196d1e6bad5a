"""Extracts: a small part of a capture, stored in the repository, so that chapters run without data and torch.

An extract is one compressed `.npz` of at most 300 kB. Activations and pooled features are kept in half
precision (relative error 5e-4, zeros exact), output nodes in single precision. numpy alone is enough to read it.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.capture.activations import ActivationStatistics
from aggdist.capture.moments import Floats
from aggdist.capture.statistics import MarginalStatistics
from aggdist.paths import atomic_file, repository_root

FORMAT = 1  # raise when the arrays of an extract change
MAX_BYTES = 300_000
_ARRAYS = ("maps", "map_labels", "channels", "pooled", "labels", "weights", "bias", "nodes", "node_labels")
_HALF = ("maps", "pooled")


class ExtractError(RuntimeError):
    """An extract is missing, damaged or too large."""


@dataclass(frozen=True)
class Extract:
    """Real features of the test images of one trained network.

    Attributes
    ----------
    maps
        Activations (m, c, *positions) of a few channels, for images of two labels, as many of each.
    map_labels
        Labels of those images (m,).
    channels
        Which channels those are (c,), from the sparsest to the densest.
    pooled, labels
        All pooled features (n, C) of a sample of images, balanced over labels, and their labels (n,).
    weights, bias
        The linear head, (K, C) and (K,).
    nodes, node_labels
        Output nodes (n2, K) of a larger balanced sample, and its labels (n2,).
    activation_statistics
        Over all positions of all test images.
    pooled_statistics
        Over all test images, channel by channel.
    about
        Name, dataset, network, aggregation, seed, class names, test accuracy, provenance.
    """

    maps: Floats
    map_labels: NDArray[np.int64]
    channels: NDArray[np.int64]
    pooled: Floats
    labels: NDArray[np.int64]
    weights: Floats
    bias: Floats
    nodes: Floats
    node_labels: NDArray[np.int64]
    activation_statistics: ActivationStatistics
    pooled_statistics: MarginalStatistics
    about: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the run that it comes from."""
        return str(self.about["name"])

    @property
    def aggregation(self) -> str:
        """Key of the network's aggregation."""
        return str(self.about["aggregation"])

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the labels."""
        return tuple(self.about["class_names"])

    @property
    def positions(self) -> int:
        """N, positions of one map."""
        return int(self.activation_statistics.positions)


def extract_path(name: str, root: Path | None = None) -> Path:
    """Where the extract of a run is, or will be."""
    return (root or repository_root()) / "results" / "extracts" / f"{name}.npz"


def load_extract(name: str, root: Path | None = None) -> Extract:
    """Read the extract of a run.

    Parameters
    ----------
    name : str
        Name of the run, such as "digits-digitcnn-avg-s0".
    root : Path, optional
        The repository; found by itself unless given.

    Raises
    ------
    ExtractError
        If there is none of that name, or it is damaged.
    """
    path = extract_path(name, root)
    if not path.exists():
        known = ", ".join(sorted(found.stem for found in path.parent.glob("*.npz"))) or "none"
        raise ExtractError(f"no extract {name!r} in {path.parent}: there are {known}; make runs makes them")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return _from_arrays({key: stored[key] for key in stored.files})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ExtractError(
            f"{path} is damaged ({type(error).__name__}: {error}): take it from git again (git checkout -- PATH), "
            "or delete it and run make runs"
        ) from error


def save_extract(extract: Extract, path: Path) -> None:
    """Write an extract as a whole or not at all.

    Raises
    ------
    ExtractError
        If it would be larger than 300 kB.
    """
    arrays = _to_arrays(extract)
    with atomic_file(path) as part:
        with part.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle
        size = part.stat().st_size
        if size > MAX_BYTES:
            raise ExtractError(f"{path}: got an extract of {size} bytes, expected at most {MAX_BYTES}")


def _to_arrays(extract: Extract) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        "format": np.array(FORMAT),
        "about": np.array(json.dumps(extract.about)),
    }
    for name in _ARRAYS:
        values = getattr(extract, name)
        small = _halved(values) if name in _HALF else _single(values)
        arrays[name] = small
    for prefix, statistics in _statistics_of(extract):
        for field in fields(statistics):
            arrays[f"{prefix}.{field.name}"] = _single(np.asarray(getattr(statistics, field.name)))
    return arrays


def _statistics_of(extract: Extract) -> list[tuple[str, Any]]:
    return [("activation", extract.activation_statistics), ("marginal", extract.pooled_statistics)]


def _halved(values: NDArray[Any]) -> NDArray[np.float16]:
    half = values.astype(np.float16)
    # A tiny positive activation stays positive: whether it is 0 is what T2 and T5 are about.
    return np.where((values > 0) & (half == 0), np.finfo(np.float16).smallest_subnormal, half)


def _single(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float32 if np.issubdtype(values.dtype, np.floating) else np.int32)


def _from_arrays(arrays: dict[str, NDArray[Any]]) -> Extract:
    if int(arrays["format"]) != FORMAT:
        raise ValueError(f"format {int(arrays['format'])}, expected {FORMAT}")

    def wide(name: str) -> NDArray[Any]:
        values = arrays[name]
        return values.astype(np.float64 if np.issubdtype(values.dtype, np.floating) else np.int64)

    def statistics(prefix: str) -> dict[str, NDArray[Any]]:
        return {key.split(".")[1]: wide(key) for key in arrays if key.startswith(f"{prefix}.")}

    return Extract(
        **{name: wide(name) for name in _ARRAYS},
        activation_statistics=ActivationStatistics(**statistics("activation")),
        pooled_statistics=MarginalStatistics(**statistics("marginal")),
        about=json.loads(str(arrays["about"])),
    )
