"""The accumulator for any network: features of either sign, and three ways to keep their covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from aggdist.capture.moments import (
    Floats,
    checked_labels,
    class_means,
    merged_third,
    one_hot,
    require_images,
    weights,
)
from aggdist.capture.statistics import PooledStatistics

Kind = Literal["full", "head", "pooled"]
_BLOCK = 4096  # rows at a time: each update visits every class's covariance, however few its rows


@dataclass
class HeadStatistics(PooledStatistics):
    """`PooledStatistics` that takes negative features and may keep less than all covariances.

    Sums of logarithms and counts of positives are over the features > 0; gamma models need all of them >= 0.

    Attributes
    ----------
    comoment
        `full`: one (C, C) per class. `head`: one (K, K) per class, of W Z, which is all that the K output nodes
        read. `pooled`: one (1, C, C), within classes, summed over them.
    squares
        sum (Z - mean)^2 (J, C).
    projection
        W (K, C) for `head`, else (0, C).
    """

    squares: Floats
    projection: Floats

    @classmethod
    def blank(cls, n_classes: int, head: Floats, kind: Kind) -> Self:
        """An accumulator that has seen nothing, for a head W (K, C)."""
        nodes, channels = head.shape
        shape = (n_classes, channels)
        size = {"full": (n_classes, channels), "head": (n_classes, nodes), "pooled": (1, channels)}[kind]
        return cls(
            np.zeros(n_classes), np.zeros(shape), np.zeros(shape), np.zeros((*size, size[1])), np.zeros(shape),
            np.zeros(shape), np.zeros(shape), head if kind == "head" else np.zeros((0, channels)),
        )  # fmt: skip

    @classmethod
    def of_features(
        cls, features: ArrayLike, labels: ArrayLike, n_classes: int, head: Floats, kind: Kind
    ) -> Self:
        """The statistics of features (n, C) with labels (n,), read block by block."""
        result, values, given = cls.blank(n_classes, head, kind), np.asarray(features), np.asarray(labels)
        for start in range(0, len(values), _BLOCK):
            result.update(values[start : start + _BLOCK], given[start : start + _BLOCK])
        return result

    @property
    def kind(self) -> Kind:
        """How the covariance is kept."""
        if len(self.projection):
            return "head"
        return "full" if len(self.comoment) == len(self.count) else "pooled"

    def update(self, pooled: ArrayLike, labels: ArrayLike) -> None:
        """Add a batch of features (n, C) of any sign with labels (n,).

        Raises
        ------
        ValueError
            For NaN, wrong shapes, no images, or labels outside 0..J-1.
        """
        values = _finite(pooled, self.mean.shape[1])
        given = checked_labels(labels, len(values), len(self.count))
        member = one_hot(given, len(self.count))
        count = member.sum(axis=1)
        mean = class_means(member @ values, count)
        deviations = values - mean[given]
        squares = deviations * deviations
        self._fold_scalars(count, mean, member @ squares, member @ (squares * deviations))
        for j in np.flatnonzero(count):  # one product per class: a (n, C, C) array would not fit
            own = self._read(deviations[given == j])
            self.comoment[self._place(int(j))] += own.T @ own
        self.positives += member @ (values > 0.0)
        self.log_sum += member @ np.log(np.where(values > 0.0, values, 1.0))

    def merge(self, other: PooledStatistics) -> None:
        """Add another accumulator's images.

        Raises
        ------
        TypeError, ValueError
            When the other is of another kind, shape or head.
        """
        self.check_mergeable(other)
        assert isinstance(other, HeadStatistics)
        if not np.array_equal(self.projection, other.projection):
            raise ValueError("cannot merge statistics of two heads: expected the same weights in both parts")
        super().merge(other)

    def _read(self, deviations: Floats) -> Floats:
        return deviations @ self.projection.T if len(self.projection) else deviations

    def _place(self, label: int) -> int:
        return label if len(self.comoment) > 1 else 0

    def _fold_scalars(self, count: Floats, mean: Floats, second: Floats, third: Floats) -> None:
        delta = mean - self.mean
        counts = (self.count[:, None], count[:, None])
        share, product = weights(*counts)
        self.third[:] = merged_third((self.third, third), (self.squares, second), delta, counts)
        self.squares += second + product * delta**2
        for j in np.flatnonzero(product):
            read = self._read(delta[j])
            self.comoment[self._place(int(j))] += np.outer(product[j] * read, read)
        self.mean += share * delta
        self.count += count

    def second(self) -> Floats:
        """sum (Z - mean)^2 (J, C)."""
        return self.squares

    def covariance(self) -> Floats:
        """Unbiased covariance (J, C, C) where it was kept; needs two images per class.

        Raises
        ------
        ValueError
            If less was kept.
        """
        if self.kind != "full":
            raise ValueError(
                f"the covariances kept are {self.kind!r}: expected 'full'; use node_covariance(W)"
            )
        return super().covariance()

    def node_covariance(self, head: Floats) -> Floats:
        """Covariance (J, K, K) of the output nodes W Z given each label; a read-only view for `pooled`."""
        require_images(self.count, 2)
        if self.kind == "head":
            return self.comoment / (self.count - 1.0)[:, None, None]
        if self.kind == "full":
            return np.einsum("kc,jcd,ld->jkl", head, self.covariance(), head, optimize=True)
        within = self.comoment[0] / (self.count.sum() - len(self.count))
        nodes = head @ within @ head.T
        return np.broadcast_to(nodes, (len(self.count), *nodes.shape))


def _finite(pooled: ArrayLike, channels: int) -> Floats:
    values = np.asarray(pooled, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != channels or not len(values):
        raise ValueError(
            f"features of shape {values.shape}: expected (images, {channels}), at least one image"
        )
    if not np.isfinite(values).all():
        raise ValueError(
            "features hold NaN or infinity: expected finite values; check the network's input, and in half precision "
            "whether activations overflow (bfloat16 has the range of float32)"
        )
    return values
