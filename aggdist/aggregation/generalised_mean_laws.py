"""From moments of A^p to approximate laws of the generalised mean of independent positions (theory item T8).

Z = Y^(1/p) with the inner mean Y = (1/N) sum_s A_s^p, an average of independent variables: T3 and T4 apply
to A^p in the place of A. `power_cumulants` gives its cumulants, everything else is a function of them, so
that moments measured on real maps, and N_eff for N, can be put in as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from aggdist.aggregation.average_laws import average_gamma
from aggdist.aggregation.registry import check_power
from aggdist.distributions.base import Distribution
from aggdist.distributions.checks import Array, finite, positive, require, whole_number
from aggdist.distributions.gamma_ratio import gamma_ratio
from aggdist.distributions.generalised_gamma import GeneralisedGamma
from aggdist.distributions.moments import cumulant_from_raw

_NORMAL_MODE = float(1 / np.sqrt(2 * np.pi))


def power_cumulants(
    activation: Distribution, p: float, order: int = 2, *, method: str | None = None
) -> Array:
    """Cumulants of `A^p` of the orders 1 to `order`, from the moments `E A^(jp)` (T8.4).

    Parameters
    ----------
    activation : Distribution
        Law of one activation on the non-negative half line, with any batch.
    p : float
        Power, p >= 1.
    order : int
        How many cumulants.
    method : str, optional
        Route of `activation.moment`: "numeric" where a family has no closed fractional moments.

    Returns
    -------
    array of shape (order, *batch).

    Raises
    ------
    ValueError
        For a power below 1, or so large that a moment is not a finite double; lower p then.
    """
    power = check_power(p)
    raw = [activation.moment(j * power, method=method) for j in range(1, whole_number("order", order, 1) + 1)]
    largest = np.asarray(raw[-1])
    require(
        "p",
        np.full(largest.shape, power),
        np.isfinite(largest),
        f"a power whose moment E A^({order}p) is finite",
    )
    return np.stack([cumulant_from_raw(raw[:j]) for j in range(1, len(raw) + 1)])


def generalised_mean_generalised_gamma(
    kappa1: ArrayLike, kappa2: ArrayLike, positions: ArrayLike, p: float
) -> GeneralisedGamma:
    """Stacy's law of Z for an inner mean taken as gamma with its mean and variance (T8.5).

    Power p, `d = p k` with `k = N kappa_1^2/kappa_2`, and scale `(kappa_2/(N kappa_1))^(1/p)`. Exact if `A^p`
    is gamma; otherwise `generalised_mean_trust` says how far to believe it.

    Parameters
    ----------
    kappa1, kappa2 : array_like
        Mean and variance of `A^p`, positive.
    positions : array_like
        N, or for correlated positions the N_eff of `A^p`: positive, not necessarily whole.
    p : float
        Power, p >= 1.

    Raises
    ------
    ValueError
        For values that are not positive and finite, or a power below 1.
    """
    inner = average_gamma(kappa1, kappa2, positions)
    return GeneralisedGamma.from_gamma_power(inner.shape, inner.scale, check_power(p))


def delta_generalised_mean_cumulants(cumulants: ArrayLike, positions: ArrayLike, p: float) -> Array:
    """Cumulants of Z by the delta method (T8.8).

    With `g = kappa_1^(1/p)` and the inner shape `k = N kappa_1^2/kappa_2`: mean
    `g (1 - (1 - 1/p)/(2 p k))`, variance `g^2/(p^2 k)`, third cumulant
    `g^3 (2 R - 3 (1 - 1/p))/(p^3 k^2)`, R the ratio of `A^p`. Errors of the orders N^-2, N^-2 and N^-3; useless
    for k near 1 or below.

    Parameters
    ----------
    cumulants : array_like, shape (2 or 3, *batch)
        Of `A^p`; the third is needed for the third of Z only.
    positions : array_like
        N, or N_eff: positive, not necessarily whole; broadcasts against the batch.
    p : float
        Power, p >= 1.

    Returns
    -------
    array of shape (2 or 3, *batch): as many cumulants of Z as were given.

    Raises
    ------
    ValueError
        For another number of cumulants, or an inner shape k so small that the mean would not be positive.
    """
    power, (shape, ratio) = check_power(p), inner_shape_and_ratio(cumulants, positions)
    least = (1 - 1 / power) / (2 * power)
    require(
        "positions",
        shape,
        shape > least,
        f"an inner shape N (E A^p)^2/Var A^p above {least:.3g} (the delta method has no positive mean "
        "below); use the exact moments, method='gamma'",
    )
    g = np.asarray(cumulants, float)[0] ** (1 / power)
    values = [g * (1 - least / shape), g**2 / (power**2 * shape)]
    if ratio is not None:
        values.append(g**3 * (2 * ratio - 3 * (1 - 1 / power)) / (power**3 * shape**2))
    return np.stack(np.broadcast_arrays(*values))


def inner_shape_and_ratio(cumulants: ArrayLike, positions: ArrayLike) -> tuple[Array, Array | None]:
    """Gamma shape k of the inner mean, and R of one inner variable if its third cumulant is given."""
    kappa, n = finite("cumulants", cumulants), positive("positions", positions)
    if kappa.ndim == 0 or len(kappa) not in (2, 3):
        raise ValueError(
            f"cumulants: got shape {kappa.shape}, expected two or three orders along the first axis"
        )
    mean, variance = positive("cumulants[0]", kappa[0]), positive("cumulants[1]", kappa[1])
    shape = np.asarray(n * mean**2 / variance)
    return shape, gamma_ratio(mean, variance, kappa[2]) if len(kappa) == 3 else None


@dataclass(frozen=True)
class GeneralisedMeanTrust:
    """How far to believe three approximations of a generalised mean, to leading order in 1/N (T8.7).

    Attributes
    ----------
    power
        p.
    ratio
        R of `A^p` (theory item T4 applied to it): 1 where the generalised gamma is right.
    shape
        `k = N (E A^p)^2/Var A^p`, the shape of the inner gamma. Below about 3 all leading errors are too
        large to be taken literally, below 1 the generalised gamma is not to be used at all.
    """

    power: float
    ratio: Array
    shape: Array

    def _error(self, target: float) -> Array:
        return np.asarray(_NORMAL_MODE / 3 * np.abs(self.ratio - target) / np.sqrt(self.shape))

    @property
    def generalised_gamma_error(self) -> Array:
        """Leading error of the cdf of the generalised gamma law: `|R - 1|` in units of phi(0)/(3 sqrt k)."""
        return self._error(1.0)

    @property
    def gamma_error(self) -> Array:
        """Leading error of a gamma law with the mean and variance of Z: `|R - 3/2 + 1/(2p)|`."""
        return self._error(1.5 - 0.5 / self.power)

    @property
    def normal_error(self) -> Array:
        """Leading error of a normal law with the mean and variance of Z: `|R - 3/2 + 3/(2p)|`."""
        return self._error(1.5 - 1.5 / self.power)

    @property
    def best(self) -> Array:
        """Name of the approximation with the least leading error, an array of strings."""
        errors = np.stack([self.generalised_gamma_error, self.gamma_error, self.normal_error])
        return np.array(["generalised_gamma", "gamma", "normal"])[np.argmin(errors, axis=0)]


def generalised_mean_trust(activation: Distribution, positions: ArrayLike, p: float) -> GeneralisedMeanTrust:
    """The diagnostic of one activation law, number of positions and power; see `GeneralisedMeanTrust`.

    Parameters
    ----------
    activation : Distribution
        Law of one activation on the non-negative half line, with any batch.
    positions : array_like
        N, or N_eff of `A^p`: positive; broadcasts against the batch.
    p : float
        Power, p >= 1.
    """
    kappa = power_cumulants(activation, p, 3)
    shape, _ = inner_shape_and_ratio(kappa, positions)
    ratio = np.broadcast_to(gamma_ratio(kappa[0], kappa[1], kappa[2]), shape.shape)
    return GeneralisedMeanTrust(check_power(p), ratio, shape)
