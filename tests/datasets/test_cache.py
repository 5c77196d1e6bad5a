from __future__ import annotations

import errno
import hashlib
import io
import pickle
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggdist.datasets import DatasetError, DatasetMissing
from aggdist.datasets.cache import cache_file, checksum, difference, read, write

MEND = re.escape("run `python -m aggdist datasets fetch tiny`")


def _npz(arrays, save=np.savez_compressed):
    content = io.BytesIO()
    save(content, **arrays)
    return content.getvalue()


def test_a_checksum_is_of_the_bytes_in_c_order():
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    expected = hashlib.sha256(np.array([0, 1, 2, 3, 4, 5], dtype="<i4").tobytes()).hexdigest()
    assert checksum(array) == expected
    assert checksum(np.asfortranarray(array)) == expected


def test_a_checksum_of_text_is_of_its_lines_whatever_the_width():
    expected = hashlib.sha256("né\nbb".encode()).hexdigest()
    assert checksum(np.array(["né", "bb"])) == expected
    assert checksum(np.array(["né", "bb"], dtype="<U40")) == expected


def test_what_is_written_is_read(tiny, arrays, data_folder):
    assert write(tiny, arrays) == data_folder / "tiny.npz"
    found = read(tiny)
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert not found[name].flags.writeable


def test_text_may_be_of_any_width(tiny, arrays, data_folder):
    wide = {**arrays, "note_test": arrays["note_test"].astype("<U30")}
    (data_folder / "tiny.npz").write_bytes(_npz(wide))
    assert read(tiny)["note_test"].tolist() == ["é", "two words"]


def test_a_missing_file_is_named_with_the_command_that_fetches_it(tiny, data_folder):
    file = re.escape(str(data_folder / "tiny.npz"))
    with pytest.raises(
        DatasetMissing, match=rf"^dataset tiny: {file} is not there; {MEND}, or put tiny\.npz into"
    ):
        read(tiny)


def test_a_missing_folder_is_a_missing_file(tiny):
    with pytest.raises(DatasetMissing, match=r"tiny\.npz is not there"):
        read(tiny)


def test_a_file_in_place_of_the_folder_is_a_missing_file(tiny, tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(DatasetMissing, match=r"tiny\.npz is not there"):
        read(tiny)


def test_what_an_interrupted_download_left_is_not_taken_for_the_dataset(tiny, arrays, data_folder):
    (data_folder / ".tiny.npz.x1y2.part.npz").write_bytes(_npz(arrays))
    (data_folder / "tiny.part.npz").write_bytes(_npz(arrays))
    (data_folder / "tiny.npz.part").write_bytes(_npz(arrays))
    with pytest.raises(DatasetMissing, match="not there"):
        read(tiny)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "0 bytes that are no whole zip archive"),
        (b"<html>Not found</html>", "22 bytes that are no whole zip archive"),
        (pickle.dumps({"x_train": 1}), r"\d+ bytes that are no whole zip archive"),
    ],
    ids=["empty", "page", "pickle"],
)
def test_a_file_that_is_no_archive_is_damaged(tiny, data_folder, content, reason):
    file = data_folder / "tiny.npz"
    file.write_bytes(content)
    message = rf"^dataset tiny: {re.escape(str(file))} is damaged: it cannot be read \({reason}\); {MEND}"
    with pytest.raises(DatasetError, match=message):
        read(tiny)


def test_a_half_downloaded_file_is_damaged(tiny, arrays, data_folder):
    content = _npz(arrays)
    (data_folder / "tiny.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(DatasetError, match=rf"damaged: .* bytes that are no whole zip archive\); {MEND}"):
        read(tiny)


def test_a_folder_of_that_name_is_damaged(tiny, data_folder):
    (data_folder / "tiny.npz").mkdir()
    with pytest.raises(DatasetError, match=r"damaged: it cannot be read \(.*directory"):
        read(tiny)


