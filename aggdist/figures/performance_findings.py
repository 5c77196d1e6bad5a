"""What the studies of performance and of training say of claims C4 and C7."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.stats import spearmanr

from aggdist.figures.findings import Finding, SeedInterval, seed_interval
from aggdist.figures.heads import AGGREGATING, Record, names, with_seeds

MODEL = "copula"
"""The model of the joint law of the nodes that is judged: the default model's laws, correlated."""
MOST_POINTS = 0.03
"""The predicted error of the classifier may differ so much from the observed one."""


def stacked(record: Record, key: str) -> np.ndarray:
    """One number of every node of all heads of a record, (heads K,)."""
    return np.concatenate([np.asarray(record["heads"][head][key], float) for head in AGGREGATING])


def rank_correlation(record: Record, key: str) -> float:
    """Spearman's correlation of a number of the nodes, "kl" or "auc", with the recall of their classes."""
    return float(spearmanr(stacked(record, key), stacked(record, "recall")).statistic)


def error_difference(record: Record, model: str = MODEL, part: str = "predicted") -> float:
    """Predicted less observed error of the argmax, mean over heads; part "few": from 50 images of each class."""
    found = [
        record["heads"][h][part][model]["error"] - record["heads"][h]["observed_error"] for h in AGGREGATING
    ]
    return float(np.mean(found))


def epoch_correlation(record: Record, head: str = "avg") -> float:
    """Spearman's correlation, over epochs, of the predicted matched divergence (median node) and test accuracy."""
    found = record["heads"][head]
    divergence = np.median(np.asarray(found["matched"], float), axis=1)
    return float(spearmanr(divergence, found["test_accuracy"]).statistic)


def findings(performance: Iterable[Record], epochs: Iterable[Record]) -> list[Finding]:
    """Divergence and recall, training (C4), and the predicted error of the classifier (C7)."""
    groups = with_seeds(performance)
    ranked = [_ranks(name, group) for name, group in groups.items() if len(group[0]["priors"]) > 2]
    errors = [_errors(name, group) for name, group in groups.items()]
    return [*ranked, *(_training(name, group) for name, group in with_seeds(epochs).items()), *errors]


def _ranks(dataset: str, group: Sequence[Record]) -> Finding:
    effect = seed_interval([rank_correlation(r, "kl") for r in group])
    what = "rank correlation of the predicted divergence of a node and the recall of its class"
    return _finding("C4", dataset, what, effect, effect.low > 0.0, "recall", names(group))


def _training(dataset: str, group: Sequence[Record]) -> Finding:
    effect = seed_interval([epoch_correlation(r) for r in group])
    what = "rank correlation of predicted divergence and test accuracy, from epoch to epoch"
    return _finding("C4", dataset, what, effect, effect.low > 0.0, "epochs", names(group))


def _errors(dataset: str, group: Sequence[Record]) -> Finding:
    effect = seed_interval([error_difference(r) for r in group])
    within = effect.low > -MOST_POINTS and effect.high < MOST_POINTS
    what = "predicted less observed error of the classifier"
    return _finding("C7", dataset, what, effect, within, "errors", names(group))


def _finding(
    claim: str,
    dataset: str,
    what: str,
    effect: SeedInterval,
    supports: bool,
    figure: str,
    records: tuple[str, ...],
) -> Finding:
    points = claim == "C7"
    return Finding(
        claim=claim,
        dataset=dataset,
        what=what,
        effect=effect,
        unit="percentage points" if points else "",
        factor=100.0 if points else 1.0,
        digits=2,
        supports=supports,
        figure=f"fig-performance-{figure}",
        chapter="experiments/performance",
        records=records,
    )
