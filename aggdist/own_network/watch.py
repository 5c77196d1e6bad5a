"""What a forward pass makes on its way: the tensors that could be the maps before the aggregation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from aggdist.capture.tap import evaluating
from aggdist.own_network.batches import Inputs, call

THE_INPUT = "the input"


@dataclass(frozen=True)
class LinearCall:
    """One use of a linear layer: its name, the layer, what it read."""

    name: str
    layer: nn.Linear
    read: Tensor


@dataclass(frozen=True)
class Seen:
    """A tensor (B, C, *positions) of the pass, with the channels moved to the second axis.

    `module` says whether a module gave it (then `name` is that module's) or an operation inside of `name`.
    """

    maps: Tensor
    name: str
    module: bool

    @property
    def positions(self) -> int:
        """N, positions of one map."""
        return int(self.maps[0, 0].numel())

    def __str__(self) -> str:
        where = f"the output of {self.name!r}" if self.module else f"a tensor made inside of {self.name!r}"
        return f"{THE_INPUT if self.name == THE_INPUT else where} {tuple(self.maps.shape)}"


@dataclass(frozen=True)
class PoolingCall:
    """A module that turned maps of C channels into C numbers."""

    name: str
    module: nn.Module
    maps: Tensor


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch gives it no types
    """Keeps, in the order of the pass, every tensor that has the wanted number of channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.channels = channels
        self.seen: list[Seen] = []
        self.pooling: list[PoolingCall] = []
        self._inside: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            self.note(value, self._inside[-1] if self._inside else "the model", module=False)
        return result

    def note(self, value: Any, name: str, *, module: bool) -> None:
        """Keep a tensor if its channels, on the second or the last axis, are as many as wanted."""
        if not isinstance(value, Tensor) or value.ndim < 3 or not value.is_floating_point():
            return
        if value.shape[1] == self.channels:
            self.seen.append(Seen(value, name, module))
        if value.shape[-1] == self.channels:
            self.seen.append(Seen(value.movedim(-1, 1), name, module))

    def enter(self, name: str) -> Any:
        """A forward hook for the start of a module."""

        def hook(_module: nn.Module, _inputs: Any) -> None:
            self._inside.append(name)

        return hook

    def leave(self, name: str) -> Any:
        """A forward hook for the end of a module."""

        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            self._inside.pop()
            self.note(output, name, module=True)
            if inputs and _pools(inputs[0], output, self.channels):
                self.pooling.append(PoolingCall(name, module, inputs[0]))

        return hook


def _pools(maps: Any, output: Any, channels: int) -> bool:
    if not (isinstance(maps, Tensor) and isinstance(output, Tensor)) or maps.ndim < 3:
        return False
    return maps.shape[1] == channels and output.numel() == maps.shape[0] * channels < maps.numel()


@contextmanager
def _hooks(handles: list[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def watch(model: nn.Module, inputs: Inputs, channels: int) -> Watch:
    """One forward pass in evaluation mode; modes and hooks are as before afterwards."""
    seer = Watch(channels)
    handles: list[Any] = []
    for name, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(seer.enter(name or "the model")))
        handles.append(module.register_forward_hook(seer.leave(name or "the model")))
    for value in tree_leaves(inputs):
        seer.note(value, THE_INPUT, module=True)
    with _hooks(handles), evaluating(model), seer:
        call(model, inputs)
    return seer


def linear_calls(model: nn.Module, inputs: Inputs) -> tuple[list[LinearCall], Any]:
    """The linear layers in the order of the pass, and what the model gives."""
    calls: list[LinearCall] = []

    def reader(name: str) -> Any:
        def hook(layer: nn.Linear, read: tuple[Any, ...], _output: Any) -> None:
            calls.append(LinearCall(name, layer, read[0]))

        return hook

    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    handles = [module.register_forward_hook(reader(name or "the model")) for name, module in layers]
    with _hooks(handles), evaluating(model):
        output = call(model, inputs)
    return calls, output
