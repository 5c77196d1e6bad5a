"""Fixtures of this room: a small network with batch normalisation, and images with labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aggdist.networks import InputSpec, build


def _network(aggregation="avg", name="digitcnn"):
    spec = InputSpec("image", (1, 8, 8), 3, (120.0,), (70.0,))
    network = build(name, spec, aggregation, seed=2)
    network(torch.from_numpy(_images()[0]))  # running means of batch normalisation
    return network.eval()


def _images(n=50):
    rng = np.random.default_rng(4)
    return rng.integers(0, 255, size=(n, 1, 8, 8), dtype=np.uint8), np.arange(n) % 3


@pytest.fixture
def make_network():
    return _network


@pytest.fixture
def network():
    return _network()


@pytest.fixture
def images():
    return _images()
