"""Text and tables of one run, in Markdown; every function reads nothing but the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggdist.experiment import age_of
from aggdist.figures.run_figures import TITLES

Record = Mapping[str, Any]


def summary(record: Record) -> str:
    """What was run, in a few lines."""
    protocol, final = record["protocol"], record["map"]
    fit, judge = min(protocol["fit"]), min(protocol["judge"])
    rows = {
        "Test accuracy": f"{100 * record['test_accuracy']:.1f} %",
        "Training images": f"{record['training']['examples']:,}",
        "Final map": f"{final['channels']} channels, N = {final['positions']} positions, "
        f"{100 * final['active']:.0f} % of activations positive",
        "Effective positions": f"median {final['effective_positions']['q50']:.1f} of {final['positions']} "
        "over classes and channels",
        "Fitting and judging images": f"{fit} and {judge} for each class (smallest class), "
        f"{protocol['splits']} random splits",
    }
    return _table(("", record["name"]), rows.items())


def node_table(record: Record) -> str:
    """Every node's divergence: observed with its interval, and predicted by each feature model."""
    observed, models = record["nodes"]["observed"], record["nodes"]["models"]
    header = (
        "Node",
        "observed (95 %)",
        *(TITLES[name] for name in models),
        "AUC observed",
        "AUC predicted (normals)",
    )
    rows = []
    for k, name in enumerate(record["class_names"]):
        interval = f"{observed['raw'][k]:.2f} ({observed['raw_low'][k]:.2f} to {observed['raw_high'][k]:.2f})"
        cells = [
            f"{float(model['kl'][k]):.2f}" + ("*" if model["saturated"][k] else "")
            for model in models.values()
        ]
        rows.append(
            (name, interval, *cells, f"{observed['auc'][k]:.4f}", f"{float(models['normal']['auc'][k]):.4f}")
        )
    note = "\n\nKL (in || out) in nats; * marks a saturated node: at this predicted divergence the estimate is too low."
    return _table(header, rows) + note


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
    lines = ["| " + " | ".join(map(str, header)) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)