def test_pickled_objects_are_never_loaded(tiny, arrays, data_folder):
    objects = {**arrays, "x_train": np.array([{"a": 1}] * 6, dtype=object)}
    (data_folder / "tiny.npz").write_bytes(_npz(objects))
    with pytest.raises(DatasetError, match=r"damaged: it cannot be read \(Object arrays cannot be loaded"):
        read(tiny)


def _without_labels(arrays):
    return {name: array for name, array in arrays.items() if name != "y_test"}


def _with_one_more(arrays):
    return {**arrays, "z": arrays["y_test"]}


def _of_another_type(arrays):
    return {**arrays, "y_train": arrays["y_train"].astype(np.int64)}


def _numbers_for_text(arrays):
    return {**arrays, "note_test": arrays["y_test"]}


def _of_another_shape(arrays):
    return {**arrays, "x_train": arrays["x_train"][:-1]}


def _with_one_pixel_changed(arrays):
    changed = arrays["x_test"].copy()
    changed[1, 2, 0] ^= 1
    return {**arrays, "x_test": changed}


def _with_labels_in_another_order(arrays):
    return {**arrays, "y_train": arrays["y_train"][::-1]}


WRONG = [
    (
        _without_labels,
        r"it holds the arrays \['note_test', 'x_test', 'x_train', 'y_train'\], expected \['note",
    ),
    (_with_one_more, r"it holds the arrays \['note_test', .*, 'z'\], expected \['note_test'"),
    (_of_another_type, r"array y_train is of type int64, expected uint8"),
    (_numbers_for_text, r"array note_test is of type uint8, expected str"),
    (_of_another_shape, r"array x_train is of shape \(5, 3, 3\), expected \(6, 3, 3\)"),
    (_with_one_pixel_changed, r"array x_test has SHA-256 [0-9a-f]{12}\.\.\., expected [0-9a-f]{12}\.\.\."),
    (_with_labels_in_another_order, r"array y_train has SHA-256"),
]


@pytest.mark.parametrize(("spoil", "reason"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_a_wrong_array_is_never_handed_out(tiny, arrays, data_folder, spoil, reason):
    file = data_folder / "tiny.npz"
    file.write_bytes(_npz(spoil(arrays)))
    with pytest.raises(
        DatasetError, match=rf"{re.escape(str(file))} is damaged: {reason}.*; {MEND}"
    ) as caught:
        read(tiny)
    assert re.match(reason, caught.value.reason)


@pytest.mark.parametrize(("spoil", "reason"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_a_wrong_array_is_never_written(tiny, arrays, data_folder, spoil, reason):
    with pytest.raises(DatasetError, match=rf"put into the cache is wrong: {reason}.*; nothing was written"):
        write(tiny, spoil(arrays))
    assert list(data_folder.iterdir()) == []


def test_right_arrays_do_not_differ(tiny, arrays):
    assert difference(tiny, arrays) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    where=st.floats(0, 1, exclude_max=True),
    bits=st.integers(1, 255),
    save=st.sampled_from([np.savez, np.savez_compressed]),
)
def test_a_flipped_byte_gives_an_error_or_the_right_arrays(tiny, arrays, where, bits, save):
    content = bytearray(_npz(arrays, save))
    content[int(where * len(content))] ^= bits
    file = cache_file("tiny")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    try:
        found = read(tiny)
    except DatasetError as error:
        message = str(error)
    else:
        # A byte that means nothing, a date, say.
        assert difference(tiny, found) is None
        return
    assert message.startswith(f"dataset tiny: {file} is damaged: ")
    assert "run `python -m aggdist datasets fetch tiny`" in message


def test_a_full_disk_leaves_the_older_file_and_no_litter(tiny, arrays, data_folder, monkeypatch):
    file = write(tiny, arrays)
    before = file.read_bytes()

    def full(path, **_):
        path.write_bytes(before[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left on device"):
        write(tiny, arrays)
    assert file.read_bytes() == before
    assert list(data_folder.iterdir()) == [file]


def test_an_error_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(DatasetError("long message", reason="short")))
    assert (str(error), error.reason) == ("long message", "short")
