"""Intervals by resampling: right for means, about right for estimators of divergences."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.divergence import (
    bootstrap_interval,
    bounded_kl,
    equiprobable_edges,
    half_sample_interval,
    knn_kl,
    partition_kl,
    pooled_edges,
)


def difference(x, y):
    return float(x.mean() - y.mean())


@pytest.mark.parametrize("interval", [half_sample_interval, bootstrap_interval])
def test_standard_error_of_a_difference_of_means(interval):
    rng = np.random.default_rng(1)
    x, y = rng.gamma(2.0, 1.0, 200), rng.normal(size=600)
    result = interval(difference, x, y, rng=rng, draws=1500, level=0.9)
    expected = np.sqrt(x.var(ddof=1) / 200 + y.var(ddof=1) / 600)
    assert result.std == pytest.approx(expected, rel=0.08)
    assert result.value == difference(x, y)
    assert result.high - result.value == pytest.approx(1.6448536 * result.std)
    assert result.value - result.low == pytest.approx(result.high - result.value)


@pytest.mark.parametrize(("n", "m", "kl"), [(500, 4500, 1.0), (400, 400, 1.0), (800, 200, 0.3)])
def test_half_samples_find_the_scatter_of_neighbour_estimates(n, m, kl):
    rng = np.random.default_rng(2)

    def draw():
        return rng.normal(np.sqrt(2 * kl), 1, n), rng.normal(size=m)

    true = np.std([knn_kl(*draw(), 3) for _ in range(250)])
    found = [
        half_sample_interval(lambda a, b: knn_kl(a, b, 3), *draw(), rng=rng, draws=40).std for _ in range(12)
    ]
    assert 0.8 < np.sqrt(np.mean(np.square(found))) / true < 1.4


def test_bootstrap_finds_the_scatter_of_counting_estimates():
    rng = np.random.default_rng(3)

    def draw():
        return rng.normal(1, 1, 300), rng.normal(size=900)

    for estimator, borders in (
        (partition_kl, lambda x, y: equiprobable_edges(y, 20)),
        (bounded_kl, lambda x, y: pooled_edges(x, y, 20)),
    ):
        true = np.std([estimator(*draw(), 20) for _ in range(200)])
        found = []
        for _ in range(10):
            x, y = draw()
            edges = borders(x, y)

            def fixed(a, b, estimator=estimator, edges=edges):
                return estimator(a, b, edges=edges)

            found.append(bootstrap_interval(fixed, x, y, rng=rng, draws=60).std)
        assert np.mean(found) == pytest.approx(true, rel=0.25)


def test_the_bootstrap_of_distances_is_refused():
    rng = np.random.default_rng(4)
    with pytest.raises(ValueError, match="neighbour distances that are zero"):
        bootstrap_interval(knn_kl, rng.normal(size=50), rng.normal(size=80), rng=rng)


def test_same_generator_same_interval():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=60), rng.normal(size=60)
    one, two = (half_sample_interval(knn_kl, x, y, rng=np.random.default_rng(9)) for _ in range(2))
    assert one == two


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"level": 95}, "level: got 95, expected a number between 0 and 1, such as 0.95"),
        ({"draws": 1}, "draws: got 1, expected at least 2, better 100"),
        ({"x": [1.0, 2.0, 3.0]}, "x: got 3 values, expected at least 4"),
        ({"y": [[1.0, 2.0], [3.0, 4.0]]}, r"y: got shape \(2, 2\), expected one axis"),
        ({"x": [1.0, 2.0, 3.0, np.nan]}, "x: got NaN or infinite values"),
    ],
)
@pytest.mark.parametrize("interval", [half_sample_interval, bootstrap_interval])
def test_bad_arguments(interval, arguments, message):
    good = {"x": np.arange(6.0), "y": np.arange(6.0), "rng": np.random.default_rng(0)}
    with pytest.raises(ValueError, match=message):
        interval(difference, **(good | arguments))
