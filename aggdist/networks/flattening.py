"""The head that aggregation is compared with: all positions of all channels, one after the other, into a linear layer.

It is no aggregation: features depend on places, and there are N C of them instead of C. A module of its own, so that
it enters the keys of flattening networks only.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aggdist.aggregation.layers import AggregationLayer
from aggdist.networks.inputs import InputSpec
from aggdist.networks.network import Network
from aggdist.networks.trunks import make_trunk

FLATTEN = "flatten"
"""Its name, where others are called "avg", "max" or "gem"."""


class Flattening(AggregationLayer):
    """Z = all activations: maps (B, C, *positions) in, features (B, C N) out, the positions of a channel together."""

    name = FLATTEN

    def forward(self, maps: Tensor) -> Tensor:
        """Flatten maps (B, C, *positions) to (B, C N)."""
        self.positions(maps)  # raises where there are none
        return maps.flatten(1)


def build_flattening(network: str, spec: InputSpec, *, seed: int) -> Network:
    """A network whose head sees every position, with freshly drawn weights.

    The trunk is that of `build` with the same seed; torch's own random state is kept.

    Parameters
    ----------
    network
        A key of `NETWORKS`.
    spec
        Of the inputs, `prepare(dataset).spec`.
    seed
        Of the weights.

    Raises
    ------
    ValueError
        For an unknown network, or inputs that it does not take.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trunk, channels = make_trunk(network, spec)
        head = nn.Linear(channels * map_positions(trunk, spec), spec.n_classes)
    model = Network(trunk, Flattening(), head)
    return model.to(memory_format=torch.channels_last) if spec.task != "text" else model


def map_positions(trunk: nn.Module, spec: InputSpec) -> int:
    """N, the number of positions of the trunk's maps of such inputs."""
    kind = torch.int64 if spec.task == "text" else torch.float32
    was_training = trunk.training
    trunk.eval()
    try:
        with torch.inference_mode():
            maps: Tensor = trunk(torch.zeros((1, *spec.shape), dtype=kind))
    finally:
        trunk.train(was_training)
    return maps[0, 0].numel()
