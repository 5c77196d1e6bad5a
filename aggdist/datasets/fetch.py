"""From a dataset's origin into the cache: downloaded, converted, verified, and only then written."""

from __future__ import annotations

import contextlib
import io
import re
import socket
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from aggdist.datasets.cache import Arrays, DatasetError, cache_file, fetch_command, write
from aggdist.datasets.convert import images_to_arrays, recordings_to_arrays, sentences_to_arrays
from aggdist.datasets.dataset import read_verified
from aggdist.datasets.download import NETWORK_ERRORS, TIMEOUT, DownloadError, download
from aggdist.datasets.specification import DatasetSpec, specification

#: Makes the arrays, with a folder for what it downloads, and whether to show progress.
Origin = Callable[[Path, bool], Arrays]

# The first version with all six speakers.
FSDD_URL = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz"
MR_URL = "https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz"


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """A limit for connections that set none themselves, as torchvision's."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def from_torchvision(folder: Path, progress: bool, class_name: str) -> Arrays:
    """The arrays of a dataset that torchvision knows; it checks what it downloads by MD5.

    Raises
    ------
    DownloadError
        If torchvision can't get the files.
    ImportError
        If it is not installed.
    """
    from torchvision import datasets

    known = getattr(datasets, class_name)
    # torchvision always draws its bar; hidden, it has nowhere to draw.
    quiet = contextlib.nullcontext() if progress else contextlib.redirect_stderr(io.StringIO())
    try:
        with _time_limit(TIMEOUT), quiet:
            train, test = (known(folder, train=part, download=True) for part in (True, False))
    # RuntimeError: all its mirrors failed, or the MD5 is wrong.
    except (*NETWORK_ERRORS, RuntimeError) as error:
        raise DownloadError(f"torchvision.datasets.{class_name}: {error or type(error).__name__}") from error
    return images_to_arrays(train, test)


def archive_members(archive: Path, pattern: str) -> dict[str, bytes]:
    """Contents, by base name, of the files in a tar archive whose whole path matches the pattern.

    Raises
    ------
    DownloadError
        If the archive is not whole.
    """
    found = {}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                content = tar.extractfile(member) if re.fullmatch(pattern, member.name) else None
                if content is not None:
                    found[member.name.rsplit("/", 1)[-1]] = content.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DownloadError(f"the archive is not whole ({error})") from error
    return found


def from_fsdd(folder: Path, progress: bool, url: str = FSDD_URL) -> Arrays:
    """The arrays of the Free Spoken Digit Dataset, from an archive of its repository."""
    archive = folder / "fsdd.tar.gz"
    download(url, archive, progress)
    return recordings_to_arrays(archive_members(archive, r"[^/]+/recordings/[^/]+\.wav"))


def from_mr(folder: Path, progress: bool, url: str = MR_URL) -> Arrays:
    """The arrays of the review sentences, from the archive on the authors' page."""
    archive = folder / "mr.tar.gz"
    download(url, archive, progress)
    files = archive_members(archive, r"(.*/)?rt-polarity\.(neg|pos)")
    if set(files) != {"rt-polarity.neg", "rt-polarity.pos"}:
        raise ValueError(f"the archive holds {sorted(files)}, expected rt-polarity.neg and rt-polarity.pos")
    return sentences_to_arrays(files["rt-polarity.neg"], files["rt-polarity.pos"])


ORIGINS: Mapping[str, Origin] = {
    "mnist": partial(from_torchvision, class_name="MNIST"),
    "fashionmnist": partial(from_torchvision, class_name="FashionMNIST"),
    "cifar10": partial(from_torchvision, class_name="CIFAR10"),
    "fsdd": from_fsdd,
    "mr": from_mr,
}


def _not_fetched(spec: DatasetSpec, reason: str, advice: str) -> DatasetError:
    # torchvision's reasons come in several lines.
    reason = " ".join(reason.split())
    return DatasetError(f"dataset {spec.name} could not be fetched: {reason}; {advice}", reason=reason)


def fetch_from(origin: Origin, spec: DatasetSpec, progress: bool) -> Path:
    """Put the dataset into the cache from the given origin; returns the file. `fetch` says what it raises."""
    file = cache_file(spec.name)
    by_hand = f"put {file.name} into {file.parent}"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # In the cache, not in /tmp, which may be small; hidden, so that nothing takes it for a dataset.
        with tempfile.TemporaryDirectory(prefix=f".{spec.name}.", suffix=".part", dir=file.parent) as folder:
            arrays = origin(Path(folder), progress)
        return write(spec, arrays)
    except DownloadError as error:
        advice = f"check the connection and run `{fetch_command(spec.name)}` again, or {by_hand}"
        raise _not_fetched(spec, str(error), advice) from error
    except ImportError as error:
        raise _not_fetched(spec, str(error), "run `pip install 'aggdist[torch]'`, and then again") from error
    except (ValueError, DatasetError) as error:
        reason = f"its origin has other data ({error.reason if isinstance(error, DatasetError) else error})"
        raise _not_fetched(spec, reason, f"nothing was written; {by_hand}") from error
    except OSError as error:
        advice = "free some space there or set AGGDIST_DATA to another folder, and run it again"
        raise _not_fetched(spec, f"{file.parent} can't be written ({error})", advice) from error


def fetch(name: str, progress: bool = True) -> None:
    """See to it that `load(name)` works: fetch the dataset from its origin unless a right copy is here.

    A damaged copy is replaced. Interrupted at any moment, it leaves the older file or none.

    Parameters
    ----------
    name
        A dataset's name.
    progress
        Whether to show a progress bar (on a terminal).

    Raises
    ------
    ValueError
        If there is no dataset of that name.
    DatasetError
        If there is no connection, a package is missing, the origin has other data than the specification
        says, or the disk is full; the message says what to do. A dataset that an installed package carries is
        only verified.
    """
    spec = specification(name)
    try:
        read_verified(spec)
    except DatasetError:
        if spec.packaged:
            raise
        fetch_from(ORIGINS[name], spec, progress)
