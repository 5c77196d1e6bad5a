"""Looking into a network's forward pass without changing it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Tap:
    """What the aggregation layer read and gave in the last forward pass, detached."""

    maps: Tensor | None = None
    pooled: Tensor | None = None

    def hook(self, _layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        """A forward hook."""
        self.maps, self.pooled = inputs[0].detach(), output.detach()

    def take(self) -> tuple[Tensor, Tensor]:
        """Maps (B, C, *positions) and pooled features (B, C); the tap lets go of them.

        Raises
        ------
        RuntimeError
            If the forward pass did not go through the layer.
        ValueError
            If the shapes are not those of an aggregation.
        """
        maps, pooled = self.maps, self.pooled
        self.maps = self.pooled = None
        if maps is None or pooled is None:
            raise RuntimeError(
                "the forward pass did not call network.aggregation: expected a network that aggregates there"
            )
        if maps.ndim < 3 or pooled.shape != maps.shape[:2]:
            raise ValueError(
                f"the aggregation turned maps of shape {tuple(maps.shape)} into {tuple(pooled.shape)}:"
                " expected (images, channels, *positions) into (images, channels)"
            )
        return maps, pooled


@contextmanager
def tapped(layer: nn.Module) -> Iterator[Tap]:
    """A tap on a layer; its hook is gone when the block ends, however it ends."""
    tap = Tap()
    handle = layer.register_forward_hook(tap.hook)
    try:
        yield tap
    finally:
        handle.remove()


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients inside the block; each module's own mode comes back after it."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


class _Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch gives it no types
    """Adds up the bytes of every tensor that any operation returns, views included."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.bytes += sum(t.numel() * t.element_size() for t in tree_leaves(result) if isinstance(t, Tensor))
        return result


def activation_bytes(network: nn.Module, image: Tensor) -> int:
    """Bytes of all intermediate results of one image (1, ...): an upper bound on what a pass must hold."""
    meter = _Meter()
    with evaluating(network), meter:
        network(image)
    return meter.bytes
