"""Find the path maps -> aggregation -> linear layer in any network, and verify it with numbers.

Nothing is read from the source of the network. One forward pass is watched; a tensor of the pass is the map if its
aggregation over the positions *is* what the linear layer reads, to a relative 1e-5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aggdist.own_network.batches import Inputs
from aggdist.own_network.diagnosis import PathError, listed, why_no_head, why_no_maps
from aggdist.own_network.watch import LinearCall, PoolingCall, Seen, Watch, linear_calls, watch

TOLERANCE = 1e-5
Pool = Callable[[Tensor], Tensor]


def _average(maps: Tensor) -> Tensor:
    return maps.flatten(2).mean(dim=2)


def _maximum(maps: Tensor) -> Tensor:
    return maps.flatten(2).amax(dim=2)


PLAIN: dict[str, Pool] = {"avg": _average, "max": _maximum}


@dataclass(frozen=True)
class HeadPath:
    """Where a network aggregates, and the linear layer behind it.

    Attributes
    ----------
    head, head_name
        The linear layer and its name in the model.
    maps_name
        The module that gives the maps, or where they are made.
    aggregation
        `avg`, `max`, or name and class of the module that aggregates.
    positions
        N, positions of one map in the images looked at.
    error, tolerance
        Largest difference between the aggregated maps and what the linear layer reads, relative to the largest
        value read, and what was allowed.
    negative, active
        Shares of the activations below and above 0 in the images looked at.
    """

    head: nn.Linear
    head_name: str
    maps_name: str
    aggregation: str
    positions: int
    error: float
    tolerance: float
    negative: float
    active: float

    def weights(self) -> NDArray[np.float64]:
        """W (K, C) in double precision."""
        return np.asarray(self.head.weight.detach().double().cpu().numpy())

    def bias(self) -> NDArray[np.float64]:
        """b (K,) in double precision; zeros for a layer without."""
        bias: Tensor | None = self.head.bias  # torch's types know no layer without
        if bias is None:
            return np.zeros(self.head.out_features)
        return np.asarray(bias.detach().double().cpu().numpy())

    def about(self) -> dict[str, Any]:
        """Plain values for a report."""
        return {
            "head": self.head_name,
            "maps": self.maps_name,
            "aggregation": self.aggregation,
            "channels": self.head.in_features,
            "positions": self.positions,
            "error": self.error,
            "tolerance": self.tolerance,
            "negative": self.negative,
            "active": self.active,
        }


def find_path(
    model: nn.Module,
    inputs: Inputs,
    *,
    maps: str | None = None,
    head: str | None = None,
    aggregation: str | Pool | None = None,
) -> HeadPath:
    """The path maps -> aggregation -> linear layer, found by itself or by name, verified on `inputs`.

    Parameters
    ----------
    model
        Any torch module that ends in a linear layer; its weights, modes and hooks are left as they were.
    inputs
        A few images as the model reads them: a tensor, a tuple (positional) or a dict (by name).
    maps
        Name of the module that gives the maps; by default all tensors of the pass are tried.
    head
        Name of the linear layer; by default the last that the pass calls.
    aggregation
        `avg`, `max`, the name of a module, or a function from maps (B, C, *positions) to (B, C); by default
        average, maximum and any module that turns maps into one number per channel are tried.

    Raises
    ------
    PathError
        A ValueError: no such module, no linear layer at the end, a hidden layer between aggregation and head,
        one output node only, or no tensor whose aggregation is what the head reads.
    """
    calls, output = linear_calls(model, inputs)
    chosen = _head(model, calls, output, head)
    seer = watch(model, inputs, chosen.layer.in_features)
    candidates = _candidates(model, seer, maps)
    match = _match(seer, candidates, chosen.read, _pools(model, aggregation))
    if match is None:
        raise PathError(why_no_maps(model, inputs, calls, chosen, candidates, TOLERANCE))
    seen, name, error = match
    return HeadPath(
        chosen.layer, chosen.name, seen.name, name, seen.positions, error, tolerance_for(chosen.read),
        float((seen.maps < 0).double().mean()), float((seen.maps > 0).double().mean()),
    )  # fmt: skip


def tolerance_for(read: Tensor) -> float:
    """1e-5; in half precision four units in the last place, for pooled features are rounded to it."""
    return max(TOLERANCE, 4 * torch.finfo(read.dtype).eps) if read.element_size() < 4 else TOLERANCE


def relative_difference(pooled: Tensor, read: Tensor) -> float:
    """Largest difference over the largest value read; infinite for other shapes."""
    if pooled.numel() != read.numel():
        return float("inf")
    target = read.double()
    return float((pooled.double().reshape(target.shape) - target).abs().max() / target.abs().max())


def _head(model: nn.Module, calls: list[LinearCall], output: Any, name: str | None) -> LinearCall:
    found = [c for c in calls if name in (None, c.name)]
    if not found:
        raise PathError(why_no_head(model, calls, name))
    chosen = found[-1]
    nodes = chosen.layer.out_features
    if nodes == 1:
        raise PathError(
            f"the last linear layer {chosen.name!r} has one output node: a regression or a single logit. Expected one"
            " output node per class; train a head with two nodes (cross-entropy), or pass head= for another layer"
        )
    if name is None and isinstance(output, Tensor) and output.shape[1:] != (nodes,):
        raise PathError(
            f"the model gives {tuple(output.shape)} but its last linear layer {chosen.name!r} gives {nodes} nodes: "
            "expected a network that ends in a linear layer; pass head= if another layer gives the output nodes, or "
            "replace what ends the network (a convolution, say) by nn.Linear"
        )
    if chosen.read.ndim != 2:
        raise PathError(
            f"the linear layer {chosen.name!r} reads {tuple(chosen.read.shape)}: expected (images, channels), that is "
            "one vector per image after the aggregation; aggregate before the linear layer, not after it"
        )
    if not torch.isfinite(chosen.read).all() or not chosen.read.any():
        raise PathError(
            f"what the linear layer {chosen.name!r} reads is all zero, NaN or infinite on the images looked at: "
            "expected features; check the network's weights and how its inputs are scaled"
        )
    return chosen


def _candidates(model: nn.Module, seer: Watch, maps: str | None) -> list[Seen]:
    if maps is None:
        return seer.seen
    if maps not in dict(model.named_modules()):
        raise PathError(f"maps={maps!r}: the model has no module of that name; it has {listed(model)}")
    chosen = [seen for seen in seer.seen if seen.module and seen.name == maps]
    if not chosen:
        raise PathError(
            f"maps={maps!r}: that module gives no maps of {seer.channels} channels, as many as the linear layer "
            f"reads; modules that do: {', '.join(sorted({s.name for s in seer.seen if s.module})) or 'none'}"
        )
    return chosen


def _pools(model: nn.Module, aggregation: str | Pool | None) -> dict[str, Pool] | None:
    """The aggregations to try by name; None for all, modules too."""
    if aggregation is None:
        return None
    if not isinstance(aggregation, str):
        return {getattr(aggregation, "__name__", type(aggregation).__name__): aggregation}
    if aggregation in PLAIN:
        return {aggregation: PLAIN[aggregation]}
    modules = dict(model.named_modules())
    if aggregation not in modules:
        raise PathError(
            f"aggregation={aggregation!r}: expected avg, max, a function, or the name of a module; the model has"
            f" {listed(model)}"
        )
    return {_title(aggregation, modules[aggregation]): modules[aggregation]}


def _title(name: str, module: nn.Module) -> str:
    return f"{type(module).__name__} {name!r}"


def _match(
    seer: Watch, candidates: list[Seen], read: Tensor, pools: dict[str, Pool] | None
) -> tuple[Seen, str, float] | None:
    # A map of one position equals its aggregation, whatever that is: it proves nothing.
    maps = [seen for seen in candidates if seen.positions > 1 and len(seen.maps) == len(read)]
    for name, pool in (PLAIN if pools is None else pools).items():
        errors = [(seen, relative_difference(_pooled(pool, seen.maps), read)) for seen in maps]
        hits = [(seen, name, error) for seen, error in errors if error <= tolerance_for(read)]
        if hits:
            return _last(hits)
    return _by_module(seer, maps, read) if pools is None else None


def _last(hits: list[tuple[Seen, str, float]]) -> tuple[Seen, str, float]:
    """The last match of the pass, by the name of a module if one gave that very tensor.

    What changes a tensor in place comes after what made it, and a ReLU after maps whose maximum it keeps.
    """
    same = [hit for hit in hits if hit[0].maps.data_ptr() == hits[-1][0].maps.data_ptr()]
    return ([hit for hit in same if hit[0].module] or same)[-1]


@torch.inference_mode()
def _pooled(pool: Pool, maps: Tensor) -> Tensor:
    # Plain aggregations are computed in double precision; a module computes as it was trained.
    return pool(maps.double() if pool in PLAIN.values() else maps)


def _by_module(seer: Watch, maps: list[Seen], read: Tensor) -> tuple[Seen, str, float] | None:
    """A module that aggregates in its own way (a generalised mean, say), innermost first."""
    for call in seer.pooling:
        error = relative_difference(_pooled(call.module, call.maps), read)
        if error <= tolerance_for(read) and _aggregates(call):
            same = [s for s in maps if s.maps.data_ptr() == call.maps.data_ptr() and s.module]
            seen = same[-1] if same else Seen(call.maps, call.name, False)
            return seen, _title(call.name, call.module), error
    return None


@torch.inference_mode()
def _aggregates(call: PoolingCall) -> bool:
    """Whether a module is blind to the order of positions and keeps channels apart."""
    maps, pooled = call.maps, call.module(call.maps).flatten(1)
    turned = maps.flatten(2).flip(2).roll(1, dims=2).reshape(maps.shape)
    other = torch.cat([maps[:, :1], torch.ones_like(maps[:, 1:])], dim=1)
    enough = tolerance_for(pooled)
    return (
        relative_difference(call.module(turned), pooled) <= enough
        and relative_difference(call.module(other).flatten(1)[:, :1], pooled[:, :1]) <= enough
    )
