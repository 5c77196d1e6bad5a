"""A network = trunk (ends in non-negative activations) + aggregation + one linear head."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aggdist.aggregation.layers import AggregationLayer, make_layer
from aggdist.networks.inputs import InputSpec
from aggdist.networks.trunks import make_trunk


class Network(nn.Module):
    """Trunk, aggregation, head: x -> maps A (B, C, *positions) -> pooled Z (B, C) -> nodes y (B, K)."""

    def __init__(self, trunk: nn.Module, aggregation: AggregationLayer, head: nn.Linear) -> None:
        super().__init__()
        self.trunk = trunk
        self.aggregation = aggregation
        self.head = head

    def maps(self, x: Tensor) -> Tensor:
        """The non-negative activations A (B, C, *positions)."""
        activations: Tensor = self.trunk(x)
        return activations

    def pooled(self, x: Tensor) -> Tensor:
        """The pooled features Z (B, C)."""
        features: Tensor = self.aggregation(self.maps(x))
        return features

    def forward(self, x: Tensor) -> Tensor:
        """The output nodes y = b + W Z (B, K)."""
        nodes: Tensor = self.head(self.pooled(x))
        return nodes


def build(
    network: str, spec: InputSpec, aggregation: str, *, seed: int, p: float = 3.0, learnable: bool = False
) -> Network:
    """A network with freshly drawn weights; the same seed gives the same weights, torch's own state is kept.

    Parameters
    ----------
    network
        A key of `NETWORKS`.
    spec
        Of the inputs, `prepare(dataset).spec`.
    aggregation
        A key of `aggdist.aggregation.AGGREGATIONS`.
    seed
        Of the weights.
    p, learnable
        Power of the generalised mean.

    Raises
    ------
    ValueError
        For an unknown network or aggregation, or inputs that the network does not take.
    """
    pooling = make_layer(aggregation, p=p, learnable=learnable)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trunk, channels = make_trunk(network, spec)
        head = nn.Linear(channels, spec.n_classes)
    model = Network(trunk, pooling, head)
    return model.to(memory_format=torch.channels_last) if spec.task != "text" else model
