"""The same densities and cdfs by other means: a plain Fourier sum, scipy's quad, and OpenTURNS."""

from __future__ import annotations

import importlib.util

import numpy as np
from numpy.typing import NDArray
from scipy import integrate

from aggdist.distributions.gamma_terms import GammaTerms

Array = NDArray[np.float64]


def plain_sums(terms: GammaTerms, x: Array, frequencies: int = 1200) -> tuple[Array, Array]:
    """Density and cdf of one sum without a joint atom, terms of shape (C,), x in its bulk.

    Half-integer frequencies over a period of 120 standard deviations, far finer than needed, with complex powers
    summed term by term: an independent route, good to a few 1e-15 for sums of many terms.
    """
    step = 2 * np.pi / (120 * float(np.sqrt(terms.cumulant(2))))
    order = np.arange(frequencies) + 0.5
    logs = -terms.shape * np.log(1 - 1j * np.multiply.outer(order * step, terms.b))
    if terms.inflated:
        logs = np.log(1 - terms.active + terms.active * np.exp(logs))
    waves = np.exp(logs.sum(axis=1)[:, None] - 1j * step * np.multiply.outer(order, x))
    return step / np.pi * waves.real.sum(axis=0), 0.5 - (waves.imag / order[:, None]).sum(axis=0) / np.pi


def quad_sums(terms: GammaTerms, x: Array) -> tuple[Array, Array]:
    """Density and cdf of one sum of plain gammas by adaptive quadrature of Gil-Pelaez's integrals to 1e-10."""

    def integrand(t: float, at: float, of_cdf: bool) -> float:
        bt = terms.b * t
        phase = float(terms.shape @ np.arctan(bt)) - t * at
        size = float(np.exp(-0.5 * (terms.shape @ np.log1p(bt * bt))))
        return size * float(np.sin(phase)) / t if of_cdf else size * float(np.cos(phase))

    end = 40 / float(np.sqrt(terms.cumulant(2)))
    found = [
        [integrate.quad(integrand, 0, end, (at, of_cdf), epsabs=1e-10, epsrel=0, limit=400)[0] for at in x]
        for of_cdf in (False, True)
    ]
    return np.array(found[0]) / np.pi, 0.5 - np.array(found[1]) / np.pi


def has_openturns() -> bool:
    """Whether OpenTURNS is installed (the extra `bench`)."""
    return importlib.util.find_spec("openturns") is not None


def openturns_sums(terms: GammaTerms, x: Array) -> tuple[Array, Array]:
    """Density and cdf of one sum of plain gammas by OpenTURNS (formerly RandomMixture), tuned to errors near 1e-13."""
    import openturns as ot

    mixture = ot.LinearCombinationDistribution(
        [ot.Gamma(a, 1.0) for a in terms.shape.tolist()], terms.b.tolist()
    )
    mixture.setAlpha(16)
    mixture.setBeta(18)
    sample = ot.Sample(x[:, None])
    pdf, cdf = mixture.computePDF(sample), mixture.computeCDF(sample)
    return np.asarray(pdf)[:, 0], np.asarray(cdf)[:, 0]
