"""Zero-inflated generalised gamma: a power of a zero-inflated gamma variable, for pooled features (theory item T2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special as scipy_special

from aggdist.distributions import moments, special
from aggdist.distributions.base import Atom, Distribution
from aggdist.distributions.checks import Array, gamma_shape, positive, probability, require, sample_along
from aggdist.distributions.gamma import shape_from_log_gap
from aggdist.distributions.generalised_gamma import GeneralisedGamma
from aggdist.distributions.zero_inflated_gamma import ZeroInflatedGamma

POWERS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 6.0)
"""Powers between which `fit_powers` chooses; still larger ones have no tail beyond the sample they are fitted to."""
SHAPES = (1e-3, 1e6)
"""Range to which `fit_powers` confines the shape."""
FEWEST = 32
"""Positive values that `fit_powers` needs to choose a power; from fewer the choice does not carry over to new data."""

# The log-mean gaps of the ends of the range of shapes.
_LEAST_GAP, _LARGEST_GAP = (float(np.log(a) - scipy_special.digamma(a)) for a in reversed(SHAPES))
_NEARBY = (0.85, 1.0, 1 / 0.85)
"""Factors about the power found on the grid, for the second parabola."""
_BLOCK = 1 << 16


@dataclass(frozen=True, eq=False)
class ZeroInflatedGeneralisedGamma(Distribution):
    """0 with probability `1 - active`, else Stacy's law: `Z^power ~ Gamma(shape, scale)` (theory items T2, T8).

    Density `active power z^(power shape - 1) exp(-z^power/scale) / (Gamma(shape) scale^shape)` on z > 0
    (Stacy 1962), moments `active scale^(r/power) Gamma(shape + r/power)/Gamma(shape)` for r > 0. power = 1 is
    the zero-inflated gamma law, shape = 1 the zero-inflated Weibull law; power -> 0 with `power^2 shape` fixed
    is the lognormal law. The characteristic function has no closed form and is **numeric by default**.

    Parameters
    ----------
    active : array_like
        P(Z > 0) in [0, 1]; 0 leaves the atom alone (the other parameters are then nominal).
    shape, scale : array_like
        Of the gamma law of Z^power, positive and finite; shape below 1e15.
    power : array_like
        Positive and finite.

    Raises
    ------
    ValueError
        For parameters outside their domain, or whose `scale**(1/power)`, the unit of Z, is beyond the doubles.
    """

    active: Array
    shape: Array
    scale: Array
    power: Array

    def __post_init__(self) -> None:
        self._store(
            active=probability("active", self.active),
            shape=gamma_shape("shape", self.shape),
            scale=positive("scale", self.scale),
            power=positive("power", self.power),
        )
        with np.errstate(over="ignore", under="ignore"):
            unit = self.scale ** (1 / self.power)
        require(
            "scale", self.scale, (unit > 0) & np.isfinite(unit), "scale**(1/power) in the range of doubles"
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.active.shape

    @property
    def numeric_by_default(self) -> frozenset[str]:
        """The characteristic function."""
        return frozenset({"cf"})

    @cached_property
    def positive_part(self) -> GeneralisedGamma:
        """The law given that it is positive."""
        return GeneralisedGamma.from_gamma_power(self.shape, self.scale, self.power)

    def support(self) -> tuple[Array, Array]:
        """The non-negative half line; the point 0 where `active` is 0."""
        return np.zeros(self.batch_shape), np.where(self.active > 0, np.inf, 0.0)

    def atoms(self) -> tuple[Atom, ...]:
        """The atom at 0 of mass `1 - active`."""
        return (Atom(np.zeros(self.batch_shape), 1 - self.active),)

    def _logpdf(self, x: Array) -> Array:
        return np.where(self.active > 0, np.log(self.active) + self.positive_part.logpdf(x), -np.inf)

    def _cdf(self, x: Array) -> Array:
        return np.asarray(1 - self.active + self.active * self.positive_part.cdf(x))

    def _below(self, x: Array) -> Array:
        return self.active * self.positive_part.cdf(x)

    def _sf(self, x: Array) -> Array:
        return np.asarray(self.active * self.positive_part.sf(x))

    def _quantile(self, u: Array) -> Array:
        return self._point(u, 1 - u)

    def _upper_quantile(self, u: Array) -> Array:
        return self._point(1 - u, u)

    def _point(self, lower: Array, upper: Array) -> Array:
        """Point with these probabilities up to it and beyond it."""
        live = upper < self.active
        q = np.where(live, self.active, 1.0)
        above = np.where(live, upper / q, 0.5)
        below = np.where(live, np.maximum((lower - (1 - q)) / q, 0.0), 0.5)
        return np.where(live, self.positive_part._point(below, above), 0.0)

    def _moment(self, r: float) -> Array:
        return np.asarray(self.active * self.positive_part.moment(r))

    def _cumulant(self, r: int) -> Array:
        inner = [self.positive_part.cumulant(k) for k in range(1, r + 1)]
        return moments.compound_cumulant(moments.bernoulli_cumulants(self.active, r), inner)

    def _entropy(self) -> Array:
        coin = scipy_special.entr(self.active) + scipy_special.entr(1 - self.active)
        return np.asarray(coin + self.active * self.positive_part.entropy())

    def _location_spread(self) -> tuple[Array, Array]:
        """Of the positive part: the atom needs no resolution."""
        return self.positive_part._location_spread()

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        draws = self.positive_part.sample(rng, size)
        return np.where(rng.random(full) < self.active, draws, 0.0)

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> ZeroInflatedGeneralisedGamma:
        """Not offered, there need not be a maximum.

        Raises
        ------
        NotImplementedError
            Always: where logarithms are skewed to the right the likelihood grows towards power -> 0.
        """
        raise NotImplementedError(
            "ZeroInflatedGeneralisedGamma.fit_mle does not exist: the likelihood need not have a maximum in the "
            "power; use fit_powers, which searches a bounded range"
        )

    @classmethod
    def fit_powers(
        cls, x: ArrayLike, powers: Sequence[float] = POWERS, axis: int = 0
    ) -> ZeroInflatedGeneralisedGamma:
        """Maximum likelihood along `axis` for each power of a grid, and of these fits the likeliest.

        Given the power, the powers of the positive values have a gamma likelihood, so their sum and the sum
        of the logarithms are all it takes. The power then moves, twice, to the vertex of the parabola in
        log(power) through the likeliest and its neighbours, if that is likelier still: in the grid, and near there.

        The likelihood is bounded unless all positive values are equal, but it may have no maximum: it can grow
        towards power -> 0 (shape -> infinity, the lognormal law) or power -> infinity (shape -> 0). So the power
        stays between the ends of the grid and the shape in `SHAPES`. Where fewer than `FEWEST` values are
        positive, or they are so nearly equal that their gamma law has a shape above that range, powers cannot
        be told apart: the fit is that of `ZeroInflatedGamma.fit_mle`, with power 1. A sample without positive
        values gets `active = 0` and the nominal values 1.

        Parameters
        ----------
        x : array_like
            Observations >= 0. Their powers must be in the range of doubles.
        powers : sequence of float
            The grid, positive and ascending.

        Raises
        ------
        ValueError
            For negative observations, or a grid that is not positive and ascending.
        """
        grid = _checked_grid(powers)
        sample = sample_along(x, axis, least=1)
        if np.any(sample < 0):
            raise ValueError(f"x: got {sample.min()}, expected observations >= 0; rectify them first")
        data = _Logs.of(sample)
        total, log_mean = np.sum(sample, axis=0), data.mean + data.log_unit
        m = data.positives
        gamma = ZeroInflatedGamma.fit_sufficient(len(sample), m, total, m * log_mean)
        gap = np.log(np.where(m > 0, total, 1.0) / np.maximum(m, 1)) - log_mean
        free = (m >= FEWEST) & (gap >= _LEAST_GAP)
        column = (-1, *(1,) * m.ndim)
        coarse = data.likeliest(np.reshape(grid, column)).power
        fit = data.likeliest(np.clip(coarse * np.reshape(_NEARBY, column), grid[0], grid[-1]))
        power, shape = np.where(free, fit.power, 1.0), np.where(free, fit.shape, gamma.shape)
        scale = np.where(free, np.exp(fit.log_mean + power * data.log_unit) / shape, gamma.scale)
        return cls(gamma.active, shape, scale, power)


def _checked_grid(powers: Sequence[float]) -> Array:
    grid = positive("powers", powers)
    if grid.ndim != 1 or grid.size == 0 or np.any(np.diff(grid) <= 0):
        raise ValueError(f"powers: got {powers!r}, expected an ascending sequence of positive numbers")
    return grid


class _Fits(NamedTuple):
    """Gamma fits of powers: log-likelihood a positive value but for a constant, and the log mean of z^power."""

    power: Array
    value: Array
    shape: Array
    log_mean: Array

    def at(self, index: NDArray[np.intp]) -> _Fits:
        return _Fits(*(np.take_along_axis(np.broadcast_to(a, self.value.shape), index, axis=0) for a in self))

    def unless_better(self, other: _Fits) -> _Fits:
        better = other.value > self.value
        return _Fits(*(np.where(better, b, a)[0] for a, b in zip(self, other, strict=True)))


class _Logs(NamedTuple):
    """Logarithms of a sample, (n, *batch), in units of the largest value of each column; -inf at zeros."""

    logs: Array
    log_unit: Array
    positives: NDArray[np.intp]
    mean: Array

    @classmethod
    def of(cls, sample: Array) -> _Logs:
        top = np.max(sample, axis=0)
        log_unit = np.log(np.where(top > 0, top, 1.0))
        with np.errstate(divide="ignore"):
            logs = np.log(sample) - log_unit
        positives = np.asarray(np.count_nonzero(sample, axis=0))
        total = np.sum(np.where(sample > 0, logs, 0.0), axis=0)
        return cls(logs, log_unit, positives, np.asarray(total / np.maximum(positives, 1)))

    def likeliest(self, grid: Array) -> _Fits:
        """The best fit for powers on a grid, of shape (P, *batch or ones), and at the vertex between them."""
        fits = self.fits(grid)
        best = np.argmax(fits.value, axis=0)[None]
        refined = self.fits(np.exp(_vertex(np.log(grid), fits.value, best)))
        return fits.at(best).unless_better(refined)

    def fits(self, power: Array) -> _Fits:
        """Gamma fits of the powers, of shape (P, *batch or ones).

        With M the mean of z^power and L that of log z, `gap = log M - power L`. The scale M/k is best for every
        shape k, and leaves `log power - L - k - k gap + k log k - log Gamma(k)`, concave in log k: where the
        best shape is outside the range, the nearer end is best inside. By Stirling's formula nothing cancels
        for large shapes.
        """
        sums = _sums_of_powers(self.logs, power)
        log_mean = np.log(np.where(self.positives > 0, sums, 1.0) / np.maximum(self.positives, 1))
        gap = log_mean - power * self.mean
        shape = np.clip(shape_from_log_gap(np.clip(gap, _LEAST_GAP, _LARGEST_GAP)), *SHAPES)
        value = np.log(power) + 0.5 * np.log(shape) - special.stirling_remainder(1 / shape) - shape * gap
        return _Fits(power, value, shape, log_mean)


def _sums_of_powers(logs: Array, powers: Array) -> Array:
    """Sums over the first axis of exp(power logs), in blocks that stay in the processor's cache."""
    totals = np.zeros((len(powers), *logs.shape[1:]))
    rows = max(1, _BLOCK // max(1, totals[0].size))
    for start in range(0, len(logs), rows):
        block = logs[start : start + rows]
        for i, power in enumerate(powers):
            totals[i] += np.sum(np.exp(power * block), axis=0)
    return totals


def _vertex(place: Array, value: Array, best: NDArray[np.intp]) -> Array:
    """Vertex of the parabola through the best of `value` and the nearest two; the best itself where none is."""
    place, last = np.broadcast_to(place, value.shape), len(place) - 1
    own = np.take_along_axis(place, best, axis=0)
    if last < 2:
        return own
    three = [np.clip(best, 1, last - 1) + step for step in (-1, 0, 1)]
    left, middle, right = (np.take_along_axis(place, index, axis=0) for index in three)
    low, top, high = (np.take_along_axis(value, index, axis=0) for index in three)
    before, after = middle - left, right - middle
    apart = (before > 0) & (after > 0)
    up, down = (top - low) / np.where(apart, before, 1.0), (high - top) / np.where(apart, after, 1.0)
    bent = apart & (up > down)
    shift = (up * after + down * before) / (2 * np.where(bent, up - down, 1.0))
    return np.where(bent, np.clip(middle + shift, left, right), own)
