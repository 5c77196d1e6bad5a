"""What an analysis finds in features whose laws are known, and how it is put together for the record."""

from __future__ import annotations

import json

import numpy as np
import pytest

from aggdist.analysis import DOWNSTREAM, analyse_features, analyse_ladder, fit_all, fitting_sizes, medians
from aggdist.analysis import analyse as analysis
from aggdist.capture.activations import ActivationStatistics
from aggdist.capture.statistics import PooledStatistics
from aggdist.distributions import NormalInverseGaussian, WeightedGammaSum
from aggdist.experiment import record_of
from aggdist.prediction import (
    COSTLY_MODELS,
    DEFAULT_MODEL,
    FEATURE_MODELS,
    NodeLaws,
    ProjectedModel,
    node_divergences,
)

LABELS, CHANNELS, EACH = 3, 24, 1600
ERRORS = ("raw_error", "matched_error", "floor", "bounded_error")
CHEAP = ("normal", DEFAULT_MODEL)


class Truth:
    """Independent zero-inflated gammas; each node reads what is stronger for its own label."""

    rng = np.random.default_rng(41)
    own = np.arange(CHANNELS) % LABELS == np.arange(LABELS)[:, None]
    active = rng.uniform(0.6, 1.0, CHANNELS) * np.ones((LABELS, 1))
    shape = rng.uniform(1.5, 3.0, CHANNELS) * np.ones((LABELS, 1))
    scale = 0.5 * np.where(own, 1.4, 1.0)
    weights = np.where(own, 1.0, -0.4) * rng.uniform(0.7, 1.3, (LABELS, CHANNELS))
    bias = rng.normal(size=LABELS)

    @classmethod
    def features(cls, each, seed=0):
        rng = np.random.default_rng([42, seed])
        labels = np.repeat(np.arange(LABELS), each)
        here = rng.random((len(labels), CHANNELS)) < cls.active[labels]
        return rng.standard_gamma(cls.shape[labels]) * cls.scale[labels] * here, labels

    @classmethod
    def divergences(cls):
        law = WeightedGammaSum(cls.weights[:, None], cls.shape, cls.scale, cls.active, cls.bias[:, None])
        return node_divergences(NodeLaws(law, np.ones(LABELS)))


def analysed(features, labels, weights, bias, **changes):
    choices = {"fit_per_class": 500, "splits": 1, "draws": 3, "seed": 0, "models": CHEAP, "progress": False}
    return analyse_features(features, labels, weights, bias, **(choices | changes))


def separated(shift, each=60, seed=0):
    """Features that are the outputs; label j is `shift[j]` standard deviations from the others at node j."""
    rng = np.random.default_rng([43, seed])
    labels = np.repeat(np.arange(len(shift)), each)
    features = rng.gamma(20.0, 1 / np.sqrt(20), (len(labels), len(shift))) + np.diag(shift)[labels]
    return features, labels, np.eye(len(shift)), np.zeros(len(shift))


@pytest.fixture(scope="module")
def found():
    """All models, three splits (two of them for the costly models), 50, 200 and 500 fitting images of each label."""
    return analysed(
        *Truth.features(EACH), Truth.weights, Truth.bias, splits=3, draws=4, models=list(FEATURE_MODELS)
    )


# Shapes and sizes -----------------------------------------------------------------------------------------


def test_sizes_of_the_samples(found):
    assert found.protocol["few"] == [50, 200]
    assert list(found.protocol["fit"]) == [500] * LABELS
    assert list(found.protocol["judge"]) == [800] * LABELS
    assert {key: found.protocol[key] for key in ("splits", "costly_splits", "draws", "raw_k", "matched_k")} == {
        "splits": 3, "costly_splits": 2, "draws": 4, "raw_k": 1, "matched_k": 5,
    }  # fmt: skip


def test_every_model_has_one_number_a_node(found):
    parts = {"most": found.nodes, **found.nodes["fewer"]}
    assert set(parts) == {"most", "50", "200"}
    for part in parts.values():
        assert list(part["models"]) == list(FEATURE_MODELS)
        for name, model in part["models"].items():
            for key in ("kl", "bounded", "auc", "matched", "saturated"):
                assert np.shape(model[key]) == (LABELS,), (name, key)
            for key in ERRORS:
                assert model[key] > 0
                assert model[f"all_nodes_{key}"] > 0
            assert model["auc_error"] > 0
            assert model["auc_floor"] > 0
            assert 0 <= model["quadrature_error"] < 1e-3
        for key in ("counted", "attainable"):
            assert set(part[key]) == {"matched_error", "all_nodes_matched_error"}
    observed = found.nodes["observed"]
    assert all(
        np.shape(observed[k]) == (LABELS,)
        for k in ("raw", "raw_low", "raw_high", "matched", "auc", "bounded")
    )
    assert observed["ties"] == 0


