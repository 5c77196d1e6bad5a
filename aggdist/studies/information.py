"""Which pooling keeps more class information, measured and predicted from single activations (theory item T11).

The maps of one network are pooled in all three ways, whatever the network was trained with. *Measured*: the mutual
information of each pooled channel and the label, counted on one half of the test images. *Predicted*: the same
information from the laws of single activations, zero-inflated gammas fitted to each class and channel on the other
half, under three assumptions about positions. Keys of a record:

- `accuracy`: of the network trained with each pooling; `classes`, `positions`, `channels`, `bins`;
- `trunks`: by the pooling a trunk was trained with; for each `effective_positions` and `active` (medians over channels
  and classes), `measured` and `predicted`: information in nats, mean over channels, by pooling; `predicted` by
  assumption (`ASSUMPTIONS`); `choice`: the share of channels in which the pooling that is predicted to keep most does,
  by assumption; and `probe`: accuracy of a linear head fitted on one half of the pooled features and judged on the
  other, by pooling.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist import capture, datasets, networks
from aggdist.aggregation import pool
from aggdist.aggregation.class_information import counted_information, mutual_information
from aggdist.aggregation.information_efficiency import pooled_masses
from aggdist.capture import ActivationStatistics
from aggdist.distributions import ZeroInflatedGamma
from aggdist.networks import Checkpoint
from aggdist.prediction.activation_models import matched_law
from aggdist.prediction.activation_pooling import dependent_positions
from aggdist.studies.heads import AGGREGATING, maps, trained_head
from aggdist.studies.registry import StudyRun

ASSUMPTIONS = ("independent", "effective", "dependent")
"""N independent positions; N_eff of them; positions as dependent as images differ (the ladder's second rung)."""
BATCH = 500
_LEAST_ACTIVE = 1e-4
_SHAPES = (0.05, 50.0)
Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def measure(run: StudyRun, *, progress: bool = True) -> dict[str, Any]:
    """Pool the maps of every aggregating network in all ways; keys in the module's docstring."""
    data = datasets.load(run.dataset)
    prepared = networks.prepare(data)
    trunks, accuracy, positions, channels = {}, {}, 0, 0
    bins = int(np.clip(np.sqrt(len(prepared.y_test) / 2 / data.n_classes), 4, 20))
    for head in AGGREGATING:
        checkpoint = trained_head(data, run, head, prepared=prepared, progress=progress)
        accuracy[head] = checkpoint.test_accuracy
        found = capture.captured_in_halves(
            checkpoint, prepared.x_test, prepared.y_test, seed=run.seed, progress=progress
        )
        pooled = pooled_in_all_ways(checkpoint, prepared.x_test)
        trunks[head] = _trunk(found.activations[0], pooled, prepared.y_test, found.first, bins)
        positions, channels = int(found.activations[0].positions), pooled["avg"].shape[1]
    return {
        "accuracy": accuracy,
        "classes": data.n_classes,
        "positions": positions,
        "channels": channels,
        "bins": bins,
        "trunks": trunks,
    }


def pooled_in_all_ways(checkpoint: Checkpoint, x: NDArray[Any]) -> dict[str, Array]:
    """Pooled features (n, C) of one trunk's maps by pooling; the maps of `BATCH` images are there at a time."""
    parts: dict[str, list[Array]] = {name: [] for name in AGGREGATING}
    for start in range(0, len(x), BATCH):
        activations = maps(checkpoint, x[start : start + BATCH]).astype(np.float64)
        for name in AGGREGATING:
            parts[name].append(pool(activations, name))
    return {name: np.concatenate(found) for name, found in parts.items()}


def _trunk(
    activations: ActivationStatistics,
    pooled: dict[str, Array],
    labels: Labels,
    first: NDArray[np.bool_],
    bins: int,
) -> dict[str, Any]:
    """One trunk: predicted from the activations of the first half, measured on the second."""
    classes = len(activations.images)
    measured = {
        name: counted_information(z[~first], labels[~first], classes, bins) for name, z in pooled.items()
    }
    predicted = {
        assumption: {name: predicted_information(activations, name, assumption) for name in AGGREGATING}
        for assumption in ASSUMPTIONS
    }
    best = np.argmax([measured[name] for name in AGGREGATING], axis=0)
    return {
        "effective_positions": np.nanmedian(activations.effective_positions()),
        "active": np.median(activations.active()),
        "measured": {name: values.mean() for name, values in measured.items()},
        "predicted": {a: {name: v.mean() for name, v in found.items()} for a, found in predicted.items()},
        "choice": {
            a: np.mean(np.argmax([found[name] for name in AGGREGATING], axis=0) == best)
            for a, found in predicted.items()
        },
        "probe": {name: _probe(z, labels, first) for name, z in pooled.items()},
    }


def activation_laws(statistics: ActivationStatistics) -> ZeroInflatedGamma:
    """Zero-inflated gammas with the activity, mean and variance of the activations, batch shape (C, J)."""
    active = np.clip(statistics.active(), _LEAST_ACTIVE, 1.0)
    mean = np.maximum(statistics.mean, 1e-12)
    # Of the positive part: mean m = mean/q, E A^2 = (variance + mean^2)/q, shape = m^2/variance.
    size = mean / active
    spread = (statistics.variance() + mean**2) / active / size**2 - 1.0
    shape = np.clip(1.0 / np.maximum(spread, 1e-12), *_SHAPES)
    return ZeroInflatedGamma(active.T, shape.T, (size / shape).T)


def predicted_information(statistics: ActivationStatistics, name: str, assumption: str) -> Array:
    """Mutual information of each pooled channel and the label (C,), under one of `ASSUMPTIONS`."""
    priors = statistics.images / statistics.images.sum()
    if assumption == "dependent":
        law = matched_law(dependent_positions(statistics, name))
        batch = ZeroInflatedGamma(*(np.clip(v.T, 1e-12, None) for v in (law.active, law.shape, law.scale)))
        return mutual_information(pooled_masses(batch, 1, "max"), priors)
    law = activation_laws(statistics)
    if assumption == "independent":
        return mutual_information(pooled_masses(law, int(statistics.positions), name), priors)
    number = np.nan_to_num(np.nanmedian(statistics.effective_positions(), axis=0), nan=1.0)
    rounded = np.clip(np.round(number), 1, int(statistics.positions)).astype(int)
    result = np.empty(len(rounded))
    for n in np.unique(rounded):  # channels with as many effective positions together
        chosen = rounded == n
        part = ZeroInflatedGamma(law.active[chosen], law.shape[chosen], law.scale[chosen])
        result[chosen] = mutual_information(pooled_masses(part, int(n), name), priors)
    return result


def _probe(z: Array, labels: Labels, first: NDArray[np.bool_]) -> float:
    """Accuracy of a linear discriminant with a shrunk covariance, fitted on one half and judged on the other."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    alive = z[first].std(axis=0) > 0
    scaled = z[:, alive] / z[first][:, alive].std(axis=0)
    head = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(scaled[first], labels[first])
    return float(head.score(scaled[~first], labels[~first]))
