"""The one call from network and data to report."""

from __future__ import annotations

import doctest
import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torchvision

import aggdist
from aggdist.own_network import PathError, analyse_capture, capture_features, one_call
from aggdist.own_network.models import NON_NEGATIVE
from aggdist.prediction import FEATURE_MODELS, FittingImages, node_divergences

QUICK = {"progress": False, "splits": 1, "draws": 2}


@pytest.fixture(scope="module")
def separated():
    """Features of twelve channels with known gamma laws, by a network that only averages."""
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(3), 200)
    scale = np.array([[2.0, 1.0, 1.0, 0.5], [1.0, 2.0, 1.0, 0.5], [1.0, 1.0, 2.0, 0.5]])[labels].repeat(
        3, axis=1
    )
    return rng.gamma(2.0, scale[..., None, None], (600, 12, 2, 2)).astype(np.float32), labels


def test_the_example_of_the_docstring():

    result = doctest.testmod(sys.modules["aggdist.own_network.one_call"])
    assert result.attempted > 10
    assert result.failed == 0


def test_predictions_agree_with_what_is_observed(make_bare, separated):
    network = make_bare(channels=12)
    with torch.no_grad():
        network.fc.weight.copy_((torch.eye(3, 4) - 0.3).repeat_interleave(3, dim=1) / 3)
    report = aggdist.analyse(network, separated, **QUICK)
    table = report.to_dataframe()
    assert report.models == ["shrunk_tails", "zero_inflated_gamma", "normal"]
    assert report.fewer == [50]
    assert report.notes == []
    assert list(table["fit"]) == [100, 100, 100]
    for name in report.models:
        assert np.all(np.abs(table[f"{name}_auc"] - table["observed_auc"]) < 0.06)
        assert np.all(table[f"{name}_kl_all_images"] > 0)
        # All images are twice the fitting ones, and hold them.
        np.testing.assert_allclose(table[f"{name}_kl_all_images"], table[f"{name}_kl"], rtol=0.5)
        np.testing.assert_allclose(table[f"{name}_kl_50_images"], table[f"{name}_kl"], rtol=0.9)
    assert report.record["accuracy"] > 0.6


def test_the_same_seed_gives_the_same_numbers(bare, make_maps):
    data = make_maps(per_class=40)
    first, second, other = (
        aggdist.analyse(bare, data, models=("normal",), **QUICK, seed=s).record for s in (0, 0, 1)
    )
    assert first["nodes"] == second["nodes"]
    assert first["nodes"] != other["nodes"]
    assert first["all_images"] == other["all_images"]


def test_all_images_are_those_of_the_capture(bare, make_maps):
    capture = capture_features(bare, make_maps(per_class=40), progress=False)
    images = FittingImages(capture.features.astype(float), capture.labels, 3)
    report = analyse_capture(capture, models=("normal", "shrunk_tails"), **QUICK)
    for name in report.models:
        model = FEATURE_MODELS[name].fit_images(images)
        expected = node_divergences(model.node_laws(capture.weights, capture.bias))
        for key in ("kl", "auc"):
            found = report.record["all_images"][name][key]
            np.testing.assert_allclose(found, getattr(expected, key), rtol=1e-6)


def test_negative_features_leave_out_independent_gammas(bare, make_maps):
    data = make_maps(per_class=60, signed=True)
    with pytest.warns(UserWarning, match=r"features are negative.*\(zero_inflated_gamma\).*left out"):
        report = aggdist.analyse(bare, data, **QUICK)
    assert report.models == ["shrunk_tails", "normal"]
    assert "normal and shrunk_tails remain" in report.notes[0]
    assert report.record["signed"]
    assert min(e["edges"][0] for e in report.record["pooled"]["examples"]) < 0
    with pytest.raises(ValueError, match="features are negative"):
        aggdist.analyse(bare, data, models=("gamma",), **QUICK)


@pytest.mark.parametrize("signed", [False, True])
def test_every_model_can_be_named(bare, make_maps, signed):
    data = make_maps(per_class=60, signed=signed)
    names = [n for n in FEATURE_MODELS if n not in NON_NEGATIVE or (n == "gamma" and not signed)]
    report = aggdist.analyse(bare, data, models=names, **QUICK)
    assert sorted(report.models) == sorted(names)
    table = report.to_dataframe()
    for name in names:
        assert np.all(np.abs(table[f"{name}_auc"] - table["observed_auc"]) < 0.3)
        assert np.all(np.isfinite(table[f"{name}_kl_all_images"]))
    for figure in report.figures().values():
        plt.close(figure)


def test_a_model_without_laws_of_single_features_has_company(bare, make_maps):
    with pytest.warns(UserWarning, match="shrunk_tails is added"):
        report = aggdist.analyse(bare, make_maps(per_class=40), models=("shrunk_skew_normals",), **QUICK)
    assert report.models == ["shrunk_tails", "shrunk_skew_normals"]