def test_costly_models_are_judged_in_the_first_splits_only(found):
    for part in (found.nodes, *found.nodes["fewer"].values()):
        counts = {name: model["splits"] for name, model in part["models"].items()}
        assert counts == {name: 2 if name in COSTLY_MODELS else 3 for name in FEATURE_MODELS}


def test_models_are_fitted_on_half_of_each_class_and_on_few_of_it():
    sizes, names, recorded = spy()
    features, labels = Truth.features(300)
    kept = np.flatnonzero((labels != 1) | (np.cumsum(labels == 1) <= 131))
    model = ("gamma", DEFAULT_MODEL)
    result = analysed(
        features[kept], labels[kept], Truth.weights, Truth.bias,
        fit_per_class=140, splits=3, fit_models=recorded, models=model,
    )  # fmt: skip
    assert sizes == [[50, 50, 50], [140, 65, 140]] * 3
    assert names == [["gamma", DEFAULT_MODEL]] * 4 + [[DEFAULT_MODEL]] * 2
    assert list(result.protocol["fit"]) == [140, 65, 140]
    assert list(result.protocol["judge"]) == [150, 66, 150]


def test_costly_models_alone_are_judged_in_every_split():
    sizes, names, recorded = spy()
    features, labels = Truth.features(60)
    result = analysed(
        features, labels, Truth.weights, Truth.bias, splits=3, fit_models=recorded, models=("gamma",)
    )
    assert names == [["gamma"]] * 3
    assert result.nodes["models"]["gamma"]["splits"] == 3
    assert result.nodes["reference"] == "gamma"
    assert sizes == [[30] * LABELS] * 3


def spy():
    """Lists of the numbers of images and of the names of models, and a function that fills them and fits."""
    sizes, names = [], []

    def recorded(features, labels, classes, chosen):
        sizes.append(list(np.bincount(labels)))
        names.append(list(chosen))
        return fit_all(features, labels, classes, chosen)

    return sizes, names, recorded


def test_the_halves_are_disjoint_and_the_few_are_among_the_many():
    """Features of one channel that number the images: what is fitted is never judged."""
    seen = []

    def recorded(features, labels, classes, chosen):
        seen.append({float(v) for v in features[:, -1]})
        return fit_all(features, labels, classes, chosen)

    features, labels, weights, bias = separated([1.0, 1.0], each=130)
    numbered = np.column_stack([features, np.arange(260.0)])
    padded = np.column_stack([weights, np.zeros(2)])
    judged = {}
    original = analysis.distances

    def spied(models, fitted, fitted_labels, held_out, held_out_labels):
        judged["now"] = {float(v) for v in held_out[:, -1]}
        return original(models, fitted, fitted_labels, held_out, held_out_labels)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis, "distances", spied)
        analysed(numbered, labels, padded, bias, fit_models=recorded)
    few, most = seen
    assert few < most
    assert len(most) == len(judged["now"]) == 130
    assert not most & judged["now"]


@pytest.mark.parametrize(
    ("counts", "most", "expected"),
    [
        ([1000, 1000], 500, (50, 200, 500)),
        ([1000, 402], 500, (50, 200, 500)),
        ([1000, 400], 500, (50, 500)),
        ([1000, 102], 500, (50, 500)),
        ([1000, 101], 500, (500,)),
        ([1000, 1000], 200, (50, 200)),
        ([1000, 1000], 20, (20,)),
    ],
)
def test_numbers_of_fitting_images(counts, most, expected):
    """Those few that the smallest half exceeds, and the most."""
    assert fitting_sizes(np.repeat([0, 1], counts), most) == expected


def test_small_classes_have_no_part_from_fewer_images():
    result = analysed(*separated([1.0, 1.0], each=60))
    assert result.nodes["fewer"] == {}
    assert result.protocol["few"] == []


# Numbers --------------------------------------------------------------------------------------------------


