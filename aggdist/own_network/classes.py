"""Which output nodes are looked at, and what they are called."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Names = Sequence[str] | Mapping[int, str]

LEAST = (
    12  # the nearest-neighbour estimate looks at five neighbours, so it needs six images in class to judge
)
FEW_IMAGES = 20
IMBALANCE = 10


@dataclass(frozen=True)
class Classes:
    """The chosen classes: their numbers in the network's head, and their names."""

    numbers: tuple[int, ...]
    names: tuple[str, ...]
    nodes: int

    def keep(self, labels: Labels) -> tuple[NDArray[np.bool_], Labels]:
        """Which images have a chosen label, and their labels as 0..J-1.

        Raises
        ------
        ValueError
            For labels without an output node.
        """
        if len(labels) and (labels.min() < 0 or labels.max() >= self.nodes):
            raise ValueError(
                f"labels run from {labels.min()} to {labels.max()}: expected 0 to {self.nodes - 1}, for the head has "
                f"{self.nodes} output nodes; label k must mean output node k"
            )
        place = np.full(self.nodes, -1)
        place[list(self.numbers)] = np.arange(len(self.numbers))
        new = place[labels]
        return new >= 0, new[new >= 0]


def choose_classes(
    classes: Sequence[int | str] | None, names: Names | None, nodes: int, data: Any
) -> Classes:
    """The classes asked for, all unless given.

    Parameters
    ----------
    classes
        Numbers or names.
    names
        Of the output nodes, in order or by number; by default `data.classes` or `data.dataset.classes` where the data
        have as many, else the numbers.
    nodes
        Output nodes of the head.
    data
        What the images come from.

    Raises
    ------
    ValueError
        For names that are not as many as nodes, unknown classes, and fewer than two.
    """
    known = _names(names, nodes, data)
    chosen = range(nodes) if classes is None else [_number(c, known) for c in classes]
    numbers = tuple(dict.fromkeys(chosen))
    if len(numbers) < 2:
        raise ValueError(f"classes: got {len(numbers)}, expected at least two: in class and out of class")
    return Classes(numbers, tuple(known[k] for k in numbers), nodes)


def _names(names: Names | None, nodes: int, data: Any) -> list[str]:
    if isinstance(names, Mapping):
        return [str(names.get(k, k)) for k in range(nodes)]
    if names is None:
        found = getattr(data, "classes", getattr(getattr(data, "dataset", None), "classes", None))
        fits = isinstance(found, Sequence) and len(found) == nodes
        return [str(n) for n in (found if fits and found is not None else range(nodes))]
    if len(names) != nodes:
        raise ValueError(
            f"class_names: got {len(names)}, expected {nodes}, one per output node, or a dict by number"
        )
    return [str(n) for n in names]


def _number(given: int | str, names: list[str]) -> int:
    if isinstance(given, str):
        if given not in names:
            raise ValueError(
                f"classes: got {given!r}, expected names such as {', '.join(names[:6])}, or numbers"
            )
        return names.index(given)
    if not 0 <= given < len(names):
        raise ValueError(f"classes: got {given}, expected numbers from 0 to {len(names) - 1}, or names")
    return int(given)


def check_counts(counts: NDArray[np.integer], names: Sequence[str]) -> None:
    """Stop where a class has fewer than twelve images.

    Raises
    ------
    ValueError
        Naming the classes, and those that could be kept.
    """
    few = [f"{names[j]} has {n}" for j, n in enumerate(counts) if n < LEAST]
    if few:
        enough = [names[j] for j, n in enumerate(counts) if n >= LEAST]
        kept = f"{', '.join(enough[:8])}{', ...' if len(enough) > 8 else ''}" or "none"
        more = f" and {len(few) - 8} more" if len(few) > 8 else ""
        raise ValueError(
            f"too few images: {', '.join(few[:8])}{more}; expected at least {LEAST} per class, half for fitting and "
            f"half for judging. Give more images, or leave these classes out with classes=; with enough: {kept}"
        )


def count_warnings(counts: NDArray[np.integer], fit: NDArray[np.integer], names: Sequence[str]) -> list[str]:
    """What a reader must know about small and unequal classes."""
    notes = []
    few = np.flatnonzero(fit < FEW_IMAGES)
    if len(few):
        shown = ", ".join(f"{names[j]} ({fit[j]})" for j in few[:8])
        more = f" and {len(few) - 8} more" if len(few) > 8 else ""
        notes.append(
            f"fewer than {FEW_IMAGES} fitting images: {shown}{more}; means, variances and the divergences from them "
            "are rough there"
        )
    least, most = int(counts.argmin()), int(counts.argmax())
    if counts[most] > IMBALANCE * counts[least]:
        notes.append(
            f"imbalance: {names[most]} has {counts[most]} images and {names[least]} {counts[least]}, more than "
            f"{IMBALANCE} times fewer; out of class is weighted by these frequencies"
        )
    return notes


def announce(note: str) -> str:
    """Warn, and hand the note on to the report."""
    warnings.warn(note, UserWarning, stacklevel=4)
    return note
