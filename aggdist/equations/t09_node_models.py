"""Checks of chapter T9: approximations of an output node's law, and channels that depend on each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist.distributions import Normal, ShiftedGamma, WeightedGammaSum
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation
from aggdist.equations.t09_output_nodes import CHAPTER, node

Array = NDArray[np.float64]
_ALLOWED = 4.5
"""Standard errors that a simulated mean may be off: fewer than 1 in 100,000 seeds exceed it."""


def _sums(seed: int) -> list[WeightedGammaSum]:
    """Signed sums of 1 to 300 terms; in the last but one a single term dominates."""
    rng = np.random.default_rng(seed)
    found = [
        node(rng.normal(0.2, 1, n), rng.uniform(0.3, 8, n), rng.uniform(0.2, 2, n)) for n in (1, 3, 20, 300)
    ]
    dominated = np.append(rng.normal(0, 0.02, 99), 1.0)
    found.append(node(dominated, rng.uniform(0.3, 3, 100)))
    found.append(node(rng.normal(size=40), 1.5, 1.0, rng.uniform(0.1, 0.9, 40), 2.0))
    return found


@equation(
    "T9.9",
    "saddlepoint density of one gamma / its density = Gamma(k) e^k k^(1/2 - k)/sqrt(2 pi)",
    chapter=CHAPTER,
)
def _saddlepoint_of_a_gamma() -> Evidence:
    """First order at the explicit saddlepoint; the library's second order adds the factor 1 - 1/(12 k)."""
    shape = np.array([0.2, 1.0, 4.0, 60.0])
    law = node(np.full((4, 1), 1.7), shape[:, None])
    x = law.mean() * np.array([0.01, 0.3, 1.0, 2.0, 30.0])[:, None]
    s = 1 / 1.7 - shape / x
    tilted = law.tilt(s)
    first = law.cgf(s) - s * x - 0.5 * np.log(2 * np.pi * tilted.var())
    printed = special.gammaln(shape) + shape + (0.5 - shape) * np.log(shape) - 0.5 * np.log(2 * np.pi)
    exact = law.logpdf(x, method="contour")
    second = law.logpdf(x, method="saddlepoint") - np.log1p(-1 / (12 * shape))
    errors = [absolute_error(each - exact, np.broadcast_to(printed, x.shape)) for each in (first, second)]
    errors.append(absolute_error(tilted.mean() / x, 1.0))
    return Evidence(max(errors), 1e-10, "four shapes from 0.2 to 60, x from 0.01 to 30 times the mean")


@equation("T9.10", "P(y > x) is nearly Phi(-w) + phi(w) (1/u - 1/w) (Lugannani and Rice)", chapter=CHAPTER)
def _lugannani_rice() -> Evidence:
    """Against the contour; n copies of one sum, so that the error must fall like a power of n."""
    rng = np.random.default_rng(910)
    weights, shape = rng.normal(0.1, 1, 6), rng.uniform(0.5, 3, 6)
    errors = []
    for copies in (1, 4, 16, 64):
        law = node(weights, shape * copies)
        x = law.mean() + law.std() * np.array([-3.0, -1.0, -1e-7, 0.0, 0.4, 2.0, 4.0])
        exact = law.sf(x, method="contour")
        errors.append(absolute_error(law.sf(x, method="saddlepoint"), exact))
    # The error of order n^(-3/2) is measured on that scale, and the first is the yardstick.
    scaled = np.array(errors) * np.array([1.0, 4.0, 16.0, 64.0])
    detail = (
        "largest of n times the error of n = 1, 4, 16, 64 copies of six terms, between -3 and 4 deviations"
    )
    return Evidence(float(np.max(scaled)), 3e-3, detail)


