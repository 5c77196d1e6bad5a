"""How activations vary between images and within them, and what averaging makes of it (theory item T6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from aggdist.aggregation.average_laws import whole_positions
from aggdist.distributions.checks import Array, finite, require, whole_number


@dataclass(frozen=True)
class ImageVariation:
    """How activations vary between images and within them, for positions independent given the image (T6).

    An image has a law of its own, with mean m, variance v and third cumulant k; these vary from image to
    image. All fields have one shape, that of the batch (for example label by channel).

    Attributes
    ----------
    mean
        E m.
    between
        Var m, between images. As an estimate it can be negative.
    within
        E v, within an image.
    between_third
        Third cumulant of m.
    covariance
        Cov(m, v).
    within_third
        E k.
    """

    mean: Array
    between: Array
    within: Array
    between_third: Array
    covariance: Array
    within_third: Array

    @classmethod
    def of_laws(
        cls, mean: ArrayLike, variance: ArrayLike, third: ArrayLike, weights: ArrayLike | None = None
    ) -> Self:
        """From the laws of the images, taken as known.

        Parameters
        ----------
        mean, variance, third : array_like, shape (images, *batch)
            First three cumulants of one activation given the image.
        weights : array_like, shape (images,), optional
            Probabilities of the images; equal ones by default.

        Raises
        ------
        ValueError
            For shapes that differ, values that are not finite, negative variances, or weights that are no
            probabilities.
        """
        m, v, k = checked_images(mean, variance, third)
        require("variance", v, v >= 0, "variances >= 0")
        w = _probabilities(weights, len(m))
        mean_of = np.tensordot(w, np.stack([m, v, k], axis=1), 1)
        dm, dv = m - mean_of[0], v - mean_of[1]
        between, third_of, joint = np.tensordot(w, np.stack([dm**2, dm**3, dm * dv], axis=1), 1)
        return cls(mean_of[0], between, mean_of[1], third_of, joint, mean_of[2])

    @classmethod
    def estimate(cls, mean: ArrayLike, second: ArrayLike, third: ArrayLike, positions: int) -> Self:
        """Unbiased estimates from maps of N positions; `capture.image_sums` gives the arguments.

        An image's average is not its mean m: it differs from it by noise of variance v/N. Taken for m, it
        would count that noise twice. Here it is subtracted, order by order. `cumulants(N)` of the estimate
        are the sample's own cumulants of the averages, exactly.

        Parameters
        ----------
        mean, second, third : array_like, shape (images, *batch)
            Per image, over its positions: the average, and the sums of (A - average)^2 and of its cubes.
        positions : int
            N >= 3.

        Raises
        ------
        ValueError
            For fewer than three positions or images, shapes that differ, or values that are not finite.
        """
        n = whole_number("positions", positions, 3)
        m, s2, s3 = checked_images(mean, second, third)
        count = len(m)
        if count < 3:
            raise ValueError(f"mean: got {count} images, expected at least 3")
        variance, cube = s2 / (n - 1), s3 * (n / ((n - 1) * (n - 2)))
        dm = m - m.mean(axis=0)
        joint = np.sum(dm * variance, axis=0) / (count - 1) - cube.mean(axis=0) / n
        between = np.sum(dm**2, axis=0) / (count - 1) - variance.mean(axis=0) / n
        third_of = np.sum(dm**3, axis=0) * (count / ((count - 1) * (count - 2)))
        third_of = third_of - 3 * joint / n - cube.mean(axis=0) / n**2
        return cls(m.mean(axis=0), between, variance.mean(axis=0), third_of, joint, cube.mean(axis=0))

    def cumulants(self, positions: ArrayLike) -> Array:
        """Cumulants of the average of N positions, of the orders 1 to 3: shape (3, *batch) (T6).

        `kappa_2 = Var m + E v/N` and `kappa_3 = kappa_3(m) + 3 Cov(m, v)/N + E k/N^2`; N = 1 gives one
        activation.
        """
        n = whole_positions(positions)
        second = self.between + self.within / n
        third = self.between_third + 3 * self.covariance / n + self.within_third / n**2
        return np.stack(np.broadcast_arrays(self.mean, second, third))

    def correlation(self) -> Array:
        """`rho = Var m / (Var m + E v)`, the same for every N; NaN for a channel without variance."""
        total = np.asarray(self.between + self.within)
        return np.divide(self.between, total, out=np.full(total.shape, np.nan), where=total > 0)


class ObservedEffectivePositions(NamedTuple):
    """N_eff from maps, and the standard error of its logarithm over images, both of the batch's shape."""

    value: Array
    log_standard_error: Array

    def interval(self, standard_errors: float = 1.96) -> tuple[Array, Array]:
        """N_eff times and divided by `exp(standard_errors * log_standard_error)`."""
        factor = np.exp(standard_errors * self.log_standard_error)
        return self.value / factor, self.value * factor


def observed_effective_positions(
    mean: ArrayLike, second: ArrayLike, positions: int
) -> ObservedEffectivePositions:
    """N_eff of maps with its standard error, the image being the unit; `capture.image_sums` gives the arguments.

    `N_eff = kappa_2 / Var Z`, both estimated without bias (as in `capture.ActivationStatistics`). Image i moves
    its logarithm by `(w_i + d_i^2)/kappa_2 - d_i^2/Var Z`, over n, where `w_i` is the variance within the image
    and `d_i` the deviation of its average: the delta method. Positions of one image may depend in any way.

    Parameters
    ----------
    mean, second : array_like, shape (images, *batch)
        Per image, over its positions: the average Z, and the sum of (A - Z)^2.
    positions : int
        N >= 1.

    Raises
    ------
    ValueError
        For fewer than two images, shapes that differ, values that are not finite, or averages that are all
        equal: N_eff is then infinite and has no standard error.
    """
    n = whole_number("positions", positions, 1)
    m, s2 = checked_images(mean, second)
    count = len(m)
    if count < 2:
        raise ValueError(f"mean: got {count} image, expected at least 2")
    squares = (m - m.mean(axis=0)) ** 2
    spread = np.asarray(squares.sum(axis=0) / (count - 1))
    require(
        "variance of the averages", spread, spread > 0, "images whose averages differ; leave the others out"
    )
    variance = s2.mean(axis=0) / n + spread
    pull = (s2 / n + squares) / variance - squares / spread
    return ObservedEffectivePositions(variance / spread, pull.std(axis=0, ddof=1) / np.sqrt(count))


def checked_images(*arrays: ArrayLike) -> list[Array]:
    """Finite arrays of one shape, `(images, *batch)`.

    Raises
    ------
    ValueError
        For values that are not finite, shapes that differ, or no images.
    """
    names = ("first moments", "second moments", "third moments")
    values = [finite(name, array) for name, array in zip(names, arrays, strict=False)]
    shapes = [value.shape for value in values]
    if len(set(shapes)) > 1 or not shapes[0] or shapes[0][0] == 0:
        raise ValueError(f"moments of images: got shapes {shapes}, expected one shape (images, ...)")
    return values


def _probabilities(weights: ArrayLike | None, images: int) -> Array:
    """Weights of shape (images,) that sum to 1."""
    if weights is None:
        return np.full(images, 1 / images)
    value = finite("weights", weights)
    if value.shape != (images,):
        raise ValueError(f"weights: got shape {value.shape}, expected ({images},), one for each image")
    require("weights", value, value >= 0, "numbers >= 0")
    require("weights", value.sum(), np.abs(value.sum() - 1) <= 1e-9, "weights that sum to 1")
    return value
