"""The cache: one `.npz` file for each dataset, every array checked each time it is read.

Nothing is handed out that differs from its specification, and nothing is written that does.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.datasets.specification import ArraySpec, DatasetSpec
from aggdist.paths import atomic_file, data_folder

Arrays = dict[str, NDArray[Any]]

#: What reading a damaged `.npz` raises, by where the damage is.
_DAMAGE = (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


class DatasetError(RuntimeError):
    """A dataset cannot be had: `reason` says why in a few words, the message also what to do."""

    def __init__(self, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.reason = message if reason is None else reason


class DatasetMissing(DatasetError):
    """A dataset is not here."""


def fetch_command(name: str) -> str:
    """The command that puts a right copy of the dataset into the cache."""
    return f"python -m aggdist datasets fetch {name}"


def cache_file(name: str) -> Path:
    """Where the dataset's file is, or would be."""
    return data_folder() / f"{name}.npz"


def checksum(array: NDArray[Any]) -> str:
    """SHA-256 (hex) of an array's bytes in C order; of text, its entries joined by newline in UTF-8."""
    if array.dtype.kind == "U":
        return hashlib.sha256("\n".join(array.ravel().tolist()).encode()).hexdigest()
    return hashlib.sha256(np.ascontiguousarray(array).reshape(-1).data).hexdigest()


def _difference(name: str, array: NDArray[Any], expected: ArraySpec) -> str | None:
    """What is wrong with one array, or None."""
    kind = "str" if array.dtype.kind == "U" else str(array.dtype)
    if kind != expected.dtype:
        return f"array {name} is of type {kind}, expected {expected.dtype}"
    if array.shape != expected.shape:
        return f"array {name} is of shape {array.shape}, expected {expected.shape}"
    found = checksum(array)
    if found != expected.sha256:
        return f"array {name} has SHA-256 {found[:12]}..., expected {expected.sha256[:12]}..."
    return None


def difference(spec: DatasetSpec, arrays: Mapping[str, NDArray[Any]]) -> str | None:
    """The first way in which the arrays differ from the specification, in words; None if they don't."""
    if set(arrays) != set(spec.arrays):
        return f"it holds the arrays {sorted(arrays)}, expected {sorted(spec.arrays)}"
    found = (_difference(name, arrays[name], expected) for name, expected in spec.arrays.items())
    return next((what for what in found if what), None)


def _missing(spec: DatasetSpec, file: Path) -> DatasetMissing:
    return DatasetMissing(
        f"dataset {spec.name}: {file} is not there; run `{fetch_command(spec.name)}`, or put {file.name} "
        "into that folder, or set AGGDIST_DATA to the folder that holds it",
        reason="not there",
    )


def _damaged(spec: DatasetSpec, file: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"dataset {spec.name}: {file} is damaged: {reason}; run `{fetch_command(spec.name)}` to replace it",
        reason=reason,
    )


def _arrays_of(file: Path) -> Arrays:
    """All arrays of an `.npz` file; raises one of `_DAMAGE` if it is not whole."""
    with file.open("rb") as handle:
        # NumPy takes what is no zip file for a pickle and says so; this says what is the matter.
        if not zipfile.is_zipfile(handle):
            raise zipfile.BadZipFile(f"{file.stat().st_size:,} bytes that are no whole zip archive")
        handle.seek(0)
        with np.load(handle, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}


def read(spec: DatasetSpec) -> Arrays:
    """The arrays in the cache, each of them verified and read-only.

    Raises
    ------
    DatasetMissing
        If there is no file. What an interrupted download left is not looked at.
    DatasetError
        If the file is not whole, or any array differs from the specification; the message names the file, the
        reason and the command that mends it.
    """
    file = cache_file(spec.name)
    try:
        arrays = _arrays_of(file)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(spec, file) from error
    except _DAMAGE as error:
        raise _damaged(spec, file, f"it cannot be read ({error})") from error
    reason = difference(spec, arrays)
    if reason:
        raise _damaged(spec, file, reason)
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


def write(spec: DatasetSpec, arrays: Arrays) -> Path:
    """Put verified arrays into the cache, all or nothing; returns the file.

    Raises
    ------
    DatasetError
        If any array differs from the specification; nothing is written then.
    OSError
        If the file cannot be written, on a full disk, say; an older file stays as it was.
    """
    reason = difference(spec, arrays)
    if reason:
        raise DatasetError(
            f"dataset {spec.name}: what was to be put into the cache is wrong: {reason}; nothing was written",
            reason=reason,
        )
    file = cache_file(spec.name)
    with atomic_file(file) as part:
        np.savez_compressed(part, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle
    return file
