"""What a capture holds, and its folder on disk: one .npy per array and a JSON with shapes and SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.capture.activations import ActivationStatistics
from aggdist.capture.statistics import PooledStatistics
from aggdist.paths import atomic_folder

FORMAT = 1  # raise when the files of a capture change
SUMMARY = "capture.json"
_ARRAYS = ("pooled", "nodes", "labels")


class CaptureError(RuntimeError):
    """A capture on disk is damaged."""


@dataclass(frozen=True)
class Captured:
    """The result of one pass over n images.

    Attributes
    ----------
    pooled
        Pooled features Z (n, C), float32; a read-only memory map when the capture has a folder.
    nodes
        Output nodes y (n, K), float32.
    labels
        (n,), int64.
    pooled_statistics, activation_statistics
        The accumulators of the same images.
    batch_size
        Images per forward pass; the head replayed with the same batches gives the same bits.
    folder
        Where it is stored, or None.
    """

    pooled: NDArray[np.float32]
    nodes: NDArray[np.float32]
    labels: NDArray[np.int64]
    pooled_statistics: PooledStatistics
    activation_statistics: ActivationStatistics
    batch_size: int
    folder: Path | None = None

    @property
    def n_classes(self) -> int:
        """Number of labels, K."""
        return len(self.pooled_statistics.count)

    @property
    def positions(self) -> int:
        """N, positions of one map."""
        return int(self.activation_statistics.positions)

    def replay(self, head: Any, batch_size: int | None = None) -> NDArray[np.float32]:
        """The output nodes (n, K) of a head on the captured pooled features.

        Parameters
        ----------
        head
            The torch module that reads pooled features (B, C).
        batch_size
            By default that of the capture, for the same bits (with as many threads).
        """
        from aggdist.capture.forward import apply_head  # torch only where it is needed

        return apply_head(head, self.pooled, batch_size or self.batch_size)

    def save(self, folder: Path) -> Captured:
        """Store a copy in `folder`, whole or not at all, and return it as read back."""
        with atomic_folder(folder) as part:
            for name in _ARRAYS:
                np.save(part / f"{name}.npy", getattr(self, name))
            write_summary(part, self.pooled_statistics, self.activation_statistics, self.batch_size)
        return load_captured(folder)


def write_summary(
    folder: Path, pooled: PooledStatistics, activations: ActivationStatistics, batch_size: int
) -> None:
    """Store the accumulators, then the JSON that vouches for every array in the folder."""
    for prefix, statistics in (("pooled", pooled), ("activation", activations)):
        for name, array in statistics.arrays().items():
            np.save(folder / f"{prefix}.{name}.npy", array)
    files = {path.name: _entry(path) for path in sorted(folder.glob("*.npy"))}
    summary = {"format": FORMAT, "batch_size": batch_size, "files": files}
    (folder / SUMMARY).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


def _entry(path: Path) -> dict[str, Any]:
    array = np.load(path, mmap_mode="r")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "sha256": digest}


def load_captured(folder: Path) -> Captured:
    """Read a stored capture; every file is checked against its hash, the features stay memory-mapped.

    Raises
    ------
    CaptureError
        When a file is missing or damaged; the message says what to delete.
    """
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        if summary["format"] != FORMAT:
            raise ValueError(f"format {summary['format']}, expected {FORMAT}")
        arrays = {name: _verified(folder / name, entry) for name, entry in summary["files"].items()}
        pooled, nodes, labels = (arrays[f"{name}.npy"] for name in _ARRAYS)
        return Captured(
            pooled=pooled,
            nodes=nodes,
            labels=np.array(labels),
            pooled_statistics=PooledStatistics(**_statistics(arrays, "pooled")),
            activation_statistics=ActivationStatistics(**_statistics(arrays, "activation")),
            batch_size=int(summary["batch_size"]),
            folder=folder,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CaptureError(
            f"capture {folder} is damaged ({type(error).__name__}: {error}): delete that folder and run again"
            " to capture anew"
        ) from error


def _verified(path: Path, entry: Mapping[str, Any]) -> NDArray[Any]:
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
            raise ValueError(f"{path.name} does not have the SHA-256 that was stored with it")
    array: NDArray[Any] = np.load(path, mmap_mode="r")
    return array


def _statistics(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    found = {name.split(".")[1]: array for name, array in arrays.items() if name.startswith(f"{prefix}.")}
    # "pooled.npy" is the features themselves. Copies, because accumulators are updated in place.
    return {name: np.array(array) for name, array in found.items() if name != "npy"}
