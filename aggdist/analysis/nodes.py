"""What the splits of an analysis say about output nodes, put together for the record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.prediction import DEFAULT_MODEL, Comparison, FeatureModel, Observed, relative_error

Array = NDArray[np.float64]
Labels = NDArray[np.integer]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Fitted:
    """The models fitted on one number of images, and how they did.

    Attributes
    ----------
    models, comparisons
        By name.
    counted : array, shape (K,)
        The divergences by counting in the same fitting images.
    attainable : array, shape (D, K), or None
        Errors of the reference model where it is the truth, against D simulated sets of judging images.
    """

    models: dict[str, FeatureModel]
    comparisons: dict[str, Comparison]
    counted: Array
    attainable: Array | None


@dataclass(frozen=True)
class Split:
    """One halving of the images, and what came of it; `judged` are features, kept of the first split."""

    observed: Observed
    by_size: dict[int, Fitted]
    distances: dict[str, Array] | None
    judged: Array | None
    labels: Labels

    @property
    def most(self) -> Fitted:
        """The models fitted on the most images."""
        return self.by_size[max(self.by_size)]

    def lightened(self, *, keep: bool) -> Split:
        """Without the models, which may hold many features, except those of the most images if `keep`."""
        most = max(self.by_size)
        return replace(
            self,
            by_size={
                size: fitted if keep and size == most else replace(fitted, models={})
                for size, fitted in self.by_size.items()
            },
        )


def reference_model(names: Iterable[str]) -> str:
    """The model that decides which nodes are saturated: the default one, or the last if that is not there."""
    known = list(names)
    return DEFAULT_MODEL if DEFAULT_MODEL in known else known[-1]


def node_summary(splits: list[Split]) -> dict[str, Any]:
    """Per node: observed and predicted divergences; per model: errors over nodes that are not saturated.

    Returns
    -------
    dict with `observed`, `reference` (the model that decides about saturation), `saturated` (K,), `models` (fitted on
    the most images), `counted` (errors by counting in the same images) and `fewer`: by number of fitting images the
    last two again.
    """
    reference = reference_model(splits[0].most.comparisons)
    saturated = np.mean([s.most.comparisons[reference].saturated for s in splits], axis=0) > 0.5
    sizes = sorted(splits[0].by_size)
    return {
        "observed": _observed([s.observed for s in splits]),
        "reference": reference,
        "saturated": saturated,
        **_size_summary(splits, sizes[-1], saturated),
        "fewer": {str(size): _size_summary(splits, size, saturated) for size in sizes[:-1]},
    }


def _observed(observed: list[Observed]) -> dict[str, Any]:
    return {
        "raw": np.mean([o.raw_values for o in observed], axis=0),
        "raw_low": np.mean([[e.low for e in o.raw] for o in observed], axis=0),
        "raw_high": np.mean([[e.high for e in o.raw] for o in observed], axis=0),
        "matched": np.mean([o.matched for o in observed], axis=0),
        "auc": np.mean([o.auc for o in observed], axis=0),
        "bounded": np.mean([o.bounded for o in observed], axis=0),
        "ties": sum(o.ties for o in observed),
    }


def _size_summary(splits: list[Split], size: int, saturated: Mask) -> dict[str, Any]:
    names = splits[0].by_size[size].comparisons  # the first split has every model that any has
    counted = np.array([relative_error(s.by_size[size].counted, s.observed.matched) for s in splits])
    attainable = [a for s in splits if (a := s.by_size[size].attainable) is not None]
    return {
        "models": {name: _model_summary(name, size, splits, saturated) for name in names},
        "counted": medians("matched_error", counted, saturated),
        "attainable": medians("matched_error", np.concatenate(attainable), saturated) if attainable else {},
    }


def _model_summary(name: str, size: int, splits: list[Split], saturated: Mask) -> dict[str, Any]:
    # A costly model is judged in the first splits only.
    pairs = [
        (s.by_size[size].comparisons[name], s.observed) for s in splits if name in s.by_size[size].comparisons
    ]
    predicted = {
        key: np.array([getattr(c.predicted, key) for c, _ in pairs]) for key in ("kl", "bounded", "auc")
    }
    raw = relative_error(predicted["kl"], np.array([o.raw_values for _, o in pairs]))
    matched = relative_error(np.array([c.matched for c, _ in pairs]), np.array([o.matched for _, o in pairs]))
    # What a perfect prediction would show: each draw in the place of the images, against the other draws.
    floor = np.concatenate([c.floor() for c, _ in pairs])
    bounded = np.abs(predicted["bounded"] - np.array([o.bounded for _, o in pairs]))
    auc = np.abs(predicted["auc"] - np.array([o.auc for _, o in pairs]))
    errors = {"raw_error": raw, "matched_error": matched, "floor": floor, "bounded_error": bounded}
    summary: dict[str, Any] = {key: values.mean(axis=0) for key, values in predicted.items()}
    for key, values in errors.items():
        summary |= medians(key, values, saturated)
    if saturated.any():
        summary["saturated_bounded_error"] = float(np.mean(np.median(bounded[:, saturated], axis=1)))
    return summary | {
        "matched": np.mean([c.matched for c, _ in pairs], axis=0),
        "saturated": np.mean([c.saturated for c, _ in pairs], axis=0) > 0.5,
        "quadrature_error": float(np.max([c.predicted.kl_error for c, _ in pairs])),
        "auc_error": float(auc.mean()),
        "auc_floor": float(np.mean([c.auc_floor().mean() for c, _ in pairs])),
        "splits": len(pairs),
    }


def medians(key: str, errors: Array, saturated: Mask) -> dict[str, float | None]:
    """Mean over splits (S, K) of the median over the nodes, all of them and those that are not saturated (or None)."""
    kept = errors[:, ~saturated]
    return {
        f"all_nodes_{key}": float(np.mean(np.median(errors, axis=1))),
        key: float(np.mean(np.median(kept, axis=1))) if kept.size else None,
    }
