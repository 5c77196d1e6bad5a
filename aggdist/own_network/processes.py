"""One capture from the parts that several processes made."""

from __future__ import annotations

from functools import reduce

from aggdist.own_network.one_pass import FeatureCapture


def gather(part: FeatureCapture) -> FeatureCapture:
    """The captures of all processes as one, in the order of their ranks; every process gets it.

    Each process passes what it captured from its own part of the images, `Subset(data, range(rank, n, world))`
    say. (A DistributedSampler repeats images to fill up the last batches; these would count twice.)

    Raises
    ------
    RuntimeError
        If torch.distributed has not been started.
    ValueError
        If the processes have other networks or classes.
    """
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        raise RuntimeError(
            "gather: torch.distributed is not started, expected processes of torchrun that have called "
            "torch.distributed.init_process_group('gloo')"
        )
    parts: list[FeatureCapture | None] = [None] * distributed.get_world_size()
    distributed.all_gather_object(parts, part)
    return reduce(FeatureCapture.merged, [p for p in parts if p is not None])
