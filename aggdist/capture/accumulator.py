"""What the accumulators share: their arrays by name, and the check before merging."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass
class Accumulator:
    """Base of the accumulators: a dataclass of arrays."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every array by name, for storing."""
        return {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}

    def of_labels(self, labels: slice) -> Self:
        """The statistics of some of the labels, as arrays of their own."""
        chosen = {
            name: array.copy() if array.ndim == 0 else array[labels].copy()
            for name, array in self.arrays().items()
        }
        return type(self)(**chosen)

    def check_mergeable(self, other: Accumulator) -> None:
        """Stop before merging what does not belong together.

        Raises
        ------
        TypeError, ValueError
            When the other is of another kind or shape.
        """
        if type(other) is not type(self):
            raise TypeError(
                f"cannot merge {type(other).__name__} into {type(self).__name__}: expected one kind"
            )
        mine, theirs = self.arrays(), other.arrays()
        for name, array in mine.items():
            if array.shape != theirs[name].shape:
                raise ValueError(
                    f"cannot merge: {name} has shape {theirs[name].shape}, expected {array.shape}; both"
                    " parts must come from the same network and classes"
                )
