"""Why no path maps -> aggregation -> linear layer was found, in words that say what to do."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aggdist.own_network.batches import Inputs
from aggdist.own_network.watch import LinearCall, Seen, watch


class PathError(ValueError):
    """The network has no path maps -> aggregation -> linear layer that could be verified."""


def listed(model: nn.Module, most: int = 12) -> str:
    """Names of the last modules of a model."""
    names = [name for name, _ in model.named_modules() if name]
    return ("..., " if len(names) > most else "") + ", ".join(names[-most:])


def why_no_head(model: nn.Module, calls: list[LinearCall], name: str | None) -> str:
    """For a model that calls no linear layer, or not the one that was named."""
    if name is not None:
        known = ", ".join(dict.fromkeys(c.name for c in calls)) or "none"
        return f"head={name!r}: the model calls no linear layer of that name; it calls {known}"
    return (
        f"{type(model).__name__} calls no nn.Linear: expected maps, aggregation and then one linear layer; its last "
        f"modules are {listed(model, 6)}. A convolution of size 1 behind the aggregation is a linear layer: replace it "
        "by nn.Linear with the same weights"
    )


def why_no_maps(
    model: nn.Module,
    inputs: Inputs,
    calls: list[LinearCall],
    chosen: LinearCall,
    candidates: list[Seen],
    tolerance: float,
) -> str:
    """For a head whose input is no aggregation of anything that was seen."""
    before = calls[: next(i for i, c in enumerate(calls) if c is chosen)]
    for earlier in reversed(before):
        if earlier.read.ndim == 2 and _averages(model, inputs, earlier):
            return (
                f"a hidden layer: the aggregated maps are read by {earlier.name!r} "
                f"({earlier.layer.in_features} to {earlier.layer.out_features}), and what that gives is read by the "
                f"last linear layer {chosen.name!r}. Expected one linear layer behind the aggregation; replace the "
                "head by one nn.Linear and train it"
            )
    single = [s for s in candidates if _is_average(s.maps, chosen.read)]
    if single and all(s.positions == 1 for s in candidates):
        return (
            f"what {chosen.name!r} reads is {single[0]}, which has one position only: there is nothing to aggregate. "
            "Give larger images if the maps shrink to one position; if a layer stands between aggregation and "
            f"{chosen.name!r}, replace the head by one nn.Linear and train it"
        )
    start = (
        f"no tensor of the pass has an average or maximum over its positions that is what {chosen.name!r} reads "
        f"({chosen.layer.in_features} channels) to a relative {tolerance:g}, nor does a module aggregate to it"
    )
    return f"{start}; {_nearest(candidates, chosen.read)}. {_ADVICE}"


_ADVICE = (
    "A layer between aggregation and head (a normalisation, say) must be taken into the head; otherwise name the "
    "parts: maps= (module that gives the maps), head= (linear layer), aggregation= (avg, max, module or function)"
)


def _averages(model: nn.Module, inputs: Inputs, call: LinearCall) -> bool:
    seen = watch(model, inputs, call.layer.in_features).seen
    return any(s.positions > 1 and _is_average(s.maps, call.read) for s in seen)


def _is_average(maps: Tensor, read: Tensor) -> bool:
    return _distance(maps, read) <= 1e-4


def _distance(maps: Tensor, read: Tensor) -> float:
    if len(maps) != len(read):
        return float("inf")
    average, target = maps.double().flatten(2).mean(dim=2), read.double()
    return float(
        (average - target).abs().max() / target.abs().max().clamp_min(torch.finfo(target.dtype).tiny)
    )


def _nearest(candidates: list[Seen], read: Tensor) -> str:
    ranked = [(_distance(s.maps, read), s) for s in reversed(candidates) if s.positions > 1]
    distance, nearest = min(ranked, key=lambda pair: pair[0], default=(float("inf"), None))
    if distance == float("inf"):
        return f"it holds no maps of {read.shape[1]} channels at all"
    return f"nearest is the average of {nearest}, off by {distance:.2g}"
