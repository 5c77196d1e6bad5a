"""The one place for paths, and for writing files so that nothing half-written looks finished.

The standard library is enough to import this module.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def repository_root() -> Path:
    """The checkout that holds `notebooks/`, `book/` and `results/`.

    Raises
    ------
    FileNotFoundError
        If `aggdist` was installed without its repository.
    """
    root = Path(__file__).resolve().parent.parent
    if not (root / "notebooks" / "experiments").is_dir():
        raise FileNotFoundError(
            f"{root} holds no notebooks/experiments: got an installed aggdist, expected a checkout; "
            "clone the repository and run from there (pip install -e .)"
        )
    return root


def _user_cache() -> Path:
    # Imported here: the house tasks use this module before anything is installed.
    import platformdirs

    return Path(platformdirs.user_cache_dir("aggdist", appauthor=False))


def data_folder() -> Path:
    """Where the datasets' `.npz` files are: `$AGGDIST_DATA`, or the user's cache folder."""
    given = os.environ.get("AGGDIST_DATA")
    return Path(given).expanduser() if given else _user_cache() / "data"


def cache_folder() -> Path:
    """Where checkpoints and captured features are: `$AGGDIST_CACHE`, or the user's cache folder."""
    given = os.environ.get("AGGDIST_CACHE")
    return Path(given).expanduser() if given else _user_cache() / "runs"


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that becomes `target` only if the block ends well.

    An interrupted or failed block (a full disk, say) leaves the old file, or none, and no litter.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{target.name}.", suffix=f".part{target.suffix}", dir=target.parent
    )
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o644)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that becomes `target` only if the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        yield part
        part.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        part.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
