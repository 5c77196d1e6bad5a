"""Small networks and made images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn


class Bare(nn.Module):
    """Maps given as input, an aggregation, a head: what happens in it is known exactly."""

    def __init__(self, channels=4, classes=3, pool=None, seed=0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.trunk = nn.Identity()
            self.pool = pool or nn.AdaptiveAvgPool2d(1)
            self.drop = nn.Dropout(0.5)
            self.fc = nn.Linear(channels, classes)

    def forward(self, maps):
        return self.fc(self.drop(self.pool(self.trunk(maps)).flatten(1)))


def made_maps(per_class=30, channels=4, classes=3, signed=False, seed=0):
    """Maps (n, C, 3, 3) whose scale depends on the label, and labels."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), per_class)
    scale = rng.uniform(0.5, 2.0, (classes, channels))[labels]
    maps = rng.gamma(0.7, 1.0, (len(labels), channels, 3, 3)) * scale[..., None, None]
    order = rng.permutation(len(labels))
    return (maps - 0.5 * signed).astype(np.float32)[order], labels[order]


@pytest.fixture
def bare():
    return Bare()


@pytest.fixture
def data():
    return made_maps()


@pytest.fixture(scope="session")
def make_bare():
    return Bare


@pytest.fixture(scope="session")
def make_maps():
    return made_maps
