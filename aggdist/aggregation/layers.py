"""The torch layers: maps (B, C, *positions) in, pooled features (B, C) out."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from aggdist.aggregation.registry import aggregation, check_power, check_sharpness


class AggregationLayer(nn.Module):
    """Base of the aggregation layers; `name` is the key in `AGGREGATIONS`."""

    name: str

    @staticmethod
    def positions(maps: Tensor) -> tuple[int, ...]:
        """The axes to reduce: all after batch and channels."""
        if maps.ndim < 3:
            raise ValueError(f"maps of shape {tuple(maps.shape)}: expected (batch, channels, *positions)")
        return tuple(range(2, maps.ndim))


class Average(AggregationLayer):
    """Z = mean over positions."""

    name = "avg"

    def forward(self, maps: Tensor) -> Tensor:
        """Pool maps (B, C, *positions) to (B, C)."""
        return maps.mean(dim=self.positions(maps))


class Maximum(AggregationLayer):
    """Z = maximum over positions; ties share the gradient."""

    name = "max"

    def forward(self, maps: Tensor) -> Tensor:
        """Pool maps (B, C, *positions) to (B, C)."""
        return maps.amax(dim=self.positions(maps))


class GeneralisedMean(AggregationLayer):
    """Z = (mean over positions of A^p)^(1/p), p >= 1 fixed or learnt.

    Z is homogeneous of degree 1, so activations are divided by their largest before the power and multiplied
    after it: nothing overflows or underflows, no small constant is added, zero maps to exactly zero, and the
    gradient there is zero. A learnt power is 1 + softplus(raw), hence always above 1.
    """

    name = "gem"

    def __init__(self, p: float = 3.0, learnable: bool = False) -> None:
        super().__init__()
        check_power(p)
        if learnable and p <= 1.0:
            raise ValueError(f"power p = {p}: a learnable power starts above 1 (3 is usual)")
        self.learnable = learnable
        self._fixed = float(p)
        if learnable:
            self.raw = nn.Parameter(torch.tensor(math.log(math.expm1(p - 1.0))))

    @property
    def p(self) -> float:
        """The power now."""
        return float(self._power().detach()) if self.learnable else self._fixed

    def _power(self) -> Tensor:
        return 1.0 + functional.softplus(self.raw)

    def forward(self, maps: Tensor) -> Tensor:
        """Pool maps (B, C, *positions) to (B, C)."""
        axes = self.positions(maps)
        largest = maps.detach().amax(dim=axes, keepdim=True)
        unit = torch.where(largest > 0, largest, torch.ones_like(largest))
        power: Tensor | float = self._power() if self.learnable else self._fixed
        inner = ((maps / unit) ** power).mean(dim=axes)
        alive = inner > 0
        # The root has an infinite gradient at 0, so it is never evaluated there: where() alone gives NaN.
        root = torch.where(alive, inner, torch.ones_like(inner)) ** (1.0 / power)
        return torch.where(alive, root, torch.zeros_like(root)) * unit.flatten(1)

    def extra_repr(self) -> str:
        """The power, for printing."""
        return f"p={self.p:g}, learnable={self.learnable}"


class LpNorm(GeneralisedMean):
    """Z = (sum over positions of A^p)^(1/p) = N^(1/p) times the generalised mean, p >= 1 fixed or learnt."""

    name = "lp"

    def forward(self, maps: Tensor) -> Tensor:
        """Pool maps (B, C, *positions) to (B, C)."""
        positions = math.prod(maps.shape[a] for a in self.positions(maps))
        power: Tensor | float = self._power() if self.learnable else self._fixed
        return super().forward(maps) * positions ** (1.0 / power)


class LogSumExp(AggregationLayer):
    """Z = (1/r) log(mean over positions of exp(r A)), sharpness r > 0."""

    name = "lse"

    def __init__(self, r: float = 1.0) -> None:
        super().__init__()
        self.r = check_sharpness(r)

    def forward(self, maps: Tensor) -> Tensor:
        """Pool maps (B, C, *positions) to (B, C)."""
        axes = self.positions(maps)
        largest = maps.detach().amax(dim=axes, keepdim=True)
        inner = torch.expm1(self.r * (maps - largest)).mean(dim=axes)
        return largest.flatten(1) + torch.log1p(inner) / self.r

    def extra_repr(self) -> str:
        """The sharpness, for printing."""
        return f"r={self.r:g}"


_WITH_POWER = {"gem": GeneralisedMean, "lp": LpNorm}


def make_layer(name: str, p: float = 3.0, learnable: bool = False, r: float = 1.0) -> AggregationLayer:
    """The layer of one aggregation; see `aggdist.aggregation.layer`."""
    entry = aggregation(name)
    if learnable and not entry.has_power:
        known = " or ".join(map(repr, _WITH_POWER))
        raise ValueError(f"aggregation {name!r} has no power to learn: use learnable=True with {known} only")
    if name in _WITH_POWER:
        return _WITH_POWER[name](p=p, learnable=learnable)
    if name == "lse":
        return LogSumExp(r=r)
    return Average() if name == "avg" else Maximum()
