"""Sums over the positions of each image's map: all that the accumulators read of a map (numpy only)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aggdist.capture.moments import Floats


@dataclass(frozen=True)
class ImageSums:
    """Per image and channel (n, C), over N positions, in double precision.

    Attributes
    ----------
    positions
        N.
    positives
        Values > 0.
    mean
        Mean over the positions.
    second, third
        sum (A - mean)^2 and sum (A - mean)^3, about the image's own mean.
    log_sum
        Sum of ln A over the values > 0.
    """

    positions: int
    positives: Floats
    mean: Floats
    second: Floats
    third: Floats
    log_sum: Floats

    @classmethod
    def joined(cls, parts: Sequence[ImageSums]) -> Self:
        """The sums of several batches of one network's maps, one after the other."""
        names = ("positives", "mean", "second", "third", "log_sum")
        rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(positions=parts[0].positions, **rows)


def check_maps_shape(shape: tuple[int, ...]) -> None:
    """Maps are (n, C, *positions), none of them empty.

    Raises
    ------
    ValueError
        Otherwise.
    """
    if len(shape) < 3 or 0 in shape:
        raise ValueError(
            f"maps of shape {shape}: expected (images, channels, *positions), at least one of each"
        )


def check_activations(smallest: float, finite: bool) -> None:
    """Activations are finite and not negative.

    Raises
    ------
    ValueError
        Otherwise.
    """
    if not finite:
        raise ValueError("activations hold NaN or infinity: expected finite values; check weights and inputs")
    if smallest < 0.0:
        raise ValueError(
            f"activations are negative (smallest {smallest:g}): expected >= 0; end the trunk in a ReLU"
        )


def image_sums(maps: NDArray[Any]) -> ImageSums:
    """The sums of maps (n, C, *positions).

    Raises
    ------
    ValueError
        For NaN, infinite or negative activations, and maps of a wrong shape.
    """
    check_maps_shape(maps.shape)
    # In their own memory order: torch's maps have the channels last.
    values = maps.astype(np.float64, order="K").reshape(*maps.shape[:2], -1)
    mean = values.mean(axis=2)
    check_activations(float(values.min()), bool(np.isfinite(mean).all()))
    positive = values > 0.0
    log_sum = np.log(values + ~positive).sum(axis=2)  # ln(0 + 1) = 0: much faster than masking
    values -= mean[:, :, None]
    squares = values * values
    second = squares.sum(axis=2)
    squares *= values
    return ImageSums(
        positions=values.shape[2],
        positives=positive.sum(axis=2).astype(np.float64),
        mean=mean,
        second=second,
        third=squares.sum(axis=2),
        log_sum=log_sum,
    )
