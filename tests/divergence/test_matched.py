"""Matched comparison: the same estimator on draws from predicted laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aggdist.distributions import Normal
from aggdist.divergence import Matched, floor_errors, knn_kl, matched, matched_draws
from aggdist.divergence.matched import relative_error


def fifth(x, y):
    return knn_kl(x, y, 5)


def test_right_laws_pass_although_the_estimate_is_far_too_low():
    rng = np.random.default_rng(1)
    p, q = Normal(6.0, 1.0), Normal(0.0, 1.0)  # KL = 18
    scores = [
        matched(p.sample(rng, 200), q.sample(rng, 1800), p, q, fifth, rng=rng, draws=30) for _ in range(12)
    ]
    assert all(result.mean < 9 for result in scores)
    assert all(abs(result.score) < 4 for result in scores)
    assert np.mean([result.relative_error for result in scores]) < 2 * scores[0].floor


def test_wrong_laws_do_not_pass():
    rng = np.random.default_rng(2)
    x, y = rng.normal(1.5, 1, 400), rng.normal(size=3600)
    result = matched(x, y, Normal(1.9, 1.0), Normal(0.0, 1.0), fifth, rng=rng)
    assert result.score < -4
    assert result.relative_error > 3 * result.floor


def test_laws_and_callables_are_the_same():
    p, q = Normal(1.0, 2.0), Normal(0.0, 1.0)
    by_law = matched_draws(p, q, 30, 40, fifth, rng=np.random.default_rng(3), draws=4)
    by_call = matched_draws(p.sample, q.sample, 30, 40, fifth, rng=np.random.default_rng(3), draws=4)
    frozen = stats.norm(1.0, 2.0)
    mixed = matched_draws(
        lambda rng, size: frozen.rvs(size, random_state=rng), q, 30, 40, fifth, rng=np.random.default_rng(3)
    )
    np.testing.assert_array_equal(by_law, by_call)
    assert mixed.shape == (20,)


def test_sizes_are_those_of_the_samples():
    sizes = []

    def estimator(x, y):
        sizes.append((x.size, y.size))
        return 1.0

    result = matched(
        np.arange(7.0), np.arange(5.0), Normal(0.0, 1.0), Normal(0.0, 1.0), estimator,
        rng=np.random.default_rng(0), draws=3,
    )  # fmt: skip
    assert sizes == [(7, 5)] * 4
    assert result.observed == 1.0


def test_numbers_of_a_comparison_by_hand():
    result = Matched(2.0, np.array([1.0, 2.0, 3.0]))
    assert result.mean == 2.0
    assert result.std == pytest.approx(1.0)
    assert result.score == 0.0
    assert Matched(5.0, result.draws).score == pytest.approx(3 / np.sqrt(4 / 3))
    assert Matched(5.0, result.draws).relative_error == pytest.approx(0.6)
    assert result.floor == pytest.approx((1.5 / 1 + 0 + 1.5 / 3) / 3)


def test_floor_of_many_nodes():
    draws = np.array([[1.0, 4.0], [3.0, 4.0]])
    np.testing.assert_allclose(floor_errors(draws), [[2.0, 0.0], [2 / 3, 0.0]])
    np.testing.assert_allclose(relative_error(np.array([1.0, 3.0]), np.array([2.0, -2.0])), [0.5, 2.5])


def test_bad_arguments():
    rng = np.random.default_rng(0)
    law, batch = Normal(0.0, 1.0), Normal(np.zeros(3), 1.0)
    with pytest.raises(ValueError, match=r"q: got draws of shape \(9, 3\), expected \(9,\); take one law"):
        matched_draws(law, batch, 8, 9, fifth, rng=rng)
    with pytest.raises(ValueError, match="draws: got 1, expected at least 2, better 20"):
        matched_draws(law, law, 8, 9, fifth, rng=rng, draws=1)
    with pytest.raises(ValueError, match=r"draws: got shape \(1, 4\), expected at least 2 along the first"):
        floor_errors(np.ones((1, 4)))
    with pytest.raises(ValueError, match="x: got NaN or infinite values"):
        matched([np.nan, 1.0], [1.0, 2.0], law, law, fifth, rng=rng)
