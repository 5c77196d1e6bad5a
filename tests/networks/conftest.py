"""Fixtures of this room: datasets that the tests make, the digits, and short training."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from aggdist import datasets
from aggdist.networks import TrainingParameters, recipe_for


@dataclass(frozen=True)
class Made:
    """A dataset made by a test; it has what `prepare` and `trained` read."""

    name: str
    task: str
    x_train: Any
    y_train: Any
    x_test: Any
    y_test: Any
    n_classes: int
    mark: str = field(default="0" * 64)

    def digest(self) -> str:
        return self.mark


def make_images(shape=(8, 8), n=96, classes=3, name="digits", seed=0) -> Made:
    """Bright blobs at a place that depends on the class, in noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.integers(0, 60, size=(n, *shape), dtype=np.uint8)
    for j in range(classes):
        x[y == j, 2 * j : 2 * j + 3, 2:6] += 150
    return Made(name, "image", x, y.astype(np.uint8), x[: n // 2], y[: n // 2].astype(np.uint8), classes)


def make_recordings(n=12, seed=0) -> Made:
    """Tones of a pitch that depends on the class, shorter and longer than a second."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 2).astype(np.uint8)
    lengths = rng.integers(2000, 11000, size=n)
    parts = [
        8000 * np.sin(2 * np.pi * (500 + 1500 * int(j)) * np.arange(k) / 8000)
        for j, k in zip(y, lengths, strict=True)
    ]
    x = (np.concatenate(parts).astype(np.int16), lengths.astype(np.int32))
    return Made("fsdd", "audio", x, y, x, y, 2)


def make_sentences(n=40) -> Made:
    """Sentences whose third word decides the class."""
    y = (np.arange(n) % 2).astype(np.uint8)
    x = np.array([f"it is {'good' if j else 'bad'} number{i % 5} ." for i, j in enumerate(y)])
    return Made("mr", "text", x, y, x, y, 2)


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The makers by task; importlib mode lets no test module import this one."""
    return SimpleNamespace(images=make_images, recordings=make_recordings, sentences=make_sentences)


@pytest.fixture
def images() -> Made:
    return make_images()


@pytest.fixture(scope="session")
def digits():
    return datasets.load("digits")


@pytest.fixture
def quick() -> TrainingParameters:
    return TrainingParameters(epochs=2, batch_size=16, learning_rate=5e-3, shift=(1, 1), flip=True, threads=1)


@pytest.fixture
def quick_recipe():
    return recipe_for("digits", "avg", seed=3, epochs=2, batch_size=16, threads=1)
