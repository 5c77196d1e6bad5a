"""Assignment 3: apply to one's own network; the tools are judged on small random networks drawn from the seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import nn

from aggdist.coursework.task import (
    Arguments,
    Assignment,
    Task,
    Verdict,
    as_numbers,
    close_to,
    compared,
    shown,
)
from aggdist.own_network import Report, analyse, find_path

SECONDS = 240.0
"""For what trains or analyses a student's own network."""

KEYS = ("images", "classes", "accuracy", "observed", "median_error", "best_model", "saturated")
"""Of the mapping that is asked for."""


def _network(rng: np.random.Generator) -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    """A random network on random images of three classes that differ in brightness."""
    torch.manual_seed(int(rng.integers(2**31)))
    channels, classes, each = int(rng.integers(5, 9)), 3, int(rng.integers(40, 60))
    pool = nn.AdaptiveAvgPool2d(1) if rng.random() < 0.5 else nn.AdaptiveMaxPool2d(1)
    model = nn.Sequential(
        nn.Conv2d(1, channels, 3), nn.ReLU(), pool, nn.Flatten(), nn.Linear(channels, classes)
    )
    labels = np.repeat(np.arange(classes), each)
    images = rng.random((len(labels), 1, 8, 8)) * (1 + 0.15 * labels[:, None, None, None])
    return model.eval(), torch.tensor(images, dtype=torch.float32), torch.tensor(labels)


def _feature_cases(rng: np.random.Generator) -> list[Arguments]:
    return [_network(rng)[:2] for _ in range(3)]


def _through_the_head(arguments: Arguments, value: Any) -> Any:
    """What the network's last layer makes of the features: its outputs, if they are what that layer reads."""
    model, images = arguments
    array = as_numbers(value.detach() if isinstance(value, torch.Tensor) else value)
    wanted = (len(images), model[-1].in_features)
    if array is None or array.shape != wanted:
        return shown(value) if array is None else f"shape {array.shape}, expected {wanted}"
    with torch.no_grad():
        return model[-1](torch.tensor(array, dtype=torch.float32)).numpy()


def _judge_features(arguments: Arguments, value: Any) -> Verdict:
    if isinstance(value, str):
        return Verdict(False, value, "an array of the shape (images, channels)")
    with torch.no_grad():
        outputs = arguments[0](arguments[1]).numpy()
    verdict = compared(value, outputs, 1e-4, 1e-5)
    return Verdict(verdict.right, f"outputs {verdict.got}", verdict.expected)


def _features(rng: np.random.Generator) -> Arguments:
    images, channels = int(rng.integers(100, 300)), int(rng.integers(3, 8))
    silent = rng.random((images, channels)) < rng.uniform(0.05, 0.6, channels)
    return (np.where(silent, 0.0, rng.gamma(rng.uniform(0.5, 4, channels), size=(images, channels))),)


def _channels(features: np.ndarray) -> np.ndarray:
    """Channel by channel: share of zeros, mean, and half the skewness over the coefficient of variation."""
    columns = features.T
    return np.array(
        [
            [stats.percentileofscore(x, 0, "weak") / 100, x.mean(), stats.skew(x) / stats.variation(x) / 2]
            for x in columns
        ]
    )  # fmt: skip


def _reports(rng: np.random.Generator) -> list[Arguments]:
    """One report; with independent channels it would take several times as long."""
    model, images, labels = _network(rng)
    models = ["normal", "shrunk_tails"]
    return [(analyse(model, (images, labels), models=models, splits=1, draws=2, progress=False),)]


def _judge_quantities(arguments: Arguments, value: Any) -> Verdict:
    report: Report = arguments[0]
    missing = _missing(value)
    if missing:
        return missing
    table, record = report.to_dataframe(), report.record
    errors = {row: float(record["nodes"]["models"][row]["all_nodes_matched_error"]) for row in report.models}
    reference = record["nodes"]["reference"]
    wanted = {
        "images": int(table["images"].sum()),
        "classes": len(table),
        "accuracy": record["accuracy"],
        "observed": table["observed_matched"].to_list(),
        "median_error": errors,
        "best_model": min(errors, key=lambda name: errors[name]),
        "saturated": [str(name) for name in table.index[table[f"{reference}_saturated"]]],
    }
    for key in KEYS:
        verdict = _entry(key, value[key], wanted[key])
        if not verdict.right:
            return verdict
    return Verdict(True, "all entries", "the entries of the report within 1e-03 of their size")