def _absolute_third(shape: Array, active: Array) -> Array:
    """E|Z - EZ|^3 of zero-inflated gammas of scale 1, from incomplete gamma functions."""
    mean = shape * active
    # Beyond the mean, E (Z - m)^3 1{Z > m}; twice that minus the third cumulant is the absolute moment.
    rising = np.ones_like(shape)
    upper = np.zeros_like(shape)
    for r in range(4):
        tail = active * rising * special.gammaincc(shape + r, mean)
        upper = upper + special.binom(3, r) * (-mean) ** (3 - r) * tail
        rising = rising * (shape + r)
    third = active * shape * (shape + 1) * (shape + 2) - 3 * mean * active * shape * (shape + 1) + 2 * mean**3
    return np.asarray(2 * upper - third)


@equation(
    "T9.11",
    "L = sum_c |w_c|^3 E|Z_c - E Z_c|^3 / sd^3 bounds the distance to the normal law: 6 L for the cdf",
    chapter=CHAPTER,
)
def _normal_limit() -> Evidence:
    """Both bounds (cf and cdf) on seven sums; the absolute third moment of the exponential law by hand."""
    wrong = []
    t = np.linspace(0.02, 4, 200)
    for law in [*_sums(911), node(np.ones(4000), 0.5)]:
        std, beta = law.std(), np.abs(law.weights * law.scale)
        ratio = float(np.sum(beta**3 * _absolute_third(law.shape, law.active)) / std**3)
        standardised = law.cf(t / std) * np.exp(-1j * t * law.mean() / std)
        bound = ratio * t**3 / 6 + ratio ** (4 / 3) * t**4 / 8
        wrong.append(violation(np.abs(standardised - np.exp(-t * t / 2)), bound))
        x = law.mean() + std * np.linspace(-4, 4, 81)
        wrong.append(violation(np.abs(law.cdf(x) - Normal(law.mean(), std).cdf(x)), 6 * ratio))
    by_hand = 12 / np.e - 2  # E|X - 1|^3 of the exponential law
    wrong.append(abs(float(_absolute_third(np.array(1.0), np.array(1.0))) - by_hand))
    return Evidence(
        max(wrong), 1e-12, "violation of either bound, seven sums; third moment of the exponential"
    )


@equation(
    "T9.12",
    "two matched gammas keep mean and variance, and shrink each side's third cumulant",
    chapter=CHAPTER,
)
def _difference_of_gammas() -> Evidence:
    errors = []
    for law in _sums(912)[1:5]:
        beta, k = law.weights * law.scale, law.shape
        sides = [k * np.where(sign * beta > 0, beta, 0) for sign in (1, -1)]
        first, second, third = (np.array([np.sum(side * beta**r) for side in sides]) for r in (0, 1, 2))
        pair = node(second / first, first**2 / second)
        errors += [relative_error(pair.cumulant(1), law.mean()), relative_error(pair.cumulant(2), law.var())]
        matched = 2 * second**2 / first
        errors.append(violation(np.abs(matched), np.abs(2 * third) * (1 + 1e-12)))
        errors.append(absolute_error(pair.cumulant(3), np.sum(matched)) / float(law.var()) ** 1.5)
    return Evidence(
        max(errors), 1e-9, "mean, variance and third cumulant of both sides, sums of 3 to 300 terms"
    )


class _BrightFeatures:
    """Channels that share a brightness: Z_c = B Y_c, B ~ Gamma(9)/9, Y_c independent gammas."""

    def __init__(self, channels: int = 12, seed: int = 913) -> None:
        self.rng = np.random.default_rng(seed)
        self.shape = self.rng.uniform(0.5, 5, channels)
        self.scale = np.exp(self.rng.normal(-1, 0.5, channels))
        self.mean, self.spread = self.shape * self.scale, self.shape * self.scale**2

    def covariance(self) -> Array:
        """E[B^2] diag(var Y) + Var(B) E[Y] E[Y]'."""
        return np.asarray((1 + 1 / 9) * np.diag(self.spread) + np.outer(self.mean, self.mean) / 9)

    def sample(self, n: int) -> Array:
        """Features of n images, shape (n, channels)."""
        bright = self.rng.standard_gamma(9.0, (n, 1)) / 9
        return np.asarray(bright * self.scale * self.rng.standard_gamma(self.shape, (n, len(self.shape))))


