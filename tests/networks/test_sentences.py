"""Word numbers."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.networks.sentences import PADDING, UNKNOWN, Vocabulary


def test_vocabulary_is_sorted_by_frequency_then_word():
    vocabulary = Vocabulary.of(["b a a", "c b a", "c d"])
    assert vocabulary.words == ("a", "b", "c")
    assert vocabulary.size == 5


def test_encode_pads_crops_and_marks_the_unknown():
    vocabulary = Vocabulary(("a", "b"))
    rows = vocabulary.encode(["a x b", "", "b b b b b"], positions=4)
    expected = [[2, UNKNOWN, 3, PADDING], [PADDING] * 4, [3, 3, 3, 3]]
    np.testing.assert_array_equal(rows, expected)
    assert rows.dtype == np.int32


def test_no_frequent_word():
    with pytest.raises(ValueError, match="no word occurs 2 times in 1 sentences"):
        Vocabulary.of(["every word once"])
