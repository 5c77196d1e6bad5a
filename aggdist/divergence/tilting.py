"""Exponential tilts of many weighted sums at once: the solver behind the closed-form divergence of nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist.distributions.gamma_terms import GammaTerms, log_inflated
from aggdist.divergence.batches import higher_cumulants

Array = NDArray[np.float64]

_STEPS = 300
_CLOSE = 1e-9
"""Distance of K'(c) to its target in standard deviations: the rate is then exact to 1e-18."""
_SURE = 1e-13
"""Error of a mixture's rate, in nats and relative, at which its tilt need not be found any better."""
_BLOCK = 40_000  # terms done together, so that their arrays stay in the processor's cache


@dataclass(frozen=True)
class Tilt:
    """Tilts c with K'(c) = x.

    Attributes
    ----------
    rate : array
        `c x - K(c)`, Cramer's rate function at x.
    tilt : array
        c; infinite at and beyond the ends of the support.
    variance, third, fourth : array
        Second to fourth derivative of K at c, the cumulants of the tilted law; 0 where `tilt` is infinite.
    """

    rate: Array
    tilt: Array
    variance: Array
    third: Array
    fourth: Array


def solve_tilt(terms: GammaTerms, x: Array) -> Tilt:
    """Solve K'(c) = x for sums with offset 0: terms of shape (L, C), x of shape (L,).

    Newton steps from the tilt of a shifted gamma law with the same three cumulants, kept inside a bracket.
    """
    out = np.empty((5, len(x)))
    step = max(1, _BLOCK // terms.b.shape[-1])
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        part = _Block(GammaTerms(terms.b[rows], terms.shape[rows], terms.active[rows]))
        out[:3, rows] = _solve_block(part, x[rows])
        inside = np.isfinite(out[1, rows])
        out[3:, rows] = np.where(inside, part.higher(np.where(inside, out[1, rows], 0.0)), 0.0)
    return Tilt(*out)


def solve_mixture_tilt(terms: GammaTerms, gap: Array, log_weights: Array) -> Array:
    """`sup_c [c x - log sum_j pi_j exp(K_j(c))]` for L mixtures of J components.

    Parameters
    ----------
    terms
        Shape (L J, C), offset 0, the components of a mixture one after the other.
    gap, log_weights : arrays, shape (L, J)
        x minus the component's offset, and log pi.
    """
    mixtures, components = gap.shape
    out = np.empty(mixtures)
    step = max(1, _BLOCK // (terms.b.shape[-1] * components))
    for start in range(0, mixtures, step):
        stop = min(start + step, mixtures)
        rows = slice(start * components, stop * components)
        counts = np.isfinite(log_weights[start:stop])
        # A component without weight is switched off: its generating function may be infinite where others are not.
        b = np.where(counts.reshape(-1, 1), terms.b[rows], 0.0)
        block = _Block(GammaTerms(b, terms.shape[rows], terms.active[rows]))
        mixed = _MixtureBlock(block, np.where(counts, gap[start:stop], 0.0), log_weights[start:stop])
        # In units of x: the mixture of the laws of Y_j - x has to be tilted to the mean 0.
        out[start:stop] = _solve_block(mixed, np.zeros(stop - start))[0]
    return out


class _Block:
    """Cumulant generating functions of a block of sums."""

    rate_alone = False

    def __init__(self, terms: GammaTerms) -> None:
        self.b, self.shape, self.active = terms.b, terms.shape, terms.active
        self.inflated = terms.inflated
        if self.inflated:
            # A term that is always 0 is a term of scale 0.
            off = self.active <= 0
            self.b, self.active = np.where(off, 0.0, self.b), np.where(off, 1.0, self.active)
        with np.errstate(divide="ignore"):
            self.inverse_odds = np.log1p(-self.active) - np.log(self.active) if self.inflated else self.active
        self.clean = GammaTerms(self.b, self.shape, self.active)

    def take(self, rows: NDArray[np.intp]) -> _Block:
        """Chosen sums."""
        return _Block(self.clean.take(rows))

    def cumulants(self) -> tuple[Array, Array, Array]:
        if self.inflated:
            first, second, third = (self.clean.cumulant(r) for r in (1, 2, 3))
            return first, second, third
        first = self.shape * self.b
        third = 2 * np.einsum("lc,lc->l", first, self.b * self.b)
        return first.sum(axis=-1), np.einsum("lc,lc->l", first, self.b), third

    def domain(self) -> tuple[Array, Array]:
        return self.clean.domain()

    def hull(self) -> tuple[Array, Array]:
        """Ends of the support."""
        low, high = self.clean.domain()
        return np.where(np.isfinite(low), -np.inf, 0.0), np.where(np.isfinite(high), np.inf, 0.0)

    def end_mass(self, x: Array) -> Array:
        """Logarithm of the mass at an end of the support."""
        del x
        return self.clean.log_atom()

    def slopes(self, c: Array) -> tuple[Array, Array]:
        """K'(c) and K''(c)."""
        keep = 1 - self.b * c[:, None]
        part = self.b / keep
        if not self.inflated:
            first = self.shape * part
            return first.sum(axis=-1), np.einsum("lc,lc->l", first, part)
        active = special.expit(-(self.inverse_odds + self.shape * np.log(keep)))
        first = active * self.shape * part
        return first.sum(axis=-1), np.einsum("lc,lc->l", first, part * (1 + self.shape * (1 - active)))

    def higher(self, c: Array) -> tuple[Array, Array]:
        """Third and fourth derivative of K at c."""
        return higher_cumulants(self.clean.tilt(c))

    def value(self, c: Array) -> Array:
        """K(c)."""
        grown = -self.shape * np.log1p(-self.b * c[:, None])
        if self.inflated:
            grown = log_inflated(self.active, grown)
        return np.asarray(grown.sum(axis=-1))


class _MixtureBlock:
    """Cumulant generating functions of mixtures of the laws of Y_j - x.

    Only the rate is asked of them. The tilt may not exist in floating point: where an unlikely component ends the
    domain, K' may reach its target closer to that end than numbers are to each other.
    """

    rate_alone = True

    def __init__(self, block: _Block, gap: Array, log_weights: Array) -> None:
        self.block, self.gap, self.log_weights = block, gap, log_weights
        self.counts = np.isfinite(log_weights)

    def take(self, rows: NDArray[np.intp]) -> _MixtureBlock:
        """Chosen mixtures."""
        components = self.gap.shape[1]
        index = (rows[:, None] * components + np.arange(components)).reshape(-1)
        return _MixtureBlock(self.block.take(index), self.gap[rows], self.log_weights[rows])

    def _split(self, values: Array) -> Array:
        return values.reshape(self.gap.shape)

    def cumulants(self) -> tuple[Array, Array, Array]:
        first, second, third = (self._split(v) for v in self.block.cumulants())
        pi = np.exp(self.log_weights)
        own = first - self.gap
        mean = np.sum(pi * own, axis=-1)
        away = own - mean[:, None]
        variance = np.sum(pi * (second + away**2), axis=-1)
        return mean, variance, np.sum(pi * (third + 3 * away * second + away**3), axis=-1)

    def domain(self) -> tuple[Array, Array]:
        low, high = (self._split(v) for v in self.block.domain())
        return (
            np.max(np.where(self.counts, low, -np.inf), axis=-1),
            np.min(np.where(self.counts, high, np.inf), axis=-1),
        )

    def hull(self) -> tuple[Array, Array]:
        low, high = (self._split(v) - self.gap for v in self.block.hull())
        return (
            np.min(np.where(self.counts, low, np.inf), axis=-1),
            np.max(np.where(self.counts, high, -np.inf), axis=-1),
        )

    def end_mass(self, x: Array) -> Array:
        """Logarithm of the mass at x: that of the components that have an atom there."""
        masses = self._split(self.block.clean.log_atom()) + self.log_weights
        return np.asarray(special.logsumexp(np.where(-self.gap == x[:, None], masses, -np.inf), axis=-1))

    def _parts(self, c: Array) -> tuple[Array, Array]:
        each = np.repeat(c, self.gap.shape[1])
        log_parts = self.log_weights + self._split(self.block.value(each)) - c[:, None] * self.gap
        total = np.asarray(special.logsumexp(log_parts, axis=-1))
        return total, np.exp(log_parts - total[:, None])

    def slopes(self, c: Array) -> tuple[Array, Array]:
        _, share = self._parts(c)
        first, second = (self._split(v) for v in self.block.slopes(np.repeat(c, self.gap.shape[1])))
        own = first - self.gap
        mean = np.sum(share * own, axis=-1)
        return mean, np.sum(share * (second + (own - mean[:, None]) ** 2), axis=-1)

    def value(self, c: Array) -> Array:
        return self._parts(c)[0]


def _solve_block(block: _Block | _MixtureBlock, x: Array) -> Array:
    """Rows rate, tilt, variance."""
    low_end, high_end = block.hull()
    inside = (x > low_end) & (x < high_end)
    mean, variance, third = block.cumulants()
    target = np.where(inside, x, mean)
    c, spread = _newton(block, target, mean, variance, third)
    rate = np.maximum(c * target - block.value(c), 0.0)
    at_end = np.full(x.shape, np.inf)
    if np.any((x == low_end) | (x == high_end)):
        at_end = np.where((x == low_end) | (x == high_end), -block.end_mass(x), np.inf)
    endless = np.where(x >= high_end, np.inf, -np.inf)
    rate, c = np.where(inside, rate, at_end), np.where(inside, c, endless)
    return np.stack([rate, c, np.where(inside, spread, 0.0)])


def _newton(
    block: _Block | _MixtureBlock, target: Array, mean: Array, variance: Array, third: Array
) -> tuple[Array, Array]:
    """c with K'(c) = target, and K''(c)."""
    low, high = block.domain()
    unit = 1 / np.sqrt(variance)
    out = np.empty((2, len(target)))
    rows = np.arange(len(target))
    c = _start(target, mean, variance, third, low, high)
    for _ in range(_STEPS):
        first, second = block.slopes(c)
        gap = first - target
        low, high = np.where(gap < 0, c, low), np.where(gap >= 0, c, high)
        todo = ~(np.abs(gap) <= _CLOSE * np.sqrt(second))
        if block.rate_alone:
            # c x - K(c) is concave: nowhere in the bracket does it exceed its value here by more than this.
            todo &= ~(np.abs(gap) <= _SURE * (1 + np.abs(gap * c)) / np.maximum(high - low, 1e-300))
        out[:, rows[~todo]] = c[~todo], second[~todo]
        if not np.any(todo):
            return out[0], out[1]
        # Those that are done stay: another step would move them off by rounding, and then by half a bracket.
        c = np.where(todo, _step(c, gap, second, low, high, unit), c)
        if np.count_nonzero(todo) <= 0.7 * len(rows):
            block, rows = block.take(np.flatnonzero(todo)), rows[todo]
            c, target, low, high, unit = (v[todo] for v in (c, target, low, high, unit))
    raise ArithmeticError(
        f"no tilt found in {_STEPS} steps for {len(rows)} points, expected one for every point inside the support; "
        "a point may lie within rounding of its end"
    )


def _step(c: Array, gap: Array, slope: Array, low: Array, high: Array, unit: Array) -> Array:
    """Newton's step where it stays inside the bracket, else the middle of it."""
    newton = c - gap / slope
    # Without a finite end on that side the step is doubled until the target is passed.
    far = np.where(gap < 0, np.maximum(2 * c, unit), np.minimum(2 * c, -unit))
    with np.errstate(invalid="ignore"):
        middle = np.where(np.isfinite(low) & np.isfinite(high), 0.5 * (low + high), far)
    return np.where((newton > low) & (newton < high), newton, middle)


def _start(target: Array, mean: Array, variance: Array, third: Array, low: Array, high: Array) -> Array:
    """The tilt of the shifted gamma law with the same three cumulants, kept well inside the domain."""
    away = (target - mean) / variance
    with np.errstate(divide="ignore"):
        c = away / np.maximum(1 + 0.5 * third * away / variance, 0.05)
    return np.asarray(np.clip(c, 0.9 * low, 0.9 * high))
