"""Which models are allowed, and the normals that belong to one head."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.own_network.models import (
    NON_NEGATIVE,
    USUAL_MODELS,
    HeadNormals,
    allowed_models,
    covariance_kind,
    fit_models,
)
from aggdist.own_network.statistics import HeadStatistics
from aggdist.prediction import DEFAULT_MODEL, FEATURE_MODELS, FittingImages, node_divergences

RNG = np.random.default_rng(0)
HEAD, BIAS = RNG.normal(size=(3, 5)), RNG.normal(size=3)
Y = np.arange(90) % 3
Z = RNG.gamma(1.0 + Y[:, None], size=(90, 5)) - 0.3


def fitted(kind):
    return fit_models(FittingImages(Z, Y, 3), statistics_of(Z, kind), HEAD, ("normal",))["normal"]


def statistics_of(features, kind):
    return lambda: HeadStatistics.of_features(features, Y, 3, HEAD, kind)


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


@pytest.mark.parametrize("name", [n for n in FEATURE_MODELS if n not in NON_NEGATIVE])
def test_a_shift_of_features_shifts_nodes_only(name):
    """Models that take any sign: below 0, heads have the laws they have above 0, moved by the head's own shift."""
    found = [
        fit_models(FittingImages(z, Y, 3), statistics_of(z, "full"), HEAD, (name,))[name] for z in (Z, Z - 40)
    ]
    laws = [model.node_laws(HEAD, BIAS).law for model in found]
    np.testing.assert_allclose(laws[1].mean(), laws[0].mean() - 40 * HEAD.sum(axis=1)[:, None], rtol=1e-9)
    nodes = Z @ HEAD.T
    own = np.stack([nodes[j == Y].var(axis=0, ddof=1) for j in range(3)], axis=1)
    for law, model, z in zip(laws, found, (Z, Z - 40), strict=True):
        np.testing.assert_allclose(law.var(), own, rtol=1e-8)
        pooled = model.pooled_law()
        np.testing.assert_allclose(pooled.mean(), [z[j == Y].mean(axis=0) for j in range(3)], rtol=1e-9)
        np.testing.assert_allclose(pooled.var(), [z[j == Y].var(axis=0, ddof=1) for j in range(3)], rtol=1e-8)


def test_statistics_are_taken_only_for_models_that_are_fitted_from_them():
    def unwanted():
        raise AssertionError

    names = ("shrunk_tails", "projected_gammas")
    assert tuple(fit_models(FittingImages(Z, Y, 3), unwanted, HEAD, names)) == names
    with pytest.raises(AssertionError):
        fit_models(FittingImages(Z, Y, 3), unwanted, HEAD, (*names, "normal"))


def test_models_of_statistics_are_those_of_images():
    z = np.maximum(Z, 0)
    images = FittingImages(z, Y, 3)
    ours = fit_models(images, statistics_of(z, "full"), HEAD, ("gamma", "zero_inflated_gamma", "normal"))
    for name, model in ours.items():
        theirs = FEATURE_MODELS[name].fit_images(images)
        assert type(model) is type(theirs)
        for ours_law, theirs_law in (
            (model.pooled_law(), theirs.pooled_law()),
            (model.node_laws(HEAD, BIAS).law, theirs.node_laws(HEAD, BIAS).law),
        ):
            np.testing.assert_allclose(ours_law.mean(), theirs_law.mean(), rtol=1e-10)
            np.testing.assert_allclose(ours_law.var(), theirs_law.var(), rtol=1e-10)


def test_errors_of_head_normals():
    model = fitted("head")
    with pytest.raises(ValueError, match="keeps what one head reads"):
        model.node_laws(2 * HEAD, BIAS)
    with pytest.raises(NotImplementedError, match=r"use HeadNormals\.of_head"):
        HeadNormals.fit_images(FittingImages(Z, Y, 3))
    with pytest.raises(ValueError, match=r"weights: got shape \(3, 4\), expected \(K, 5\)"):
        model.node_laws(HEAD[:, 1:], BIAS)
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
    assert USUAL_MODELS == ("zero_inflated_gamma", "normal", DEFAULT_MODEL)
    assert allowed_models(None, 0.0, 100, 10**6) == (USUAL_MODELS, [])
    assert allowed_models(tuple(FEATURE_MODELS), 0.0, 10**9, 10**6) == (tuple(FEATURE_MODELS), [])
    assert allowed_models(("gamma", "gamma"), 0.0, 10**9, 10**6) == (("gamma",), [])
    assert allowed_models(("normal",), -1.0, 100, 10**6) == (("normal",), [])
    signed = tuple(n for n in FEATURE_MODELS if n not in NON_NEGATIVE)
    assert allowed_models(signed, -1.0, 100, 10**6) == (signed, [])


def test_models_left_out_and_added_are_told():
    names, (note,) = allowed_models(None, -0.25, 100, 10**6)
    assert names == ("normal", DEFAULT_MODEL)
    assert "smallest -0.25" in note
    assert "(zero_inflated_gamma) describe features >= 0 only and are left out" in note
    assert note.endswith("normal and shrunk_tails remain")
    names, (note,) = allowed_models(None, 0.0, 10**6, 10**6)
    assert names == ("normal", DEFAULT_MODEL)
    assert "8 MB, more than the budget of 1 MB" in note
    names, (note,) = allowed_models(("projected_gammas",), 0.0, 100, 10**6)
    assert names == ("projected_gammas", DEFAULT_MODEL)
    assert note == "projected_gammas: no law of single features of its own to judge; shrunk_tails is added"


def test_models_that_cannot_be_had():
    message = r"features are negative.*\(gamma\) describe.*expected models among normal, decorrelated_gammas"
    with pytest.raises(ValueError, match=message):
        allowed_models(("gamma", "normal"), -0.1, 100, 10**6)
    with pytest.raises(ValueError, match="feature model: got 'beta'"):
        allowed_models(("beta",), 0.0, 100, 10**6)
    with pytest.raises(ValueError, match="models: got none"):
        allowed_models((), 0.0, 100, 10**6)