def test_small_and_unequal_classes_are_told(bare, make_maps):
    maps, labels = make_maps(per_class=150)
    keep = np.concatenate([np.flatnonzero(labels != 1), np.flatnonzero(labels == 1)[:14]])
    with pytest.warns(UserWarning, match="images") as caught:
        report = aggdist.analyse(bare, (maps[keep], labels[keep]), models=("normal",), **QUICK)
    assert [str(w.message) for w in caught] == report.notes
    assert report.notes[0].startswith("fewer than 20 fitting images: 1 (7)")
    assert report.notes[1].startswith("imbalance: 0 has 150 images and 1 14")
    with pytest.raises(ValueError, match="too few images: 1 has 0"):
        aggdist.analyse(bare, (maps[labels != 1], labels[labels != 1]), **QUICK)


def test_covariances_kept_in_part_give_the_same_node_predictions(make_bare, make_maps):
    network, data = make_bare(channels=300), make_maps(per_class=40, channels=300)
    full = aggdist.analyse(network, data, models=("normal",), **QUICK)
    with pytest.warns(UserWarning, match="low-rank"):
        part = capture_features(
            network, data, progress=False, memory_budget=8 * 3 * 300**2 - 1
        )  # one byte too few
    low = analyse_capture(part, models=("normal",), **QUICK)
    assert "the part that the head reads" in low.record["covariance"]
    assert "low-rank" in low.notes[0]
    ours, theirs = (r.to_dataframe()["normal_kl"] for r in (low, full))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_a_long_computation_is_told(make_bare, make_maps, monkeypatch):
    monkeypatch.setattr("aggdist.own_network.one_call.LONG", 35)
    with pytest.warns(UserWarning, match=r"36 terms.*for gamma: this takes many minutes") as caught:
        report = aggdist.analyse(
            make_bare(), make_maps(per_class=60), models=("gamma", "shrunk_tails"), **QUICK
        )
    assert len(caught) == 1
    assert report.notes == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        aggdist.analyse(make_bare(), make_maps(per_class=60), models=("normal", "shrunk_tails"), **QUICK)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "efficientnet_b0"])
@pytest.mark.filterwarnings(
    "ignore:features are negative:UserWarning",
    "ignore:fewer than 20:UserWarning",
)
def test_torchvision(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = torchvision.models.get_model(name, weights=None)
        images = torch.rand(24, 3, 40, 40)
    signed = name == "efficientnet_b0"  # SiLU goes negative: independent gammas are left out, and it says so
    models = None if signed else ("normal", "shrunk_tails")
    report = aggdist.analyse(network, (images, np.arange(24) % 2), classes=[0, 1], models=models, **QUICK)
    assert report.models == ["shrunk_tails", "normal"]
    assert any(note.startswith("features are negative") for note in report.notes) == signed
    assert report.record["path"]["error"] < 1e-5
    assert report.record["path"]["aggregation"] == "avg"
    assert np.all(report.to_dataframe()["normal_kl"] > 0)
    assert network.training


@pytest.mark.parametrize("choice", [{"fit_per_class": 5}, {"splits": 0}, {"draws": 1}])
def test_bad_choices(bare, data, choice):
    ((name, value),) = choice.items()
    with pytest.raises(ValueError, match=f"{name}: got {value}, expected a whole number"):
        aggdist.analyse(bare, data, **{**QUICK, **choice})


def test_heads_and_targets_that_are_no_classification(bare, make_bare, data):
    maps, labels = data
    with pytest.raises(PathError, match="one output node: a regression"):
        aggdist.analyse(make_bare(classes=1), data, **QUICK)
    with pytest.raises(ValueError, match="a regression has no classes"):
        aggdist.analyse(bare, (maps, labels.astype(float)), **QUICK)
    with pytest.raises(ValueError, match="multi-label"):
        aggdist.analyse(bare, (maps, np.eye(3)[labels]), **QUICK)
    network = torchvision.models.get_model("mobilenet_v3_small", weights=None)
    with pytest.raises(PathError, match="a hidden layer"):
        aggdist.analyse(network, (torch.rand(4, 3, 64, 64), [0, 1, 0, 1]), **QUICK)


class TestALawThatCannotBeIntegrated:
    """As of a node that few channels rule: its density under independent channels has poles."""

    @pytest.fixture(autouse=True)
    def _failing(self, monkeypatch):
        real = one_call.analyse_features

        def failing(*arguments, models, **rest):
            if "zero_inflated_gamma" in models:
                raise ArithmeticError("the density of node 3 cannot be integrated")
            return real(*arguments, models=models, **rest)

        monkeypatch.setattr(one_call, "analyse_features", failing)

    def test_its_model_is_left_out_with_a_warning_and_a_note(self, bare, make_maps):
        with pytest.warns(
            UserWarning, match="cannot be integrated; left out, normal and shrunk_tails remain"
        ):
            report = aggdist.analyse(bare, make_maps(per_class=48), splits=1, draws=2, progress=False)
        assert set(report.models) == {"normal", "shrunk_tails"}
        assert any("zero_inflated_gamma: the density of node 3" in note for note in report.notes)

    def test_a_model_that_was_asked_for_is_an_error(self, bare, make_maps):
        with pytest.raises(ArithmeticError, match="or name other models than zero_inflated_gamma"):
            aggdist.analyse(
                bare, make_maps(per_class=48), models=["zero_inflated_gamma", "normal"], progress=False
            )