@equation("T9.13", "Var y = w' Sigma w, for any dependence between the channels", chapter=CHAPTER)
def _dependent_variance() -> Evidence:
    """Simulated heads of channels that share a brightness, in standard errors of a variance."""
    features = _BrightFeatures()
    z, weights = features.sample(200_000), features.rng.normal(size=(8, 12))
    weights[0] = features.mean / features.spread
    squares = (weights @ (z - features.mean).T) ** 2
    off = np.abs(squares.mean(axis=1) - np.einsum("kc,cd,kd->k", weights, features.covariance(), weights))
    units = squares.std(axis=1) / np.sqrt(z.shape[0])
    return Evidence(
        float(np.max(off / units)), _ALLOWED, "standard errors, 8 heads of 12 channels, 200,000 images"
    )


def decorrelated(z: Array, weights: Array, basis: Array | None = None) -> WeightedGammaSum:
    """Laws of heads `weights` (K, C) of features `z` (n, C): independent shifted gammas along a basis.

    The basis is the sample's principal one unless given as the columns of an orthogonal (C, C) array.
    """
    mean, covariance = z.mean(axis=0), np.cov(z.T)
    vectors = np.linalg.eigh(covariance)[1] if basis is None else basis
    parts = (z - mean) @ vectors
    variance = np.einsum("ci,cd,di->i", vectors, covariance, vectors)
    skew = np.mean(parts**3, axis=0) / variance**1.5
    # A shifted gamma of skewness 0 is normal, which is no gamma.
    skew = np.where(np.abs(skew) < 1e-3, 1e-3, skew)
    along, root = weights @ vectors, np.sqrt(variance)
    offset = weights @ mean - np.sum(2 * along * root / skew, axis=-1)
    return node(along * np.sign(skew), 4 / skew**2, root * np.abs(skew) / 2, 1.0, offset)


def _third_cumulants(z: Array) -> Array:
    """Joint third cumulants of features (n, C) about their sample means, shape (C, C, C)."""
    centred = z - z.mean(axis=0)
    return np.asarray(np.einsum("na,nb,nc->abc", centred, centred, centred, optimize=True) / len(z))


@equation(
    "T9.14",
    "decorrelated: b + w'm, w' Sigma w and sum_i (Q'w)_i^3 kappa_3(s_i) for every head",
    chapter=CHAPTER,
)
def _decorrelated_heads() -> Evidence:
    """Mean and variance against the heads' own samples, also along the direction of least variance."""
    features = _BrightFeatures(seed=914)
    z = features.sample(3000)
    vectors = np.linalg.eigh(np.cov(z.T))[1]
    weights = np.concatenate([features.rng.normal(size=(20, 12)), vectors[:, :2].T, np.eye(12)])
    law, y = decorrelated(z, weights), z @ weights.T
    kept = np.einsum("ai,bi,ci,abc->i", vectors, vectors, vectors, _third_cumulants(z), optimize=True)
    third = (weights @ vectors) ** 3 @ kept
    units = y.std(axis=0)
    errors = [
        absolute_error(law.mean() / units, y.mean(axis=0) / units),
        relative_error(law.var(), y.var(axis=0, ddof=1)),
        absolute_error(law.cumulant(3) / units**3, third / units**3),
    ]
    return Evidence(max(errors), 1e-9, "34 heads of 12 channels against their own samples of 3000")


