"""The bounded divergence: by hand, its bound, and without bias at every separation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.distributions import Gamma, Normal, ZeroInflatedGamma
from aggdist.divergence import bounded_divergence, bounded_kl, pooled_edges


def test_by_hand():
    x, y = np.array([1.0, 2.0, 3.0]), np.array([2.5, 4.0, 5.0])
    np.testing.assert_allclose(pooled_edges(x, y, 2), [2.75])
    raw = 2 / 3 * np.log(2 / 3 * 2) + 1 / 3 * np.log(1 / 3 * 2)
    assert bounded_kl(x, y, 2) == pytest.approx(raw - (1 / 3 + 2 / 3 - 1 / 2) / 6)


@pytest.mark.parametrize("family", ["normal", "gamma"])
@pytest.mark.parametrize("kl", [0.1, 1.0, 5.0, 50.0])
def test_within_one_per_cent_of_the_truth_at_every_separation(family, kl):
    rng = np.random.default_rng(1)
    if family == "normal":
        p, q = Normal(np.sqrt(2 * kl), 1.0), Normal(0.0, 1.0)
    else:
        scale = {0.1: 1.1487, 1.0: 1.5162, 5.0: 2.4039, 50.0: 8.1967}[kl]
        p, q = Gamma(10.0, scale), Gamma(10.0, 1.0)
    true = float(bounded_divergence(p, q, prior=0.1))
    values = [bounded_kl(p.sample(rng, 1000), q.sample(rng, 9000)) for _ in range(30)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values) - true) < 0.01 * true + 4 * error


@given(st.integers(0, 10**6), st.integers(10, 60), st.integers(10, 60), st.floats(-20, 20))
def test_never_above_its_bound(seed, n, m, shift):
    rng = np.random.default_rng(seed)
    value = bounded_kl(rng.normal(shift, 1, n), rng.gamma(2.0, 1.0, m))
    assert value <= np.log((n + m) / n) + 1 / (2 * n)


def test_separated_samples_reach_the_bound_on_either_side():
    rng = np.random.default_rng(2)
    for shift in (-40.0, 40.0):
        for n, m in ((37, 411), (200, 150)):
            value = bounded_kl(rng.normal(shift, 1, n), rng.normal(size=m))
            assert value == pytest.approx(np.log((n + m) / n), abs=1 / n)


def test_atoms_need_no_care():
    rng = np.random.default_rng(3)
    p, q = ZeroInflatedGamma(0.3, 2.0, 1.0), ZeroInflatedGamma(0.7, 2.0, 0.5)
    value = np.mean([bounded_kl(p.sample(rng, 1000), q.sample(rng, 3000)) for _ in range(15)])
    assert value == pytest.approx(float(bounded_divergence(p, q, prior=0.25)), rel=0.04)


def test_law_against_quadrature_by_hand():
    x = np.linspace(-10, 14, 200_001)
    p, q = Normal(2.0, 1.0), Normal(0.0, 1.5)
    integrand = p.pdf(x) * (p.logpdf(x) - np.log(0.2 * p.pdf(x) + 0.8 * q.pdf(x)))
    value = bounded_divergence(p, q, prior=0.2)
    assert float(value) == pytest.approx(np.trapezoid(integrand, x), abs=1e-9)


def test_laws_in_a_batch_and_disjoint_supports():
    p = Normal(np.array([0.0, 0.0, 500.0]), 1.0)
    value = bounded_divergence(p, Normal(0.0, 1.0), prior=0.1)
    np.testing.assert_allclose(value[[0, 2]], [0.0, np.log(10)], atol=1e-9)


def test_bad_arguments():
    with pytest.raises(ValueError, match="prior: got 1, expected a frequency strictly between 0 and 1"):
        bounded_divergence(Normal(0.0, 1.0), Normal(0.0, 1.0), prior=1)
    with pytest.raises(ValueError, match="bins: got 7, expected 2 to 5"):
        bounded_kl([1.0, 2.0], [1.5, 2.5, 3.5], 7)
    with pytest.raises(ValueError, match="y: got 1 values, expected at least 2"):
        bounded_kl([1.0, 2.0], [1.5])
