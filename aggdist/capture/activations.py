"""The accumulator of activations per class: what T1, T2 and T6 are fitted from (numpy only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.capture.accumulator import Accumulator
from aggdist.capture.images import ImageSums, image_sums
from aggdist.capture.moments import (
    Floats,
    checked_labels,
    class_means,
    merged_third,
    one_hot,
    require_images,
    weights,
)


@dataclass
class ActivationStatistics(Accumulator):
    """Per class j and channel c, of the activations A at all positions of all images.

    Attributes
    ----------
    positions
        N, positions of one map ().
    images
        Images (J,); each adds N values per channel.
    positives
        Values > 0 (J, C).
    mean
        Over images and positions (J, C).
    second, third
        Central sums sum (A - mean)^2 and sum (A - mean)^3 (J, C).
    log_sum
        Sum of ln A over the values > 0 (J, C).
    between
        sum over images of (image's mean - mean)^2 (J, C): what the correlation of positions is read from.
    """

    positions: NDArray[np.int64]
    images: Floats
    positives: Floats
    mean: Floats
    second: Floats
    third: Floats
    log_sum: Floats
    between: Floats

    @classmethod
    def empty(cls, n_classes: int, channels: int, positions: int) -> Self:
        """An accumulator that has seen nothing."""
        blanks = [np.zeros((n_classes, channels)) for _ in range(6)]
        return cls(np.array(positions, dtype=np.int64), np.zeros(n_classes), *blanks)

    @classmethod
    def of(cls, maps: ArrayLike, labels: ArrayLike, n_classes: int) -> Self:
        """The statistics of maps (n, C, *positions) with labels (n,)."""
        sums = image_sums(np.asarray(maps))
        result = cls.empty(n_classes, sums.mean.shape[1], sums.positions)
        result.update_images(sums, labels)
        return result

    def update(self, maps: ArrayLike, labels: ArrayLike) -> None:
        """Add a batch of maps (n, C, *positions) >= 0 with labels (n,).

        Raises
        ------
        ValueError
            For NaN, negative activations, wrong shapes, no images, or labels outside 0..J-1.
        """
        self.update_images(image_sums(np.asarray(maps)), labels)

    def update_images(self, sums: ImageSums, labels: ArrayLike) -> None:
        """Add a batch given by its sums per image and channel; raises as `update`."""
        self._check_images(sums)
        given = checked_labels(labels, len(sums.mean), len(self.images))
        n, member = float(sums.positions), one_hot(given, len(self.images))
        images = member.sum(axis=1)
        mean = class_means(member @ sums.mean, images)
        delta = sums.mean - mean[given]
        squares = delta * delta
        between = member @ squares
        second = member @ sums.second + n * between
        third = member @ (sums.third + delta * (3.0 * sums.second + n * squares))
        self._fold(images, mean, second, third, between)
        self.positives += member @ sums.positives
        self.log_sum += member @ sums.log_sum

    def merge(self, other: ActivationStatistics) -> None:
        """Add another accumulator's images.

        Raises
        ------
        TypeError, ValueError
            When the other is of another kind or shape, or its maps have another number of positions.
        """
        self.check_mergeable(other)
        if other.positions != self.positions:
            raise ValueError(
                f"cannot merge maps of {other.positions} positions into maps of {self.positions}"
            )
        self._fold(other.images, other.mean, other.second, other.third, other.between)
        self.positives += other.positives
        self.log_sum += other.log_sum

    def _check_images(self, sums: ImageSums) -> None:
        if sums.positions != self.positions or sums.mean.shape[1:] != self.mean.shape[1:]:
            raise ValueError(
                f"maps of {sums.mean.shape[1]} channels at {sums.positions} positions: expected"
                f" {self.mean.shape[1]} channels at {self.positions}"
            )

    def _fold(self, images: Floats, mean: Floats, second: Floats, third: Floats, between: Floats) -> None:
        delta, n = mean - self.mean, float(self.positions)
        counts = (self.images[:, None], images[:, None])
        share, product = weights(*counts)
        values = (n * counts[0], n * counts[1])
        self.third[:] = merged_third((self.third, third), (self.second, second), delta, values)
        self.second += second + n * product * delta**2
        self.between += between + product * delta**2
        self.mean += share * delta
        self.images += images

    def active(self) -> Floats:
        """q = P(A > 0) (J, C); needs an image per class."""
        require_images(self.images, 1)
        return self.positives / (self.images * self.positions)[:, None]

    def image_mean_variance(self) -> Floats:
        """Unbiased variance over images of the image's mean, that is of average-pooled Z (J, C)."""
        require_images(self.images, 2)
        return self.between / (self.images - 1.0)[:, None]

    def variance(self) -> Floats:
        """kappa_2: variance of one activation given the label (J, C), unbiased whatever the correlation."""
        within_class = self.second / (np.maximum(self.images, 1.0) * self.positions)[:, None]
        # The class mean is itself estimated; its variance is that of an image's mean over the images.
        return within_class + self.image_mean_variance() / self.images[:, None]

    def third_cumulant(self) -> Floats:
        """kappa_3: third central moment of one activation given the label (J, C), plain average."""
        require_images(self.images, 2)
        return self.third / (self.images * self.positions)[:, None]

    def effective_positions(self) -> Floats:
        """N_eff = kappa_2 / Var(image mean) (J, C); NaN for a channel whose image means are all equal."""
        spread = self.image_mean_variance()
        return np.divide(self.variance(), spread, out=np.full_like(spread, np.nan), where=spread > 0.0)

    def correlation(self) -> Floats:
        """rho of T6, mean off-diagonal covariance over mean variance (J, C); NaN where there is none.

        rho = (N/N_eff - 1)/(N - 1); undefined for N = 1 and for a constant channel.
        """
        n = float(self.positions)
        if n == 1.0:
            return np.full_like(self.mean, np.nan)
        variance, spread = self.variance(), self.image_mean_variance()
        ratio = np.divide(n * spread, variance, out=np.full_like(spread, np.nan), where=variance > 0.0)
        return (ratio - 1.0) / (n - 1.0)
