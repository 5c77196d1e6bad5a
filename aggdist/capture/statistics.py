"""The accumulator of pooled features per class (numpy only).

`update` takes a batch, `merge` another accumulator; both work in place, in double precision, and any split
of the same images gives the same statistics to about 1e-12 relative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from aggdist.capture.accumulator import Accumulator
from aggdist.capture.moments import (
    Floats,
    checked_labels,
    class_means,
    merged_third,
    one_hot,
    require_images,
    weights,
)


def _checked_features(pooled: ArrayLike, channels: int) -> Floats:
    values = np.asarray(pooled, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != channels:
        raise ValueError(f"pooled features of shape {values.shape}: expected (images, {channels})")
    if values.shape[0] == 0:
        raise ValueError("got no images: expected at least one")
    if not np.isfinite(values).all():
        raise ValueError(
            "pooled features hold NaN or infinity: expected finite values; check the network's input"
        )
    if values.min() < 0.0:
        raise ValueError(
            f"pooled features are negative (smallest {values.min():g}): expected >= 0, as after ReLU"
        )
    return values


def _log_of_positives(values: Floats) -> Floats:
    return np.log(np.where(values > 0.0, values, 1.0))


class MarginalEstimates:
    """What follows for each channel by itself from the sums of pooled features."""

    count: Floats
    positives: Floats
    third: Floats

    def second(self) -> Floats:
        """sum (Z - mean)^2 (J, C)."""
        raise NotImplementedError

    def active(self) -> Floats:
        """Fraction of images with Z > 0 (J, C); needs an image per class."""
        require_images(self.count, 1)
        return self.positives / self.count[:, None]

    def variance(self) -> Floats:
        """Unbiased variance (J, C); needs two images per class."""
        require_images(self.count, 2)
        return self.second() / (self.count - 1.0)[:, None]

    def third_cumulant(self) -> Floats:
        """Unbiased third cumulant (Fisher's k-statistic) (J, C); needs three images per class."""
        require_images(self.count, 3)
        n = self.count[:, None]
        return self.third * n / ((n - 1.0) * (n - 2.0))


@dataclass(frozen=True)
class MarginalStatistics(MarginalEstimates):
    """Sums of pooled features channel by channel, without those of pairs of channels: what an extract keeps.

    Attributes
    ----------
    count
        Images (J,).
    positives
        Images with Z > 0 (J, C).
    mean
        (J, C).
    squares, third
        sum (Z - mean)^2 and sum (Z - mean)^3 (J, C).
    log_sum
        Sum of ln Z over the images with Z > 0 (J, C).
    """

    count: Floats
    positives: Floats
    mean: Floats
    squares: Floats
    third: Floats
    log_sum: Floats

    @classmethod
    def of(cls, pooled: ArrayLike, labels: ArrayLike, n_classes: int) -> Self:
        """The sums of features (n, C) >= 0 with labels (n,); raises as `PooledStatistics.update`."""
        rows = np.asarray(pooled)
        if rows.ndim != 2:
            raise ValueError(f"pooled features of shape {rows.shape}: expected (images, channels)")
        values = _checked_features(rows, rows.shape[1])
        given = checked_labels(labels, len(values), n_classes)
        member = one_hot(given, n_classes)
        count = member.sum(axis=1)
        mean = class_means(member @ values, count)
        deviations = values - mean[given]
        squares = deviations * deviations
        return cls(
            count,
            member @ (values > 0.0),
            mean,
            member @ squares,
            member @ (squares * deviations),
            member @ _log_of_positives(values),
        )

    def second(self) -> Floats:
        """sum (Z - mean)^2 (J, C)."""
        return self.squares


@dataclass
class PooledStatistics(MarginalEstimates, Accumulator):
    """Per class j and channel c, of the pooled features Z.

    Attributes
    ----------
    count
        Images (J,).
    positives
        Images with Z > 0 (J, C).
    mean
        (J, C).
    comoment
        sum (Z - mean)(Z - mean)' (J, C, C).
    third
        sum (Z - mean)^3 (J, C).
    log_sum
        Sum of ln Z over the images with Z > 0 (J, C).
    """

    count: Floats
    positives: Floats
    mean: Floats
    comoment: Floats
    third: Floats
    log_sum: Floats

    @classmethod
    def empty(cls, n_classes: int, channels: int) -> Self:
        """An accumulator that has seen nothing."""
        shape = (n_classes, channels)
        return cls(
            count=np.zeros(n_classes),
            positives=np.zeros(shape),
            mean=np.zeros(shape),
            comoment=np.zeros((*shape, channels)),
            third=np.zeros(shape),
            log_sum=np.zeros(shape),
        )

    @classmethod
    def of(cls, pooled: ArrayLike, labels: ArrayLike, n_classes: int) -> Self:
        """The statistics of features (n, C) with labels (n,)."""
        values = np.asarray(pooled)
        if values.ndim != 2:
            raise ValueError(f"pooled features of shape {values.shape}: expected (images, channels)")
        result = cls.empty(n_classes, values.shape[1])
        result.update(values, labels)
        return result

    def update(self, pooled: ArrayLike, labels: ArrayLike) -> None:
        """Add a batch of pooled features (n, C) >= 0 with labels (n,).

        Raises
        ------
        ValueError
            For NaN, negative features, wrong shapes, no images, or labels outside 0..J-1.
        """
        values = _checked_features(pooled, self.mean.shape[1])
        given = checked_labels(labels, len(values), len(self.count))
        member = one_hot(given, len(self.count))
        count = member.sum(axis=1)
        mean = class_means(member @ values, count)
        deviations = values - mean[given]
        squares = deviations * deviations
        second, third = member @ squares, member @ (squares * deviations)
        self._fold_scalars(count, mean, second, third)
        for j in np.flatnonzero(count):  # one product per class: a (n, C, C) array would not fit
            own = deviations[given == j]
            self.comoment[j] += own.T @ own
        self.positives += member @ (values > 0.0)
        self.log_sum += member @ _log_of_positives(values)

    def merge(self, other: PooledStatistics) -> None:
        """Add another accumulator's images.

        Raises
        ------
        TypeError, ValueError
            When the other is of another kind or shape.
        """
        self.check_mergeable(other)
        self._fold_scalars(other.count, other.mean, other.second(), other.third)
        self.comoment += other.comoment
        self.positives += other.positives
        self.log_sum += other.log_sum

    def _fold_scalars(self, count: Floats, mean: Floats, second: Floats, third: Floats) -> None:
        """Fold counts, means and third sums, and the means' share of the comoment; callers add the rest."""
        delta = mean - self.mean
        counts = (self.count[:, None], count[:, None])
        share, product = weights(*counts)
        self.third[:] = merged_third((self.third, third), (self.second(), second), delta, counts)
        for j in np.flatnonzero(product):  # in place class by class: the comoments may be large
            self.comoment[j] += np.outer(product[j] * delta[j], delta[j])
        self.mean += share * delta
        self.count += count

    def second(self) -> Floats:
        """sum (Z - mean)^2 (J, C)."""
        diagonal: Floats = np.diagonal(self.comoment, axis1=1, axis2=2)
        return diagonal.copy()

    def covariance(self) -> Floats:
        """Unbiased covariance (J, C, C); needs two images per class."""
        require_images(self.count, 2)
        return self.comoment / (self.count - 1.0)[:, None, None]

    def marginals(self) -> MarginalStatistics:
        """The sums of each channel by itself."""
        return MarginalStatistics(
            self.count.copy(),
            self.positives.copy(),
            self.mean.copy(),
            self.second(),
            self.third.copy(),
            self.log_sum.copy(),
        )
