from __future__ import annotations

import errno
import gzip
import hashlib
import re
import socket
import struct
import sys
from functools import partial

import numpy as np
import pytest

from aggdist.datasets import DATASETS, DatasetError, DatasetMissing, fetch, is_available, load
from aggdist.datasets.cache import read
from aggdist.datasets.convert import recordings_to_arrays, sentences_to_arrays
from aggdist.datasets.download import DownloadError
from aggdist.datasets.fetch import ORIGINS, archive_members, fetch_from, from_fsdd, from_mr, from_torchvision


@pytest.fixture
def recordings(wav):
    return {
        f"{d}_ann_{i}.wav": wav(np.arange(10 * d + i + 1, dtype=np.int16)) for d in (0, 1) for i in (0, 5)
    }


@pytest.fixture
def reviews():
    return {"neg": b"bad \nworse \n", "pos": b"good \nbetter \nbest \n"}


def test_every_dataset_has_an_origin_or_a_package():
    assert set(ORIGINS) == {name for name, spec in DATASETS.items() if not spec.packaged}


def test_the_recordings_come_from_the_repository(site, tar_gz, recordings, specification_of, data_folder):
    files = {f"free-spoken-digit-dataset-1/recordings/{name}": body for name, body in recordings.items()}
    site.files["fsdd"] = tar_gz({**files, "free-spoken-digit-dataset-1/README.md": b"read me"})
    expected = recordings_to_arrays(recordings)
    spec = specification_of(expected)
    file = fetch_from(partial(from_fsdd, url=site.url + "fsdd"), spec, False)
    assert list(data_folder.iterdir()) == [file]
    np.testing.assert_array_equal(read(spec)["x_train"], expected["x_train"])


def test_the_sentences_come_from_the_authors_archive(site, tar_gz, reviews, specification_of):
    site.files["mr"] = tar_gz(
        {
            "rt-polaritydata.README.1.0.txt": b"read me",
            "rt-polaritydata/rt-polarity.neg": reviews["neg"],
            "rt-polaritydata/rt-polarity.pos": reviews["pos"],
        }
    )
    expected = sentences_to_arrays(reviews["neg"], reviews["pos"])
    spec = specification_of(expected)
    fetch_from(partial(from_mr, url=site.url + "mr"), spec, False)
    assert read(spec)["x_train"].tolist() == expected["x_train"].tolist()


def _idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def torchvision_mnist(site, arrays, monkeypatch):
    """torchvision's MNIST, pointed at small files on this machine; returns the arrays that should come."""
    from torchvision.datasets import MNIST

    names = {"x_train": "train-images-idx3", "y_train": "train-labels-idx1"}
    names |= {"x_test": "t10k-images-idx3", "y_test": "t10k-labels-idx1"}
    site.files = {f"{stem}-ubyte.gz": gzip.compress(_idx(arrays[name])) for name, stem in names.items()}
    monkeypatch.setattr(MNIST, "mirrors", [site.url])
    md5 = [(name, hashlib.md5(content).hexdigest()) for name, content in site.files.items()]
    monkeypatch.setattr(MNIST, "resources", md5)
    return {name: arrays[name] for name in names}


def test_images_come_through_torchvision(torchvision_mnist, specification_of, data_folder, capfd):
    spec = specification_of(torchvision_mnist)
    before = socket.getdefaulttimeout()
    file = fetch_from(partial(from_torchvision, class_name="MNIST"), spec, False)
    assert socket.getdefaulttimeout() == before
    assert list(data_folder.iterdir()) == [file]
    np.testing.assert_array_equal(read(spec)["x_test"], torchvision_mnist["x_test"])
    assert capfd.readouterr().err == ""


def test_a_truncated_image_file_is_an_error(torchvision_mnist, specification_of, site, data_folder):
    site.cut["train-images-idx3-ubyte.gz"] = 20
    message = (
        r"^dataset tiny could not be fetched: torchvision\.datasets\.MNIST: .*; check the connection and run"
    )
    with pytest.raises(DatasetError, match=message):
        fetch_from(partial(from_torchvision, class_name="MNIST"), specification_of(torchvision_mnist), False)
    assert list(data_folder.iterdir()) == []


def test_torchvision_without_a_connection(torchvision_mnist, specification_of, closed_port, monkeypatch):
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{closed_port}/"])
    spec = specification_of(torchvision_mnist)
    message = r"Error downloading train-images.*refused.*; check the connection"
    with pytest.raises(DatasetError, match=message) as caught:
        fetch_from(partial(from_torchvision, class_name="MNIST"), spec, False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["mnist", "fashionmnist", "cifar10"])
def test_torchvision_knows_the_images(name):
    import torchvision.datasets

    classes = {"mnist": "MNIST", "fashionmnist": "FashionMNIST", "cifar10": "CIFAR10"}
    assert ORIGINS[name].keywords == {"class_name": classes[name]}
    assert hasattr(torchvision.datasets, classes[name])


def test_a_truncated_response_leaves_nothing(site, tar_gz, recordings, tiny, data_folder):
    site.files["fsdd"] = tar_gz({f"a/recordings/{name}": body for name, body in recordings.items()})
    site.cut["fsdd"] = 100
    advice = rf"put tiny\.npz into {re.escape(str(data_folder))}$"
    message = (
        rf"^dataset tiny could not be fetched: {re.escape(site.url)}fsdd: .*; check the connection and run "
    )
    with pytest.raises(
        DatasetError, match=message + rf"`python -m aggdist datasets fetch tiny` again, or {advice}"
    ):
        fetch_from(partial(from_fsdd, url=site.url + "fsdd"), tiny, False)
    assert list(data_folder.iterdir()) == []