def test_the_true_model_finds_the_true_divergences(found):
    true, model = Truth.divergences(), found.nodes["models"]["zero_inflated_gamma"]
    assert np.all(true.kl > 0.9)
    np.testing.assert_allclose(model["kl"], true.kl, rtol=0.2)
    np.testing.assert_allclose(model["bounded"], true.bounded, rtol=0.15)
    np.testing.assert_allclose(model["auc"], true.auc, atol=0.02)
    observed = found.nodes["observed"]
    assert np.all((observed["raw_low"] < true.kl) & (true.kl < observed["raw_high"]))
    np.testing.assert_allclose(observed["bounded"], true.bounded, atol=0.12)
    np.testing.assert_allclose(observed["auc"], true.auc, atol=0.03)
    assert model["auc_error"] < 4 * model["auc_floor"]
    assert model["matched_error"] < 3 * model["floor"]


def test_features_with_zeros_are_described_best_by_laws_with_zeros(found):
    mean = found.pooled["mean_ks"]
    assert set(mean) == {"gamma", "zero_inflated_gamma", "normal", DEFAULT_MODEL, "floor"}
    assert mean["zero_inflated_gamma"] < min(mean["gamma"], mean["normal"]) / 2
    assert mean[DEFAULT_MODEL] < min(mean["gamma"], mean["normal"]) / 2
    # Half of a two-sample distance is due to the other sample.
    assert mean["zero_inflated_gamma"] < mean["floor"]
    for name, levels in found.pooled["ks_quantiles"].items():
        assert np.all(np.diff(levels) >= 0), name


def test_examples_go_from_the_best_to_the_worst(found):
    shown = found.pooled["examples"]
    assert len(shown) == 6
    assert np.all(np.diff([one["ks"][DEFAULT_MODEL] for one in shown]) >= 0)
    for one in shown:
        true = 1 - Truth.active[one["label"], one["channel"]]
        assert one["zeros"] == pytest.approx(true, abs=5 * np.sqrt(true / 500))
        assert one["predicted_zeros"]["zero_inflated_gamma"] == pytest.approx(
            true, abs=5 * np.sqrt(true / 500)
        )
        assert one["predicted_zeros"]["normal"] == 0
        mass = np.sum(one["density"] * np.diff(one["edges"]))
        assert mass == pytest.approx(1 - one["zeros"], abs=0.02)


def test_curves_have_their_mass(found):
    curves = found.curves
    assert np.shape(curves["grid"]) == (LABELS, 81)
    assert np.shape(curves["edges"]) == (LABELS, 41)
    assert set(curves["predicted"]) == set(analysis.SHOWN_MODELS)
    for side in ("in", "out"):
        mass = np.sum(curves["observed"][side] * np.diff(curves["edges"], axis=1), axis=1)
        assert np.all((mass > 0.99) & (mass < 1 + 1e-9))
        for model in curves["predicted"].values():
            area = np.trapezoid(model[side], curves["grid"], axis=1)
            np.testing.assert_allclose(area, 1, atol=0.02)


def test_one_split_by_hand():
    """Medians over the nodes that are not saturated, from what is stored of each node; 0 is far from the others."""
    result = analysed(*separated([50.0, 1.4, 1.4], each=2000), draws=6)
    nodes, observed = result.nodes, result.nodes["observed"]
    assert list(nodes["saturated"]) == [True, False, False]
    for model in nodes["models"].values():
        raw = np.abs(model["kl"] - observed["raw"]) / np.abs(observed["raw"])
        matched = np.abs(model["matched"] - observed["matched"]) / np.abs(observed["matched"])
        bounded = np.abs(model["bounded"] - observed["bounded"])
        for key, values in (("raw_error", raw), ("matched_error", matched), ("bounded_error", bounded)):
            assert model[f"all_nodes_{key}"] == pytest.approx(np.median(values))
            assert model[key] == pytest.approx(np.median(values[1:]))
        assert model["saturated_bounded_error"] == pytest.approx(bounded[0])
        assert model["auc_error"] == pytest.approx(np.mean(np.abs(model["auc"] - observed["auc"])))


def test_medians_within_a_split_and_means_over_splits():
    errors = np.array([[1.0, 2.0, 9.0, 4.0], [5.0, 7.0, 8.0, 0.0]])
    saturated = np.array([False, False, True, False])
    assert medians("x", errors, saturated) == {"all_nodes_x": (3 + 6) / 2, "x": (2 + 5) / 2}
    assert medians("x", errors, np.ones(4, bool)) == {"all_nodes_x": 4.5, "x": None}
    assert medians("x", np.array([[np.inf, 1.0, np.inf]]), np.zeros(3, bool)) == {
        "all_nodes_x": np.inf,
        "x": np.inf,
    }


