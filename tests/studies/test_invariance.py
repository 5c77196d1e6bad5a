"""The study of shifted inputs, on quickly trained networks for digits."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.networks.sentences import PADDING
from aggdist.studies import StudyRun, compute
from aggdist.studies.invariance import directions, shifted


@pytest.fixture(scope="module")
def record(quick_studies):
    """The whole record."""
    return compute(StudyRun("invariance", "digits", "digitcnn"), progress=False)


def test_every_head_is_looked_at_at_every_shift(record):
    assert tuple(record["shifts"]) == (0, 1, 2, 3, 4)
    assert record["stride"] == 2
    assert set(record["heads"]) == {"avg", "max", "gem", "flatten"}
    for head, found in record["heads"].items():
        assert found["changed"][0] == found["node_change"][0] == 0.0
        assert np.all(np.diff(found["node_change"]) > 0), head
        assert found["accuracy"][4] < found["accuracy"][0]
    assert "feature_change" not in record["heads"]["flatten"]


def test_changes_are_compared_with_the_bound_at_multiples_of_the_stride(record):
    for found in record["bound"].values():
        assert list(found["shift"]) == [2, 4]
        assert np.all((np.asarray(found["within"]) > 0) & (np.asarray(found["within"]) < 1))


def test_inputs_move_as_a_whole_and_the_edge_is_repeated():
    x = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4)
    right = shifted(x, 3, 1)
    assert np.array_equal(right[..., 1:], x[..., :-1])
    assert np.array_equal(right[..., 0], x[..., 0])
    assert np.array_equal(shifted(shifted(x, 2, -1), 2, 1)[..., 1:3, :], x[..., 1:3, :])
    assert np.array_equal(shifted(x, 3, 0), x)


def test_sentences_get_padding_in_front():
    words = np.array([[5, 6, 7, PADDING], [1, 2, 3, 4]])
    assert shifted(words, 1, 1).tolist() == [[PADDING, 5, 6, 7], [PADDING, 1, 2, 3]]


def test_each_kind_of_input_has_its_directions():
    assert directions(np.zeros((1, 1, 8, 8), np.uint8)) == ((2, 1), (2, -1), (3, 1), (3, -1))
    assert directions(np.zeros((1, 1, 8, 8), np.float32)) == ((3, 1), (3, -1))
    assert directions(np.zeros((1, 8), np.int32)) == ((1, 1),)


def test_a_shift_beyond_the_picture_is_refused():
    with pytest.raises(ValueError, match="got a shift by 4 along an axis of 4, expected less"):
        shifted(np.zeros((1, 1, 4, 4)), 3, 4)
