"""Text and tables of one run, in Markdown; every function reads nothing but the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.experiment import age_of
from aggdist.figures.style import TITLES

Record = Mapping[str, Any]

STEPS = {
    "activations_iid": "Knows mean, variance and activity of one activation of each channel; takes positions as "
    "independent, and channels too.",
    "activations_dependent": "Drops independent positions: those of an image vary together as much as measured.",
    "activations_correlated": "Drops independent channels: they are correlated as measured, in jointly normal "
    "features.",
    "zero_inflated_gamma": "Drops what theory says of pooling: the law of each pooled feature is fitted itself. Takes "
    "channels as independent again, so it is to be compared with rung 2.",
    "normal": "Drops independent channels: means and covariances of pooled features are exact, and with them mean and "
    "variance of every node. Nodes are normal given the label.",
    "projected_gammas": "Drops normal nodes: they have the skewness of their fitting images too.",
    "shrunk_gammas": "Drops normal nodes: they have a skewness too, drawn towards the mean of all as far as it is "
    "noise.",
    "shrunk_skew_normals": "Drops normal nodes: they have a skewness too, drawn towards the mean of all as far as it "
    "is noise, in a family without end points.",
    "shrunk_tails": "Drops normal nodes: they have a skewness and tails too, both drawn towards the mean of "
    "all as far as they are noise.",
}
"""What each rung assumes no longer, in a sentence."""

KEPT = {
    "gamma": "mean and variance of each channel",
    "zero_inflated_gamma": "how often each channel is 0, and the law of the rest",
    "normal": "means and covariances, so mean and variance of every node",
    "decorrelated_gammas": "besides, the skewness along principal directions, taken as independent",
    "independent_components": "besides, the skewness along the skewest directions, taken as independent",
    "projected_gammas": "mean, variance and skewness of every node",
    "shrunk_gammas": "the same; skewnesses drawn towards their mean as far as they are noise",
    "shrunk_skew_normals": "the same as the last, in a family without end points",
    "shrunk_tails": "mean, variance, skewness and kurtosis of every node, the last two drawn towards their means",
}
"""What each feature model keeps of the fitting images."""


def shown_models(record: Record) -> list[str]:
    """Models that are compared node by node: independent channels, normals and the reference model, where fitted."""
    nodes = record["nodes"]
    chosen = dict.fromkeys(("zero_inflated_gamma", "normal", nodes["reference"]))
    return [name for name in chosen if name in nodes["models"]]


def headline_key(record: Record, key: str) -> str:
    """Where a record keeps an error over the nodes that are not saturated, or over all if every one is."""
    return f"all_nodes_{key}" if all(record["nodes"]["saturated"]) else key


def by_size(record: Record) -> dict[int, Mapping[str, Any]]:
    """What a record says of models fitted on so many images of each class (of the smallest), the most last."""
    nodes = record["nodes"]
    fewer = {int(size): part for size, part in nodes["fewer"].items()}
    return dict(sorted(fewer.items())) | {min(record["protocol"]["fit"]): nodes}


def numbers(values: Iterable[Any]) -> NDArray[np.float64]:
    """Numbers of a record, where an infinite one is stored as the word."""
    return np.array([float(v) for v in values])


def percent(share: Any) -> str:
    """A share in per cent with about two digits, as figures and tables write it."""
    value = 100 * float(share)
    if not np.isfinite(value):
        return "infinite"
    return f"{value:.{0 if value >= 10 else 1 if value >= 1 else 2}f} %"


def summary(record: Record) -> str:
    """What was run and what came of it, in a few lines."""
    protocol, final = record["protocol"], record["map"]
    fit, judge = min(protocol["fit"]), min(protocol["judge"])
    few = f"; besides, fitted on {' and '.join(map(str, protocol['few']))}" if protocol["few"] else ""
    rows = {
        "Test accuracy": f"{100 * record['test_accuracy']:.1f} %",
        "Training images": f"{record['training']['examples']:,}",
        "Final map": f"{final['channels']} channels, N = {final['positions']} positions, "
        f"{100 * final['active']:.0f} % of activations positive",
        "Effective positions": f"median {final['effective_positions']['q50']:.1f} of {final['positions']} "
        "over classes and channels",
        "Fitting and judging images": f"{fit} and {judge} of each class (of the smallest){few}",
        "Halvings of the test images": _halvings(record),
        "Estimator": f"nearest neighbours, k = {protocol['raw_k']} raw and k = {protocol['matched_k']} matched, "
        f"there with {protocol['draws']} draws",
        "Default feature model": TITLES[record["nodes"]["reference"]],
        "Saturated nodes": _saturated(record),
        "Error of the default model": _headline(record),
    }
    return _table(("", record["name"]), rows.items())


def _halvings(record: Record) -> str:
    protocol, models = record["protocol"], record["nodes"]["models"]
    costly = [TITLES[n] for n, model in models.items() if model["splits"] < protocol["splits"]]
    note = f", of which {protocol['costly_splits']} for costly models ({', '.join(costly)})" if costly else ""
    return f"{protocol['splits']}{note}"


def _saturated(record: Record) -> str:
    saturated = record["nodes"]["saturated"]
    if not any(saturated):
        return f"none of {len(saturated)}"
    if all(saturated):
        return (
            f"all {len(saturated)}: this run has no node that is not saturated, so errors are over all nodes, "
            "and the bounded divergence says more"
        )
    return f"{sum(saturated)} of {len(saturated)}; errors are over the others unless said otherwise"


def _headline(record: Record) -> str:
    nodes = record["nodes"]
    model = nodes["models"][nodes["reference"]]
    matched, raw, floor = (
        model[headline_key(record, key)] for key in ("matched_error", "raw_error", "floor")
    )
    text = f"matched {percent(matched)} (floor {percent(floor)}), raw {percent(raw)}"
    if "saturated_bounded_error" in model:
        text += f"; bounded divergence of saturated nodes {model['saturated_bounded_error']:.3f} nats"
    return text


def assumptions_table(record: Record) -> str:
    """The rungs of the prediction ladder: what each drops, and how far its predictions are off over all nodes."""
    rungs = record["ladder"]["rungs"]
    rows = [
        (i, STEPS[name], percent(rung["all_nodes_matched_error"]), f"{rung['auc_error']:.4f}")
        for i, (name, rung) in enumerate(rungs.items(), start=1)
    ]
    text = _table(("Rung", "Assumption", "matched error", "mean error of the AUC"), rows)
    if record["aggregation"] == "avg" and {"activations_correlated", "normal"} <= set(rungs):
        text += (
            "\n\nFor average pooling rungs 3 and 5 are the same laws, because mean and covariance of an average "
            "follow from those of activations whatever their law; their matched errors differ by the draws only."
        )
    return text


def models_table(record: Record) -> str:
    """Every feature model: what it keeps, and its errors over the nodes that headlines are about."""
    rows = [
        (
            TITLES[name],
            KEPT[name],
            *(percent(model[headline_key(record, key)]) for key in ("raw_error", "matched_error", "floor")),
            f"{model['auc_error']:.4f} ({model['auc_floor']:.4f})",
            f"{model['all_nodes_bounded_error']:.3f}",
        )
        for name, model in record["nodes"]["models"].items()
    ]
    header = ("Model", "Keeps", "raw", "matched", "floor", "AUC (floor)", "bounded, nats")
    over = "all nodes" if all(record["nodes"]["saturated"]) else "the nodes that are not saturated"
    note = f"\n\nRaw, matched and floor: medians over {over}. AUC: mean, bounded: median absolute error over all nodes."
    return _table(header, rows) + note


def sizes_text(record: Record) -> str:
    """How the error depends on the number of fitting images, or why that cannot be seen in this run."""
    nodes, most = record["nodes"], min(record["protocol"]["fit"])
    if not nodes["fewer"]:
        return (
            f"The classes of this dataset are small: {most} fitting images of the smallest are too few to see what "
            "fewer would do. Runs on larger datasets show it."
        )
    key = headline_key(record, "matched_error")
    rows = [
        (
            size,
            percent(part["models"][nodes["reference"]][key]),
            percent(part["counted"][key]),
            percent(part["attainable"][key]) if key in part["attainable"] else "unknown",
        )
        for size, part in by_size(record).items()
    ]
    return _table(("Fitting images of each class", "default model", "counting", "attainable"), rows)


def node_table(record: Record) -> str:
    """Every node: divergence and AUC, observed and predicted; for saturated nodes the bounded divergence."""
    nodes = record["nodes"]
    observed, models, reference = nodes["observed"], nodes["models"], nodes["models"][nodes["reference"]]
    names = list(reversed(shown_models(record)))
    bounded = ("saturated", "bounded observed", "bounded predicted") if any(nodes["saturated"]) else ()
    header = (
        "Node",
        "observed (95 %)",
        *(TITLES[n] for n in names),
        "AUC observed",
        "AUC predicted",
        *bounded,
    )
    rows = []
    for k, name in enumerate(record["class_names"]):
        raw, low, high = (_nats(observed[key][k]) for key in ("raw", "raw_low", "raw_high"))
        cells = [f"{raw} ({low} to {high})", *(_nats(models[n]["kl"][k]) for n in names)]
        cells += [f"{float(source['auc'][k]):.4f}" for source in (observed, reference)]
        if nodes["saturated"][k]:
            cells += ["yes", *(f"{float(source['bounded'][k]):.3f}" for source in (observed, reference))]
        elif bounded:
            cells += ["", "", ""]
        rows.append((name, *cells))
    note = "\n\nKL (in || out) in nats, raw. AUC and bounded divergence are predicted by the default model, "
    return _table(header, rows) + note + f"{TITLES[nodes['reference']]}."


def _nats(value: Any) -> str:
    number = float(value)
    return f"{number:.2f}" if np.isfinite(number) else "infinite"


def provenance_text(record: Record) -> str:
    """When, where and with what the record was computed, and how to compute it again."""
    parameters = record["parameters"]
    packages = ", ".join(f"{name} {version}" for name, version in record["provenance"]["packages"].items())
    lines = [
        age_of(record),
        f"Commit {record['provenance']['commit'] or 'unknown'}; {packages}.",
        "Parameters: " + ", ".join(f"`{name}` = {value}" for name, value in parameters.items()) + ".",
        f"To compute this run again: `python -m aggdist runs --only {record['name']} --force`.",
    ]
    return "\n\n".join(lines)


def _table(header: Any, rows: Any) -> str:
    # A bar would end a cell.
    lines = [
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in (header, *rows)
    ]
    lines.insert(1, "|" + " --- |" * len(header))
    return "\n".join(lines)
