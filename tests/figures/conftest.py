"""Small records for the tests of the summary: all that it reads of one, with numbers that are known."""

from __future__ import annotations

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from aggdist.experiment import SCHEMA
from aggdist.prediction import COSTLY_MODELS, DEFAULT_MODEL, FEATURE_MODELS

SPLITS, NODES = 20, 4
FACTORS = {"gamma": 4.0, "zero_inflated_gamma": 3.0, "normal": 0.9, DEFAULT_MODEL: 1.1}
RUNGS = ("activations_iid", "activations_dependent", "activations_correlated")


def block(observed, saturated, errors, size_factor):
    """What a record says of models fitted on one number of images; every number grows by `size_factor`."""
    every = bool(saturated.all())

    def medians(key, value):
        return {key: None if every else value, f"all_nodes_{key}": 1.5 * value}

    models = {}
    for name in FEATURE_MODELS:
        factor, error = FACTORS.get(name, 1.2), size_factor * errors.get(name, 0.08)
        models[name] = {
            "kl": [float(v) for v in factor * observed],
            "matched": [float(v) for v in (1 + error) * observed],
            "saturated": [bool(v) for v in factor * observed > 9],
            "bounded": [float(v) for v in 0.1 + 0.02 * observed],
            "auc": [float(v) for v in 1 - 0.1 / observed],
            **medians("matched_error", error),
            **medians("raw_error", 2 * error),
            **medians("floor", 0.04),
            **medians("bounded_error", 0.01),
            "auc_error": 0.002 * size_factor * (20 if factor > 2 else 1),
            "auc_floor": 0.002,
            "splits": 2 if name in COSTLY_MODELS else SPLITS,
        }
        if saturated.any():
            models[name]["saturated_bounded_error"] = 0.02
    return {
        "models": models,
        "counted": medians("matched_error", 0.1 * size_factor),
        "attainable": medians("matched_error", 0.05 * size_factor),
    }


def make_record(
    aggregation="avg",
    seed=0,
    dataset="fashionmnist",
    network="greycnn",
    *,
    accuracy=0.9123,
    errors=None,
    saturated=1,
    few=("50", "200"),
    observed=(2.0, 3.0, 5.0, 8.0),
    excess=0.004,
):
    """A record of four nodes; the last `saturated` of them are saturated."""
    errors = {
        "gamma": 0.96,
        "zero_inflated_gamma": 0.777,
        "normal": 0.0712,
        DEFAULT_MODEL: 0.05,
    } | (errors or {})
    observed = np.array(observed)
    hidden = np.arange(observed.size) >= observed.size - saturated
    most = block(observed, hidden, errors, 1.0)
    names = [*RUNGS, "zero_inflated_gamma", "normal", DEFAULT_MODEL]
    rungs = {
        name: {
            "title": name,
            "kl": list(2 * observed),
            "matched": list((1 + 0.1 * (len(names) - i)) * observed),
            "saturated": [False] * observed.size,
            "all_nodes_matched_error": 0.1 * (len(names) - i),
        }
        for i, name in enumerate(names)
    }
    return {
        "schema": SCHEMA,
        "name": f"{dataset}-{network}-{aggregation}-s{seed}",
        "dataset": dataset,
        "network": network,
        "aggregation": aggregation,
        "seed": seed,
        "test_accuracy": accuracy,
        "protocol": {
            "fit": [500] * observed.size if few else [40] * observed.size,
            "judge": [500] * observed.size,
            "few": [int(size) for size in few],
            "splits": SPLITS,
            "costly_splits": 2,
        },
        "pooled": {
            "mean_ks": {
                "floor": 0.0551,
                "zero_inflated_gamma": 0.0634,
                "gamma": 0.0711,
                "normal": 0.1034,
                DEFAULT_MODEL: 0.0551 + excess,
            }
        },
        "nodes": {
            "observed": {
                "raw": list(observed),
                "raw_low": list(0.9 * observed),
                "raw_high": list(1.1 * observed),
                "matched": list(observed),
                "bounded": list(0.1 + 0.02 * observed),
                "auc": list(1 - 0.1 / observed),
            },
            "reference": DEFAULT_MODEL,
            "saturated": [bool(v) for v in hidden],
            **most,
            "fewer": {size: block(observed, hidden, errors, 100 / float(size)) for size in few},
        },
        "ladder": {"observed": list(observed), "rungs": rungs},
    }


@pytest.fixture(name="make_record")
def record_maker():
    """The function that makes a record; see `make_record`."""
    return make_record


@pytest.fixture
def records():
    """Runs on four datasets: one cannot reach 50 images, one has only saturated nodes, one has three seeds."""
    few = {"few": (), "accuracy": 0.98}
    return [
        *(make_record(name) for name in ("avg", "max", "gem")),
        *(
            make_record("avg", seed, "digits", "digitcnn", accuracy=0.97 + 0.005 * seed, few=())
            for seed in range(3)
        ),
        make_record("avg", 0, "mnist", saturated=4, accuracy=0.995),
        make_record(
            "max", 0, "cifar10", "colourcnn", accuracy=0.78, errors={DEFAULT_MODEL: 0.06}, saturated=0
        ),
        make_record("gem", 0, "fsdd", "melcnn", **few),
    ]


@pytest.fixture
def no_window():
    """Figures are drawn in memory, and are gone after the test."""
    backend = matplotlib.get_backend()
    matplotlib.use("agg")
    yield
    plt.close("all")
    matplotlib.use(backend)


@pytest.fixture
def shown(no_window, monkeypatch):
    """Calls a function that shows one figure, draws that figure, and returns its axes."""
    figures = []

    def show():
        figures.append(plt.gcf())
        figures[-1].canvas.draw()

    monkeypatch.setattr(plt, "show", show)

    def call(plot, *given, **named):
        plot(*given, **named)
        assert len(figures) == 1, f"{plot.__name__} showed {len(figures)} figures, expected one"
        return figures.pop().axes

    return call
