"""Training and test separation of a linear head that was learnt from few examples (theory item T13).

The head is the simplest that learns: the difference of two class means. Features given the label are normal with one
covariance. Then everything about training and test follows from four numbers of the features and from n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DifferenceMoments:
    """What the separation along an estimated mean difference depends on; scalars or arrays of one shape.

    Attributes
    ----------
    signal
        |Delta|^2, squared length of the difference of the two class means.
    along
        Delta' Sigma Delta, variance within a class along it, times that length squared.
    trace, trace_square
        tr Sigma and tr Sigma^2 of the covariance within a class.
    """

    signal: Array
    along: Array
    trace: Array
    trace_square: Array

    def effective_dimension(self) -> Array:
        """(tr Sigma)^2 / tr Sigma^2, between 1 and the number of features: as many directions share the noise."""
        return np.asarray(self.trace**2 / self.trace_square)


def whitened(separation: ArrayLike, dimension: ArrayLike) -> DifferenceMoments:
    """The moments of features of unit covariance: squared separation delta^2, d features."""
    delta2, d = np.broadcast_arrays(np.asarray(separation, float), np.asarray(dimension, float))
    return DifferenceMoments(delta2, delta2, d, d)


def training_separation(moments: DifferenceMoments, examples: ArrayLike) -> Array:
    """Squared distance of the classes along the head, in variances, on its own n training examples of each class.

    `(|Delta|^2 + 2 tr Sigma/n)^2 / (Delta' Sigma Delta + 2 tr Sigma^2/n)`, exact as the effective dimension grows.
    """
    n = _examples(examples)
    return np.asarray((moments.signal + 2 * moments.trace / n) ** 2 / _noise(moments, n))


def held_out_separation(moments: DifferenceMoments, examples: ArrayLike) -> Array:
    """The same on new examples: `|Delta|^4 / (Delta' Sigma Delta + 2 tr Sigma^2/n)`."""
    n = _examples(examples)
    return np.asarray(moments.signal**2 / _noise(moments, n))


def _noise(moments: DifferenceMoments, n: Array) -> Array:
    """Variance within a class along the head, times its squared length."""
    return np.asarray(moments.along + 2 * moments.trace_square / n)


def _examples(examples: ArrayLike) -> Array:
    n = np.asarray(examples, float)
    if not np.all(n >= 1):
        raise ValueError(f"examples of each class: got {n}, expected at least 1")
    return n


def kl_of(separation: ArrayLike) -> Array:
    """KL between two normal laws of one variance whose means are sqrt(separation) standard deviations apart."""
    return np.asarray(np.asarray(separation, float) / 2)


def sample_kl(x: ArrayLike, y: ArrayLike) -> float:
    """The same of two samples: normals with their means and their pooled variance, at least two values each."""
    first, second = np.asarray(x, float), np.asarray(y, float)
    squares = np.sum((first - first.mean()) ** 2) + np.sum((second - second.mean()) ** 2)
    pooled = squares / (first.size + second.size - 2)
    return float(kl_of((first.mean() - second.mean()) ** 2 / pooled))


def exchangeable_separation(difference: ArrayLike, variance: float, rho: float) -> tuple[Array, Array]:
    """delta^2 of one channel, of all N positions together and of their average.

    Parameters
    ----------
    difference
        Difference of the class means at each position (..., N).
    variance, rho
        Of an activation given the label, the same at all positions, and the correlation of any two of them.

    Returns
    -------
    flattened, averaged
        Arrays (...): the first is at least the second, with equality iff all differences are equal.

    Raises
    ------
    ValueError
        For a variance that is not positive, or a correlation that N positions cannot have.
    """
    delta = np.asarray(difference, float)
    n = delta.shape[-1]
    if variance <= 0 or not -1 / max(n - 1, 1) < rho < 1:
        raise ValueError(
            f"got variance {variance} and correlation {rho}, expected a positive variance and a correlation between "
            f"-1/(N - 1) = {-1 / max(n - 1, 1):.3g} and 1"
        )
    total = variance * (1 + (n - 1) * rho)
    averaged = n * delta.mean(axis=-1) ** 2 / total
    within = n * delta.var(axis=-1) / (variance * (1 - rho))
    return np.asarray(averaged + within), np.asarray(averaged)


def break_even(averaged: ArrayLike, flattened: ArrayLike, channels: ArrayLike, positions: ArrayLike) -> Array:
    """Training examples of each class below which averaging separates new examples better than flattening.

    Parameters
    ----------
    averaged, flattened
        delta^2 of C pooled and of N C flattened features of unit covariance, averaged <= flattened.
    channels, positions
        C and N.

    Returns
    -------
    n*: infinite where nothing is lost by averaging, 0 where flattening is better with any number of examples.
    """
    a, f, c, n = (np.asarray(v, float) for v in (averaged, flattened, channels, positions))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 2 * c * (n * a**2 - f**2) / (a * f * (f - a))
    return np.where(f <= a, np.inf, np.maximum(found, 0.0))


def difference_moments(first: ArrayLike, second: ArrayLike) -> DifferenceMoments:
    """Unbiased estimates of the moments from features of two classes, (n1, d) and (n2, d), also where d > n.

    The covariance is pooled; tr Sigma^2 as in Bai and Saranadasa (1996), and the other two with the part that is only
    sampling taken away.

    Raises
    ------
    ValueError
        For arrays that are no two samples of one number of features, or fewer than three examples of a class.
    """
    x, y = np.asarray(first, float), np.asarray(second, float)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 3:
        raise ValueError(
            f"got features of shapes {x.shape} and {y.shape}, expected (n1, d) and (n2, d) with at least 3 rows"
        )
    difference = x.mean(axis=0) - y.mean(axis=0)
    residuals = np.concatenate([x - x.mean(axis=0), y - y.mean(axis=0)])
    nu, share = len(residuals) - 2, 1 / len(x) + 1 / len(y)
    gram = residuals @ residuals.T / nu
    trace = np.trace(gram)
    trace_square = nu**2 / ((nu - 1) * (nu + 2)) * (np.sum(gram**2) - trace**2 / nu)
    along = np.sum((residuals @ difference) ** 2) / nu - trace_square * share
    signal = difference @ difference - trace * share
    return DifferenceMoments(*(np.asarray(v) for v in (signal, along, trace, trace_square)))
