"""What average pooling does to cumulants and laws (theory item T3); Z = (1/N) sum_s A_s."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aggdist.distributions.base import Distribution
from aggdist.distributions.binomial_gamma import BinomialGamma
from aggdist.distributions.checks import Array, finite, positive, real_array, require
from aggdist.distributions.compound_poisson_gamma import CompoundPoissonGamma
from aggdist.distributions.exponential import Exponential
from aggdist.distributions.gamma import Gamma
from aggdist.distributions.normal import Normal
from aggdist.distributions.zero_inflated_gamma import ZeroInflatedGamma


def whole_positions(positions: ArrayLike) -> Array:
    """Numbers of positions as float64.

    Raises
    ------
    ValueError
        Unless all are whole numbers of at least 1.
    """
    n = real_array("positions", positions)
    require("positions", n, (n >= 1) & (n == np.floor(n)) & np.isfinite(n), "a whole number of at least 1")
    return n


def average_cumulants(cumulants: ArrayLike, positions: ArrayLike) -> Array:
    """Cumulants of the average of N independent positions: `kappa_r(Z) = kappa_r(A) / N^(r-1)` (T3.2).

    Parameters
    ----------
    cumulants : array_like, shape (R, *batch)
        kappa_1, ..., kappa_R of one activation. Where the positions have different laws: the average over the
        positions of their cumulants, order by order.
    positions : array_like
        N >= 1, whole; broadcasts against the batch.

    Returns
    -------
    array of shape (R, *batch): cumulants of Z of the orders 1 to R.

    Raises
    ------
    ValueError
        For cumulants that are not finite or have no first axis, or a number of positions that is not whole.
    """
    kappa, n = finite("cumulants", cumulants), whole_positions(positions)
    if kappa.ndim == 0 or len(kappa) == 0:
        raise ValueError(f"cumulants: got shape {kappa.shape}, expected the orders along the first axis")
    widened = kappa.reshape(len(kappa), *(1,) * max(0, n.ndim + 1 - kappa.ndim), *kappa.shape[1:])
    order_minus_one = np.arange(len(kappa)).reshape(-1, *(1,) * (widened.ndim - 1))
    return np.asarray(widened / n**order_minus_one)


def effective_positions(correlation: ArrayLike, positions: ArrayLike) -> Array:
    """`N_eff = N / (1 + (N-1) rho)`: how many independent positions have the same variance of Z (T3.7).

    Parameters
    ----------
    correlation : array_like
        rho: mean covariance of two different positions over the mean variance of a position.
    positions : array_like
        N >= 1, whole.

    Returns
    -------
    array: N for rho = 0, 1 for rho = 1, above N for negative rho.

    Raises
    ------
    ValueError
        For rho above 1, or so far below 0 that the variance of Z would not be positive.
    """
    rho, n = real_array("correlation", correlation), whole_positions(positions)
    inflation = np.asarray(1 + (n - 1) * rho)
    rho = np.broadcast_to(rho, inflation.shape)
    require("correlation", rho, (rho <= 1) & (inflation > 0), "a number above -1/(N-1) and at most 1")
    return np.asarray(n / inflation)


def average_gamma(kappa1: ArrayLike, kappa2: ArrayLike, positions: ArrayLike) -> Gamma:
    """The gamma law with the mean and the variance of Z (T3.5).

    Shape `N kappa_1^2 / kappa_2`, scale `kappa_2 / (N kappa_1)`. It is the law of Z itself if the activations
    are gamma; otherwise an approximation (T3.6).

    Parameters
    ----------
    kappa1, kappa2 : array_like
        Mean and variance of one activation, positive.
    positions : array_like
        N, or for correlated positions N_eff: positive, not necessarily whole.

    Raises
    ------
    ValueError
        For values that are not positive and finite.
    """
    mean, variance = positive("kappa1", kappa1), positive("kappa2", kappa2)
    n = positive("positions", positions)
    return Gamma(n * mean**2 / variance, variance / (n * mean))


def average_normal(kappa1: ArrayLike, kappa2: ArrayLike, positions: ArrayLike) -> Normal:
    """The normal law with the mean and variance of Z: mean `kappa_1`, variance `kappa_2 / N`.

    Parameters and errors as for `average_gamma`, but the mean may have any sign.
    """
    mean, variance = finite("kappa1", kappa1), positive("kappa2", kappa2)
    return Normal(mean, np.sqrt(variance / positive("positions", positions)))


def _of_gamma(a: Gamma, n: Array) -> Distribution:
    return Gamma(n * a.shape, a.scale / n)


def _of_exponential(a: Exponential, n: Array) -> Distribution:
    return Gamma(n, a.scale / n)


def _of_zero_inflated_gamma(a: ZeroInflatedGamma, n: Array) -> Distribution:
    return BinomialGamma(active=a.active, shape=a.shape, scale=a.scale, positions=n)


def _of_normal(a: Normal, n: Array) -> Distribution:
    return Normal(a.location, a.scale / np.sqrt(n))


def _of_compound_poisson_gamma(a: CompoundPoissonGamma, n: Array) -> Distribution:
    return CompoundPoissonGamma(n * a.intensity, a.shape, a.scale / n)


EXACT_AVERAGES: Mapping[type[Distribution], Callable[[Any, Array], Distribution]] = MappingProxyType(
    {
        Gamma: _of_gamma,
        Exponential: _of_exponential,
        ZeroInflatedGamma: _of_zero_inflated_gamma,
        Normal: _of_normal,
        CompoundPoissonGamma: _of_compound_poisson_gamma,
    }
)
"""Families whose average over independent positions has a closed form, and that form."""


def average_law(activation: Distribution, positions: ArrayLike) -> Distribution:
    """The exact law of the average of N independent activations of one law (T3.3).

    Gamma(a, theta) gives Gamma(N a, theta/N); a zero-inflated gamma gives the binomial mixture of
    Gamma(m a, theta/N), m = 0..N; Normal(mu, sigma) gives Normal(mu, sigma/sqrt N); a compound Poisson-gamma
    of intensity lambda gives one of intensity N lambda and scale theta/N.

    Parameters
    ----------
    activation : Distribution
        Law of one activation, with any batch.
    positions : array_like
        N >= 1, whole; broadcasts against the batch.

    Raises
    ------
    NotImplementedError
        For a family whose averages have no closed form here.
    ValueError
        For a number of positions that is not whole.
    """
    n = whole_positions(positions)
    if not isinstance(activation, Distribution):
        raise TypeError(f"activation: got {type(activation).__name__}, expected a Distribution")
    if type(activation) not in EXACT_AVERAGES:
        known = ", ".join(family.__name__ for family in EXACT_AVERAGES)
        raise NotImplementedError(
            f"activation: got {type(activation).__name__}, whose averages have no closed form here, expected "
            f"one of {known}; use method='gamma' or 'normal' for a law with the same mean and variance"
        )
    return EXACT_AVERAGES[type(activation)](activation, n)
