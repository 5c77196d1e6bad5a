"""Checks of chapter T6: estimates from maps, and mixtures over images."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from aggdist.aggregation import ImageVariation, image_mixture, observed_effective_positions
from aggdist.distributions import ZeroInflatedGamma
from aggdist.equations.registry import Evidence, absolute_error, equation, violation

Array = NDArray[np.float64]
_CHAPTER = "06_correlated_positions"
_KINDS, _SHARES = np.array([0.2, 0.7]), np.array([0.4, 0.6])
"""Probability of being active in two kinds of image, and how frequent these are."""
_FIELDS = ("mean", "between", "within", "between_third", "covariance", "within_third")


def _true() -> ImageVariation:
    """The moments of activations 0 or 1 in the two kinds of image."""
    spread = _KINDS * (1 - _KINDS)
    return ImageVariation.of_laws(_KINDS, spread, spread * (1 - 2 * _KINDS), _SHARES)


def _all_samples() -> tuple[Array, Array]:
    """All samples of 3 images with 3 positions of 0 or 1: averages (3, 4096), probabilities (4096,)."""
    averages, chances = [], []
    for kind in product(range(2), repeat=3):
        for active in product(range(4), repeat=3):  # positions that are active, image by image
            p = _KINDS[list(kind)]
            count = np.array(active)
            ways = np.array([1, 3, 3, 1])[count]
            averages.append(count / 3)
            chances.append(np.prod(_SHARES[list(kind)] * ways * p**count * (1 - p) ** (3 - count)))
    return np.array(averages).T, np.array(chances)


def _central_sums(average: Array) -> tuple[Array, Array]:
    """Sums over 3 positions of 0 or 1 of the squared and cubed deviations from their average."""
    spread = 3 * average * (1 - average)
    return spread, spread * (1 - 2 * average)


@equation(
    "T6.9", "unbiased: Var m, E v, kappa_3(m), Cov(m, v), E k from maps of N positions", chapter=_CHAPTER
)
def _unbiased() -> Evidence:
    average, chances = _all_samples()
    estimate, true = ImageVariation.estimate(average, *_central_sums(average), 3), _true()
    errors = [absolute_error(chances @ getattr(estimate, f), getattr(true, f)) for f in _FIELDS]
    return Evidence(max(errors), 1e-13, "mean over all samples of 3 images of 2 kinds with 3 positions")


@equation("T6.10", "images' averages taken for m: variance too large by E v/N, on average", chapter=_CHAPTER)
def _counted_twice() -> Evidence:
    """The variance and the third cumulant that the averages and the variances within images seem to give."""
    average, chances = _all_samples()
    second, third = (s / d for s, d in zip(_central_sums(average), (2, 2 / 3), strict=True))
    d, n = average - average.mean(axis=0), 3
    spread, joint = np.sum(d**2, axis=0) / 2, np.sum(d * second, axis=0) / 2
    cubes = np.sum(d**3, axis=0) * 3 / 2
    seeming = [spread + second.mean(axis=0) / n, cubes + 3 * joint / n + third.mean(axis=0) / n**2]
    true = _true()
    excess = counted_twice(n, true)
    errors = [
        absolute_error(chances @ s, k + e)
        for s, k, e in zip(seeming, true.cumulants(n)[1:], excess, strict=True)
    ]
    return Evidence(max(errors), 1e-13, "mean over all samples of 3 images of 2 kinds with 3 positions")


def counted_twice(n: int, true: ImageVariation) -> tuple[Array, Array]:
    """By how much variance and third cumulant are too large if an image's average is taken for its mean."""
    return true.within / n, 3 * true.covariance / n + 4 * true.within_third / n**2


@equation("T6.12", "standard error of log N_eff from the images' averages and variances", chapter=_CHAPTER)
def _standard_error() -> Evidence:
    """Against the spread over 2000 simulated samples of 150 images, relative."""
    rng = np.random.default_rng(611)
    gain = rng.standard_gamma(3.0, (150, 2000, 1))
    maps = gain * rng.standard_gamma(1.0, (150, 2000, 9))
    average = maps.mean(axis=2)
    found = observed_effective_positions(average, np.sum((maps - average[..., None]) ** 2, axis=2), 9)
    spread = np.log(found.value).std()
    claimed = np.sqrt(np.mean(found.log_standard_error**2))
    return Evidence(abs(claimed / spread - 1), 0.1, "spread over 2000 samples of 150 images with 9 positions")


def _images() -> tuple[ZeroInflatedGamma, Array]:
    """Laws of one activation for four kinds of image, and their probabilities."""
    law = ZeroInflatedGamma(np.array([0.08, 0.3, 0.55, 0.9]), np.full(4, 1.4), np.array([0.5, 1.0, 0.7, 2.0]))
    return law, np.array([0.4, 0.3, 0.2, 0.1])


@equation("T6.8", "max: P(Z <= z) = E F(z | image)^N >= F(z)^N; so P(Z = 0) >= (1-q)^N", chapter=_CHAPTER)
def _maximum() -> Evidence:
    """Simulated maps in standard errors over 5, and violations of the inequality, for the maximum and for 0."""
    law, chances = _images()
    z, n = np.array([0.0, 0.3, 1.0, 3.0]), 9
    claimed = image_mixture(law, n, "max", weights=chances).cdf(z)
    rng = np.random.default_rng(612)
    kind = rng.choice(4, 20_000, p=chances)
    maps = (
        rng.standard_gamma(1.4, (n, 20_000)) * law.scale[kind] * (rng.random((n, 20_000)) < law.active[kind])
    )
    seen = np.mean(maps.max(axis=0) <= z[:, None], axis=1)
    off = np.max(np.abs(seen - claimed) / np.sqrt(claimed * (1 - claimed) / 20_000)) / 5
    pot = (law.cdf(z[:, None]) @ chances) ** n
    silent = image_mixture(law, n, weights=chances).atoms()[0].mass
    errors = [violation(pot, claimed), absolute_error(silent, claimed[0])]
    return Evidence(
        float(off) if max(errors) < 1e-12 else np.inf,
        1.0,
        "20,000 simulated maps, N = 9, in 5 standard errors",
    )
