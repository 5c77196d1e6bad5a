"""Which models are allowed, and the normals that belong to one head."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.own_network.models import HeadNormals, allowed_models, covariance_kind, fit_models
from aggdist.own_network.statistics import HeadStatistics
from aggdist.prediction import node_divergences

RNG = np.random.default_rng(0)
HEAD, BIAS = RNG.normal(size=(3, 5)), RNG.normal(size=3)
Y = np.arange(90) % 3
Z = RNG.gamma(1.0 + Y[:, None], size=(90, 5)) - 0.3


def fitted(kind):
    statistics = HeadStatistics.of_features(Z, Y, 3, HEAD, kind)
    return fit_models(statistics, HEAD, ("normal",))["normal"]


def test_the_part_that_the_head_reads_is_exact():
    full, head = (fitted(kind) for kind in ("full", "head"))
    assert isinstance(head, HeadNormals)
    for law in ("pooled_law", "node_laws"):
        ours, theirs = (
            m.pooled_law() if law == "pooled_law" else m.node_laws(HEAD, BIAS).law for m in (head, full)
        )
        np.testing.assert_allclose(ours.mean(), theirs.mean(), rtol=1e-12)
        np.testing.assert_allclose(ours.var(), theirs.var(), rtol=1e-10)
    kl = [node_divergences(m.node_laws(HEAD, BIAS)).kl for m in (head, full)]
    np.testing.assert_allclose(*kl, rtol=1e-9)


def test_pooled_covariance_is_the_same_for_all_classes():
    variance = fitted("pooled").node_laws(HEAD, BIAS).law.var()
    np.testing.assert_allclose(variance, np.broadcast_to(variance[:, :1], variance.shape), rtol=1e-12)


def test_draws_have_the_law():
    model = fitted("head")
    drawn = model.sample_outputs(HEAD, BIAS, np.repeat([2, 0], 40_000), np.random.default_rng(1))
    law = model.node_laws(HEAD, BIAS).law
    for j, rows in ((2, slice(40_000)), (0, slice(40_000, None))):
        np.testing.assert_allclose(drawn[rows].mean(axis=0), law.mean()[:, j], atol=0.1)
        np.testing.assert_allclose(
            np.cov(drawn[rows].T), model.node_covariance[j], atol=0.03 * law.var().max()
        )


def test_errors_of_head_normals():
    model = fitted("head")
    with pytest.raises(ValueError, match="keeps what one head reads"):
        model.node_laws(2 * HEAD, BIAS)
    with pytest.raises(NotImplementedError, match=r"use HeadNormals\.of_head"):
        HeadNormals.fit(HeadStatistics.blank(3, HEAD, "head"))
    dead = HEAD * [[1], [0], [1]]
    flat = HeadNormals.of_head(HeadStatistics.of_features(Z, Y, 3, dead, "head"), dead)
    with pytest.raises(ValueError, match=r"output node 1 has variance 0.0 given label 0.*classes="):
        flat.node_laws(dead, BIAS)


def test_how_the_covariance_is_kept():
    assert covariance_kind(10, 10, 100, 10 * 100**2 * 8) == ("full", None)
    kind, note = covariance_kind(10, 10, 100, 10 * 100**2 * 8 - 1)
    assert kind == "head"
    assert "low-rank part that the 10 output nodes read (8 kB)" in note
    kind, note = covariance_kind(90, 90, 100, 90 * 90**2 * 8 - 1)
    assert kind == "pooled"
    assert "take 7.2 MB, more than the budget of 5.83 MB" in note
    with pytest.raises(
        ValueError, match="a single one takes 80 kB and does not fit either; raise memory_budget"
    ):
        covariance_kind(90, 90, 100, 79_999)


def test_which_models():
    every = ("gamma", "zero_inflated_gamma", "normal")
    assert allowed_models(None, 0.0, 100, 10**6) == (every, [])
    assert allowed_models(("gamma",), 0.0, 10**9, 10**6) == (("gamma",), [])
    names, (note,) = allowed_models(None, -0.25, 100, 10**6)
    assert names == ("normal",)
    assert "smallest -0.25" in note
    assert "(gamma, zero_inflated_gamma)" in note
    names, (note,) = allowed_models(None, 0.0, 10**6, 10**6)
    assert names == ("normal",)
    assert "8 MB, more than the budget of 1 MB" in note
    assert allowed_models(("normal",), -1.0, 100, 10**6) == (("normal",), [])
    with pytest.raises(
        ValueError, match=r"features are negative.*expected models=\('normal',\), or none named"
    ):
        allowed_models(("gamma", "normal"), -0.1, 100, 10**6)
    with pytest.raises(ValueError, match="feature model: got 'beta'"):
        allowed_models(("beta",), 0.0, 100, 10**6)
    with pytest.raises(ValueError, match="models: got none"):
        allowed_models((), 0.0, 100, 10**6)