@equation(
    "T9.15",
    "a basis Q that is not the label's own: variance w' Q diag(Q' Sigma Q) Q' w; isotropic rest: off by mean/min",
    chapter=CHAPTER,
)
def _wrong_bases() -> Evidence:
    """A foreign basis, and the extremes of the ratio under an isotropic residual, over random heads."""
    features = _BrightFeatures(seed=915)
    z = features.sample(3000)
    covariance = np.cov(z.T)
    foreign = np.linalg.qr(features.rng.normal(size=(12, 12)))[0]
    weights = features.rng.normal(size=(20, 12))
    printed = (weights @ foreign) ** 2 @ np.diag(foreign.T @ covariance @ foreign)
    errors = [relative_error(decorrelated(z, weights, foreign).var(), printed)]
    values, vectors = np.linalg.eigh(covariance)
    rest, level = values[:8], values[:8].mean()
    heads = np.concatenate([features.rng.normal(size=(2000, 8)), np.eye(8)])
    isotropic = vectors[:, :8] @ vectors[:, :8].T * level
    w = heads @ vectors[:, :8].T
    ratio = np.einsum("kc,cd,kd->k", w, isotropic, w) / np.einsum("kc,cd,kd->k", w, covariance, w)
    errors += [abs(ratio.max() / (level / rest.min()) - 1), abs(ratio.min() / (level / rest.max()) - 1)]
    return Evidence(max(errors), 1e-9, "20 heads in a random basis; 2008 heads in a residual of 8 directions")


@equation(
    "T9.16",
    "kappa_3(w'Z) = sum_abc w_a w_b w_c kappa_abc, and the shifted gamma takes (kappa_1, kappa_2, kappa_3)",
    chapter=CHAPTER,
)
def _projected_cumulants() -> Evidence:
    """Contracted joint cumulants against the outputs' own; the law's cumulants by quadrature."""
    features = _BrightFeatures(seed=916)
    z, weights = features.sample(2000), features.rng.normal(size=(30, 12))
    y = z @ weights.T
    third = np.mean((y - y.mean(axis=0)) ** 3, axis=0)
    contracted = np.einsum("ka,kb,kc,abc->k", weights, weights, weights, _third_cumulants(z), optimize=True)
    law = ShiftedGamma.fit_moments(y.mean(axis=0), y.var(axis=0), contracted)
    units = y.std(axis=0)
    errors = [absolute_error(contracted / units**3, third / units**3)]
    for r, expected in ((1, y.mean(axis=0)), (2, units**2), (3, third)):
        errors.append(absolute_error(law.cumulant(r, method="numeric") / units**r, expected / units**r))
    low, high = law.support()
    end = law.cumulant(1) - 2 * law.cumulant(2) ** 2 / contracted
    errors.append(relative_error(np.where(contracted > 0, low, high), end))
    return Evidence(
        max(errors), 1e-8, "30 heads of 12 channels; cumulants 1 to 3 by quadrature, and the end point"
    )


@equation(
    "T9.17",
    "KL(p || (1-e) f + e g) <= min(KL(p||f) - log(1-e), KL(p||g) - log e)",
    chapter=CHAPTER,
)
def _mixing() -> Evidence:
    """Normal p and g, shifted gammas f that hold all of p or not, and nine shares e."""
    share = np.array([1e-14, 1e-10, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 0.9])[:, None]
    f = ShiftedGamma.fit_moments(
        np.array([2.0, 2.0, -1.0, 0.5]), np.ones(4), np.array([1.2, -1.2, 0.05, 1.5])
    )
    g = Normal(f.mean(), f.std())
    x = np.linspace(-10, 10, 4001)[:, None, None]
    p = Normal(np.array(0.0), np.array(0.9))
    weight = p.pdf(x) * (x[1] - x[0])
    mixed = np.logaddexp(np.log1p(-share) + f.logpdf(x), np.log(share) + g.logpdf(x))
    own = np.sum(weight * (p.logpdf(x) - mixed), axis=0)
    to_f, to_g = (np.sum(weight * (p.logpdf(x) - law.logpdf(x)), axis=0) for law in (f, g))
    bound = np.minimum(to_f - np.log1p(-share), to_g - np.log(share))
    infinite = 0.0 if np.isinf(to_f).sum() >= 2 and np.all(np.isfinite(own)) else np.inf
    return Evidence(
        max(violation(own, bound), infinite), 1e-9, "violation; four shifted gammas, nine shares e"
    )