def test_where_the_model_is_true_it_does_as_well_as_it_can():
    """Nodes of one skewness in class and of another out of class, in laws of the default model's family."""
    rng, nodes, each = np.random.default_rng(44), 8, 400
    labels = np.repeat(np.arange(nodes), each)
    mean = rng.uniform(8.0, 9.0, (nodes, nodes)) + 1.8 * np.eye(nodes)
    law = NormalInverseGaussian(mean, 1.0, np.where(np.eye(nodes) > 0, -0.5, 0.7), 1.2)
    features = np.moveaxis(law.sample(rng, len(labels)), 0, 2)[:, labels, np.arange(len(labels))].T
    result = analysed(
        features, labels, np.eye(nodes), np.zeros(nodes), splits=5, draws=5, models=(DEFAULT_MODEL,)
    )
    few, most = result.nodes["fewer"]["50"], result.nodes
    assert not most["saturated"].any()
    for part in (few, most):
        error, attainable = (
            part["models"][DEFAULT_MODEL]["matched_error"],
            part["attainable"]["matched_error"],
        )
        assert 0.6 < error / attainable < 1.6
        assert attainable > part["models"][DEFAULT_MODEL]["floor"]
    assert few["attainable"]["matched_error"] > 1.15 * most["attainable"]["matched_error"]
    assert few["counted"]["matched_error"] > 1.15 * most["counted"]["matched_error"]


# Saturation -----------------------------------------------------------------------------------------------


def test_where_all_nodes_are_saturated_there_is_no_error_without_them():
    result = analysed(*separated([50.0, 50.0]))
    assert result.nodes["saturated"].all()
    for model in result.nodes["models"].values():
        assert all(model[key] is None for key in ERRORS)
        assert all(model[f"all_nodes_{key}"] > 0 for key in ERRORS[:3])
        # Both laws are apart: KL(in || all) = log 2, in the samples and in the model.
        assert model["saturated_bounded_error"] < 0.01
    for key in ("counted", "attainable"):
        assert result.nodes[key]["matched_error"] is None
    assert json.loads(json.dumps(record_of(result)))["nodes"]["models"]["normal"]["matched_error"] is None


def test_the_reference_model_decides_which_nodes_are_saturated():
    """It is told that the labels are far apart; the other model sees the images as they are."""

    def misled(features, labels, classes, names):
        return fit_all(features, labels, classes, names) | fit_all(
            features + 50.0 * np.eye(classes)[labels], labels, classes, [DEFAULT_MODEL]
        )

    data = separated([1.4, 1.4], each=2000)
    result = analysed(*data, draws=6, models=(DEFAULT_MODEL, "normal"), fit_models=misled)
    assert result.nodes["reference"] == DEFAULT_MODEL
    assert result.nodes["saturated"].all()
    assert not result.nodes["models"]["normal"]["saturated"].any()
    assert result.nodes["models"]["normal"]["matched_error"] is None
    honest = analysed(*data, draws=6, models=(DEFAULT_MODEL, "normal"))
    assert not honest.nodes["saturated"].any()
    assert "saturated_bounded_error" not in honest.nodes["models"]["normal"]


def test_without_the_default_model_the_last_one_is_the_reference():
    data = separated([1.0, 1.0])
    result = analysed(*data, models=("projected_gammas", "normal"))
    assert result.nodes["reference"] == "normal"
    assert result.nodes["attainable"] == {}  # what it would attain is simulated for projected models only
    result = analysed(*data, models=("normal", "projected_gammas"))
    assert result.nodes["reference"] == "projected_gammas"
    assert result.nodes["attainable"]["all_nodes_matched_error"] > 0


# Other data -----------------------------------------------------------------------------------------------