def _missing(value: Any) -> Verdict | None:
    if not isinstance(value, Mapping):
        return Verdict(False, shown(value), "a dict")
    absent = [key for key in KEYS if key not in value]
    return Verdict(False, f"no {', '.join(absent)}", f"the keys {', '.join(KEYS)}") if absent else None


def _entry(key: str, got: Any, wanted: Any) -> Verdict:
    if key in ("best_model", "saturated"):
        same = got == wanted if isinstance(wanted, str) else _names(got) == sorted(wanted)
        return Verdict(same, f"{key}: {got}", f"{wanted}")
    if key == "median_error":
        if not isinstance(got, Mapping) or set(got) != set(wanted):
            return Verdict(False, f"{key}: {shown(got)}", f"a dict of {', '.join(wanted)}")
        got, wanted = [got[name] for name in wanted], list(wanted.values())
    verdict = compared(got, wanted, 1e-3, 1e-6)
    return Verdict(verdict.right, f"{key}: {verdict.got}", verdict.expected)


def _names(value: Any) -> list[str] | None:
    return sorted(map(str, value)) if isinstance(value, list) else None


def _summary(_: Arguments, value: Any) -> Any:
    """What a student's network does with the student's images, by a pass of our own."""
    model, images, labels = value
    images, labels = torch.as_tensor(images, dtype=torch.float32), np.asarray(labels)
    counts = np.bincount(labels)
    with torch.no_grad():
        guesses = torch.cat([model.eval()(part).argmax(1) for part in torch.split(images, 256)]).numpy()
    aggregation = find_path(model, images[:2]).aggregation
    return {
        "accuracy": float(np.mean(guesses == labels)),
        "chance": float(counts.max() / counts.sum()),
        "classes": int(np.sum(counts > 0)),
        "smallest": int(counts[counts > 0].min()),
        "aggregation": str(aggregation),
    }


def _judge_network(_: Arguments, value: Any) -> Verdict:
    wanted = "accuracy above twice chance, 2 classes or more of 24 images or more, a path from maps to head"
    if not isinstance(value, Mapping):
        return Verdict(False, shown(value), wanted)
    right = value["accuracy"] > min(2 * value["chance"], 0.5 + value["chance"] / 2)
    right = right and value["classes"] >= 2 and value["smallest"] >= 24
    got = (
        f"accuracy {value['accuracy']:.3f}, chance {value['chance']:.3f}, {value['classes']} classes, smallest "
        f"{value['smallest']}, {value['aggregation']}"
    )
    return Verdict(right, got, wanted)


def _judge_answers(_: Arguments, value: Any) -> Verdict:
    """Entries that fit each other: the check does not know the network."""
    missing = _missing(value)
    if missing:
        return missing
    errors, observed = value["median_error"], as_numbers(value["observed"])
    numbers_wanted = "one observed divergence for each class, an error for each model"
    if observed is None or observed.shape != (value["classes"],) or not isinstance(errors, Mapping):
        return Verdict(False, f"observed: {shown(value['observed'])}", numbers_wanted)
    if not errors or not all(isinstance(error, (int, float)) and error >= 0 for error in errors.values()):
        return Verdict(False, f"median_error: {shown(errors)}", numbers_wanted)
    best = min(errors, key=lambda name: errors[name])
    right = best == value["best_model"] and 0 < value["accuracy"] <= 1 and bool(np.all(observed >= 0))
    got = f"accuracy {value['accuracy']:.3f}, {value['best_model']}, error {errors[best]:.3f}"
    return Verdict(right, got, f"entries that fit each other; smallest error: {best}")


def _once(_: np.random.Generator) -> list[Arguments]:
    return [()]


APPLY = Assignment(
    3,
    "3_apply",
    "Apply to your own network",
    (
        Task("pooled_features", 4, _feature_cases, _judge_features, first=_through_the_head),
        Task(
            "channel_table",
            3,
            lambda rng: [_features(rng) for _ in range(4)],
            close_to(_channels, 0.02, 1e-4),
        ),
        Task("quantities", 5, _reports, _judge_quantities),
        Task("my_network", 4, _once, _judge_network, SECONDS, _summary),
        Task("my_answers", 4, _once, _judge_answers, SECONDS),
    ),
)