@pytest.mark.parametrize("origin", [from_fsdd, from_mr])
@pytest.mark.parametrize("keep", [0, 40, -30])
def test_an_archive_that_is_not_whole_is_an_error(site, tar_gz, recordings, tiny, data_folder, origin, keep):
    whole = tar_gz({f"a/recordings/{name}": body for name, body in recordings.items()})
    site.files["archive"] = whole[:keep]
    with pytest.raises(
        DatasetError, match=r"could not be fetched: the archive is not whole \(.*; check the connection"
    ):
        fetch_from(partial(origin, url=site.url + "archive"), tiny, False)
    assert list(data_folder.iterdir()) == []


def test_an_archive_without_the_reviews_is_an_error(site, tar_gz, tiny):
    site.files["mr"] = tar_gz({"rt-polaritydata/rt-polarity.neg": b"bad\n"})
    message = (
        r"could not be fetched: its origin has other data \(the archive holds \['rt-polarity\.neg'\], "
        r"expected rt-polarity\.neg and rt-polarity\.pos\); nothing was written; put tiny\.npz into"
    )
    with pytest.raises(DatasetError, match=message):
        fetch_from(partial(from_mr, url=site.url + "mr"), tiny, False)


def test_other_data_than_specified_is_refused(site, tar_gz, reviews, specification_of, data_folder):
    spec = specification_of(sentences_to_arrays(reviews["neg"], reviews["pos"]))
    changed = {f"rt-polarity.{end}": body.replace(b"best", b"beat") for end, body in reviews.items()}
    site.files["mr"] = tar_gz(changed)
    message = r"its origin has other data \(array x_t\w+ has SHA-256 .*\); nothing was written"
    with pytest.raises(DatasetError, match=message):
        fetch_from(partial(from_mr, url=site.url + "mr"), spec, False)
    assert list(data_folder.iterdir()) == []


def test_a_damaged_file_is_replaced(arrays, tiny, data_folder):
    (data_folder / "tiny.npz").write_bytes(b"half")
    fetch_from(lambda folder, progress: arrays, tiny, False)
    assert read(tiny)["y_train"].tolist() == arrays["y_train"].tolist()


def test_a_failed_fetch_leaves_the_older_file(tiny, data_folder):
    (data_folder / "tiny.npz").write_bytes(b"older")

    def broken(folder, progress):
        (folder / "some.gz").write_bytes(b"part")
        raise DownloadError("no route")

    with pytest.raises(DatasetError, match="could not be fetched: no route; check the connection"):
        fetch_from(broken, tiny, False)
    assert [(file.name, file.read_bytes()) for file in data_folder.iterdir()] == [("tiny.npz", b"older")]


def test_an_interruption_leaves_nothing(tiny, data_folder):
    def interrupted(folder, progress):
        (folder / "some.gz").write_bytes(b"part")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_from(interrupted, tiny, False)
    assert list(data_folder.iterdir()) == []


def test_a_full_disk_is_named(tiny, data_folder):
    def full(folder, progress):
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = re.escape(str(data_folder))
    message = (
        rf"could not be fetched: {folder} can't be written \(.*No space left on device\); free some space"
    )
    with pytest.raises(DatasetError, match=message):
        fetch_from(full, tiny, False)
    assert list(data_folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tiny, arrays, tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(
        DatasetError, match=r"data can't be written \(.*; free some space there or set AGGDIST_DATA"
    ):
        fetch_from(lambda folder, progress: arrays, tiny, False)


@pytest.mark.parametrize("package", ["torchvision", "tqdm"])
def test_a_missing_package_is_named(site, tiny, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    site.files["mr"] = b""
    needs = {
        "torchvision": partial(from_torchvision, class_name="MNIST"),
        "tqdm": partial(from_mr, url=site.url + "mr"),
    }
    message = rf"could not be fetched: .*{package}.*; run `pip install 'aggdist\[torch\]'`, and then again"
    with pytest.raises(DatasetError, match=message):
        fetch_from(needs[package], tiny, False)


def test_members_of_an_archive_are_found_by_their_whole_path(tar_gz, tmp_path):
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(tar_gz({"a/b/x.wav": b"1", "a/x.wav": b"2", "a/b/y.txt": b"3"}))
    assert archive_members(archive, r"a/b/[^/]+\.wav") == {"x.wav": b"1"}


def test_what_is_here_is_not_fetched_again(monkeypatch):
    def never(*_):
        raise AssertionError("fetched")

    monkeypatch.setitem(ORIGINS, "digits", never)
    fetch("digits")
    assert is_available("digits")


def test_what_a_package_carries_is_not_fetched(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(DatasetMissing, match="it comes with scikit-learn, which is not installed"):
        fetch("digits")


def test_fetch_goes_to_the_origin_of_that_name(monkeypatch):
    def no_connection(folder, progress):
        raise DownloadError(f"no connection, progress {progress}")

    monkeypatch.setitem(ORIGINS, "fsdd", no_connection)
    message = r"^dataset fsdd could not be fetched: no connection, progress False; "
    with pytest.raises(DatasetError, match=message):
        fetch("fsdd", progress=False)


def test_an_unknown_dataset_is_an_error():
    with pytest.raises(ValueError, match="unknown dataset: got 'svhn'"):
        fetch("svhn")


# One for each kind of origin: torchvision, a repository's archive, a page.
@pytest.mark.network
@pytest.mark.parametrize("name", ["mnist", "fsdd", "mr"])
def test_the_real_origin_gives_the_specified_arrays(name):
    fetch(name, progress=False)
    assert load(name).n_train == DATASETS[name].n_train
