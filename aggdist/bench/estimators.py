"""Estimates from samples: nearest-neighbour divergence and gamma maximum likelihood."""

from __future__ import annotations

import numpy as np
from scipy import stats

from aggdist.bench.figure import Figure
from aggdist.bench.timing import least_ms
from aggdist.distributions import Gamma
from aggdist.divergence import knn_kl

SAMPLE, SMALL = 100_000, 10_000
CHANNELS, OBSERVATIONS = 512, 10_000


def nearest_neighbour() -> list[Figure]:
    """Time for two large samples, and agreement with the package `universal-divergence` on a part of them."""
    import universal_divergence

    rng = np.random.default_rng(0)
    x, y = rng.gamma(10.0, 1.5, SAMPLE), rng.gamma(10.0, 1.0, SAMPLE)
    part = x[:SMALL], y[:SMALL]
    theirs = universal_divergence.estimate(*(v[:, None] for v in part), k=1)
    group = "k-nearest-neighbour KL"
    return [
        Figure(
            group, f"{SAMPLE} against {SAMPLE} values", least_ms(lambda: knn_kl(x, y)), 25.0, "time", "ms"
        ),
        Figure(
            group, "difference to universal-divergence", abs(knn_kl(*part) - float(theirs)), 1e-10, "error"
        ),
    ]


def gamma_fit() -> list[Figure]:
    """Maximum likelihood for many channels at once, and agreement with scipy's fit of one."""
    rng = np.random.default_rng(1)
    shape = rng.uniform(0.3, 30, CHANNELS)
    x = rng.standard_gamma(shape, (OBSERVATIONS, CHANNELS))
    found = Gamma.fit_mle(x)
    theirs = stats.gamma.fit(x[:, 0], floc=0)[0]
    group = "Gamma maximum likelihood"
    own = least_ms(lambda: Gamma.fit_mle(x))
    scipy_each = least_ms(lambda: stats.gamma.fit(x[:, 0], floc=0), 0.5)
    return [
        Figure(group, f"{CHANNELS} channels by {OBSERVATIONS} values", own, 100.0, "time", "ms"),
        Figure(group, "faster than scipy, a channel", scipy_each * CHANNELS / own, None, "ratio", "times"),
        Figure(
            group,
            "difference of a shape to scipy's, relative",
            abs(found.shape[0] / theirs - 1),
            1e-6,
            "error",
        ),
    ]
