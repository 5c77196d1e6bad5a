"""The trunks: from model inputs to maps of non-negative activations.

A `width` factor scales the channels, so that the half-width networks are the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor, nn

from aggdist.networks.inputs import InputSpec
from aggdist.networks.sentences import PADDING


class Standardise(nn.Module):
    """Inputs of any type (B, C, H, W) -> float32, (x - mean)/std per channel, channels last in memory."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise one batch."""
        values = (x.to(self.mean.dtype) - self.mean) / self.std
        return values.contiguous(memory_format=torch.channels_last)


class SentenceTrunk(nn.Module):
    """Word embedding, dropout, one convolution along the sentence, ReLU; 0 past the end of the sentence.

    A sentence is a signal of a fixed number N of positions, and a position past its end is inactive: A = 0.
    So no padding enters a sum or a maximum, every aggregation stays the plain one over N positions (the
    average is a sum over the words divided by the constant N), and a channel's q = P(A > 0) counts positions
    past the end among the inactive ones. Pooled features thus depend on the sentence's length, as a sum does.
    """

    def __init__(self, vocabulary: int, embedding: int, channels: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding, padding_idx=PADDING)
        nn.init.normal_(self.embedding.weight, std=0.1)
        with torch.no_grad():
            self.embedding.weight[PADDING] = 0.0
        self.dropout = nn.Dropout(dropout)
        self.convolution = nn.Conv1d(embedding, channels, kernel_size=3, padding=1)

    def forward(self, words: Tensor) -> Tensor:
        """Word numbers (B, N) -> maps (B, C, N)."""
        embedded = self.dropout(self.embedding(words.long())).transpose(1, 2)
        maps = torch.relu(self.convolution(embedded))
        return maps * (words != PADDING).unsqueeze(1)


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    """3 by 3 convolution that keeps the size, batch normalisation, ReLU."""
    return [
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]


def _convolutions(spec: InputSpec, width: float, plan: tuple[int | str, ...]) -> tuple[nn.Module, int]:
    """A stack from a plan: a number is a block with so many channels at width 1, "pool" halves the size."""
    layers: list[nn.Module] = [Standardise(spec.mean, spec.std)]
    channels = spec.shape[0]
    for item in plan:
        if isinstance(item, str):
            layers.append(nn.MaxPool2d(2))
        else:
            outputs = max(1, round(item * width))
            layers += _block(channels, outputs)
            channels = outputs
    return nn.Sequential(*layers), channels


def _sentences(spec: InputSpec, width: float) -> tuple[nn.Module, int]:
    channels = max(1, round(128 * width))
    return SentenceTrunk(spec.vocabulary, 128, channels), channels


@dataclass(frozen=True)
class Trunk:
    """One kind of trunk.

    Attributes
    ----------
    task
        The task of the datasets that it takes.
    make
        (spec) -> the module and its number of channels.
    input_channels
        1 for grey images and spectrograms, 3 for colour; 0 for sentences.
    """

    task: str
    input_channels: int
    make: Callable[[InputSpec], tuple[nn.Module, int]]


def _plan(width: float, *plan: int | str) -> Callable[[InputSpec], tuple[nn.Module, int]]:
    return partial(_convolutions, width=width, plan=plan)


_GREY = (32, "pool", 64, 64, "pool", 128, 128)  # 28 x 28 -> 7 x 7
_COLOUR = (32, "pool", 64, 64, "pool", 128, 128)  # 32 x 32 -> 8 x 8

NETWORKS: Mapping[str, Trunk] = MappingProxyType(
    {
        "digitcnn": Trunk("image", 1, _plan(1.0, 16, 32, "pool", 32)),  # 8 x 8 -> 4 x 4
        "greycnn": Trunk("image", 1, _plan(1.0, *_GREY)),
        "greycnnhalf": Trunk("image", 1, _plan(0.5, *_GREY)),
        "colourcnn": Trunk("image", 3, _plan(1.0, *_COLOUR)),
        "colourcnnhalf": Trunk("image", 3, _plan(0.5, *_COLOUR)),
        "melcnn": Trunk("audio", 1, _plan(1.0, 16, "pool", 32, "pool", 64, "pool", 64)),  # 32 x 62 -> 4 x 7
        "textcnn": Trunk("text", 0, partial(_sentences, width=1.0)),
    }
)


def make_trunk(name: str, spec: InputSpec) -> tuple[nn.Module, int]:
    """The trunk of a network for these inputs, and its number of channels.

    Raises
    ------
    ValueError
        For an unknown name, or inputs that the trunk does not take.
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}: expected one of {', '.join(NETWORKS)}")
    trunk = NETWORKS[name]
    channels = spec.shape[0] if len(spec.shape) == 3 else 0
    if (trunk.task, trunk.input_channels) != (spec.task, channels):
        raise ValueError(
            f"network {name!r} takes {trunk.task} inputs with {trunk.input_channels} channels, got"
            f" {spec.task} inputs of shape {spec.shape}: choose another of {', '.join(NETWORKS)}"
        )
    return trunk.make(spec)
