"""Sentences as rows of word numbers; the vocabulary comes from the training sentences only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PADDING = 0  # past the end of a sentence
UNKNOWN = 1  # a word that the vocabulary does not hold
POSITIONS = 48  # words kept; longer sentences are cropped


@dataclass(frozen=True)
class Vocabulary:
    """The words that are known, most frequent first; word i has number i + 2."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, sentences: Sequence[str], at_least: int = 2) -> Vocabulary:
        """Every word that occurs at least so often in the (training) sentences.

        Raises
        ------
        ValueError
            If no word occurs that often.
        """
        counts = Counter(word for sentence in sentences for word in str(sentence).split())
        kept = sorted((w for w, n in counts.items() if n >= at_least), key=lambda w: (-counts[w], w))
        if not kept:
            raise ValueError(
                f"no word occurs {at_least} times in {len(sentences)} sentences: expected training sentences"
            )
        return cls(tuple(kept))

    @property
    def size(self) -> int:
        """Number of word numbers, padding and the unknown word included."""
        return len(self.words) + 2

    def encode(self, sentences: Sequence[str], positions: int = POSITIONS) -> NDArray[np.int32]:
        """Sentences -> word numbers (n, positions), cropped or padded with PADDING at the end."""
        number = {word: i + 2 for i, word in enumerate(self.words)}
        rows = np.full((len(sentences), positions), PADDING, dtype=np.int32)
        for row, sentence in zip(rows, sentences, strict=True):
            found = [number.get(word, UNKNOWN) for word in str(sentence).split()[:positions]]
            row[: len(found)] = found
        return rows