def test_the_seed_decides_everything():
    data = (*Truth.features(60), Truth.weights, Truth.bias)
    first, again, other = (record_of(analysed(*data, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first["nodes"]["observed"] != other["nodes"]["observed"]


def test_what_is_given_is_not_changed():
    features, labels = Truth.features(40)
    before = features.copy(), labels.copy()
    analysed(features, labels, Truth.weights, Truth.bias)
    np.testing.assert_array_equal(features, before[0])
    np.testing.assert_array_equal(labels, before[1])


def test_images_that_occur_twice_are_counted_as_ties():
    features, labels = Truth.features(40)
    features[1::2] = features[::2]  # of every image there are two
    observed = analysed(features, labels, Truth.weights, Truth.bias).nodes["observed"]
    assert observed["ties"] > 0
    assert np.all(np.isfinite(observed["matched"]))


def test_features_below_zero_are_for_projected_models():
    features, labels, weights, bias = separated([1.5, 1.5])
    result = analysed(features - 4.0, labels, weights, bias, models=("projected_gammas", DEFAULT_MODEL))
    same = analysed(features, labels, weights, bias, models=("projected_gammas", DEFAULT_MODEL))
    np.testing.assert_allclose(
        result.nodes["observed"]["matched"], same.nodes["observed"]["matched"], rtol=1e-6
    )
    for name, model in result.nodes["models"].items():
        assert issubclass(FEATURE_MODELS[name], ProjectedModel)
        np.testing.assert_allclose(model["kl"], same.nodes["models"][name]["kl"], rtol=1e-4)
    assert result.pooled["mean_ks"][DEFAULT_MODEL] < 0.2
    with pytest.raises(ValueError, match="pooled features are negative"):
        analysed(features - 4.0, labels, weights, bias, models=("gamma",))


# The ladder -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ladder():
    """Maps of images that are bright or dark, in all channels and in each: nothing is independent."""
    rng = np.random.default_rng(45)
    labels = np.repeat(np.arange(LABELS), 1000)
    brightness = (
        rng.standard_gamma(8.0, (3000, 1, 1, 1)) * rng.standard_gamma(2.0, (3000, CHANNELS, 1, 1)) / 16
    )
    scale = np.where(Truth.own, 1.4, 1.0)[labels][..., None, None]
    maps = brightness * scale * np.maximum(rng.normal(0.3, 1.0, (3000, CHANNELS, 3, 3)), 0)
    pooled, fit = maps.mean(axis=(2, 3)), np.arange(3000) % 2 == 0
    parts = [(pooled[half], labels[half]) for half in (fit, ~fit)]
    activations = ActivationStatistics.of(maps[fit], labels[fit], LABELS)
    features = PooledStatistics.of(*parts[0], LABELS)
    head = Truth.weights, Truth.bias
    return analyse_ladder(activations, features, *parts, head, "avg", draws=4, seed=0), parts


def test_the_ladder_goes_from_activations_to_pooled_features(ladder):
    found, _ = ladder
    upstream = ["activations_iid", "activations_dependent", "activations_correlated"]
    assert list(found["rungs"]) == [*upstream, *DOWNSTREAM]
    assert DOWNSTREAM[-1] == DEFAULT_MODEL
    assert list(found["fit"]) == list(found["judge"]) == [500] * LABELS
    for rung in found["rungs"].values():
        assert {len(rung[key]) for key in ("kl", "matched", "saturated")} == {LABELS}
        assert len(rung["title"]) > 5


def test_errors_of_the_ladder_by_hand(ladder):
    found, ((_, _), (judged, labels)) = ladder
    outputs = judged @ Truth.weights.T + Truth.bias
    areas = [
        np.mean(outputs[labels == k, k][:, None] > outputs[labels != k, k]) for k in range(LABELS)
    ]  # no ties
    laws = FEATURE_MODELS["normal"]
    for name, rung in found["rungs"].items():
        matched = np.abs(rung["matched"] / found["observed"] - 1)
        assert rung["all_nodes_matched_error"] == pytest.approx(np.median(matched)), name
        assert rung["all_nodes_floor"] > 0
    fitted = fit_all(*ladder[1][0], LABELS, ["normal"])["normal"]
    assert isinstance(fitted, laws)
    predicted = node_divergences(fitted.node_laws(Truth.weights, Truth.bias))
    np.testing.assert_allclose(found["rungs"]["normal"]["kl"], predicted.kl, rtol=1e-9)
    assert found["rungs"]["normal"]["auc_error"] == pytest.approx(np.mean(np.abs(predicted.auc - areas)))


def test_dependence_is_what_the_ladder_climbs_by(ladder):
    rungs = ladder[0]["rungs"]
    error = {name: rung["all_nodes_matched_error"] for name, rung in rungs.items()}
    assert error["activations_iid"] > 5 * error["activations_dependent"]
    assert error["activations_iid"] == max(error.values())
    assert error["activations_iid"] > 3 * error[DEFAULT_MODEL]
