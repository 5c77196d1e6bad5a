"""The one table of training defaults: network and training parameters per dataset.

Everything here enters a checkpoint's key by value, so a change touches only the datasets it concerns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType


@dataclass(frozen=True)
class TrainingParameters:
    """What training does besides the network and the data.

    Attributes
    ----------
    epochs, batch_size
        Passes over the training set, and images per step; the last, smaller batch of a pass is dropped.
    learning_rate, weight_decay, warm_up
        AdamW's peak learning rate under a one-cycle schedule, its decoupled decay, and the fraction of the
        steps in which the rate rises.
    shift
        Largest random shift (rows, columns) of an image or spectrogram, in pixels; edges are repeated.
    flip
        Mirror half of the images left to right.
    word_dropout
        Chance that a word of a training sentence is replaced by the unknown word.
    threads
        CPU threads of torch. Sums are ordered by thread, so this determines the weights' last bits.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 5e-4
    warm_up: float = 0.3
    shift: tuple[int, int] = (0, 0)
    flip: bool = False
    word_dropout: float = 0.0
    threads: int = 2

    def __post_init__(self) -> None:
        checks = {
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch_size": (self.batch_size >= 2, "at least 2 (batch normalisation needs two)"),
            "learning_rate": (self.learning_rate > 0.0, "positive"),
            "weight_decay": (self.weight_decay >= 0.0, ">= 0"),
            "warm_up": (0.0 < self.warm_up < 1.0, "between 0 and 1"),
            "shift": (min(self.shift) >= 0, "two numbers >= 0"),
            "word_dropout": (0.0 <= self.word_dropout < 1.0, "in [0, 1)"),
            "threads": (self.threads >= 1, "at least 1"),
        }
        for name, (good, expected) in checks.items():
            if not good:
                raise ValueError(f"training parameter {name} = {getattr(self, name)}: expected {expected}")

    def changed(self, **values: object) -> TrainingParameters:
        """A copy with some values replaced.

        Raises
        ------
        ValueError
            For a name that is no training parameter.
        """
        known = {field.name for field in fields(self)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(
                f"unknown training parameters {', '.join(unknown)}: expected some of"
                f" {', '.join(sorted(known))}"
            )
        return replace(self, **values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Default:
    """The default network of a dataset and how it is trained."""

    network: str
    training: TrainingParameters


DEFAULTS: Mapping[str, Default] = MappingProxyType(
    {
        # Small batches of small images: a second thread costs more than it brings.
        "digits": Default("digitcnn", TrainingParameters(15, 64, 5e-3, shift=(1, 1), threads=1)),
        "mnist": Default("greycnn", TrainingParameters(2, 128, 5e-3, shift=(2, 2))),
        "fashionmnist": Default("greycnn", TrainingParameters(4, 128, 5e-3, flip=True)),
        "cifar10": Default("colourcnn", TrainingParameters(6, 128, 5e-3, shift=(4, 4), flip=True)),
        "fsdd": Default("melcnn", TrainingParameters(10, 64, 5e-3, shift=(2, 8))),
        "mr": Default("textcnn", TrainingParameters(8, 64, 2e-3, weight_decay=1e-2, word_dropout=0.2)),
    }
)


def default(dataset: str) -> Default:
    """The defaults of one dataset.

    Raises
    ------
    ValueError
        For a dataset that has none.
    """
    if dataset not in DEFAULTS:
        raise ValueError(
            f"no training defaults for dataset {dataset!r}: expected one of {', '.join(DEFAULTS)}"
        )
    return DEFAULTS[dataset]
