"""One call for a person's own network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from aggdist.analysis import Analysis, analyse_features
from aggdist.analysis.analyse import FitModels
from aggdist.experiment import record_of
from aggdist.own_network.batches import Unpack
from aggdist.own_network.classes import Names, announce, check_counts, count_warnings
from aggdist.own_network.find import Pool
from aggdist.own_network.models import allowed_models, fit_models
from aggdist.own_network.one_pass import MEMORY_BUDGET, FeatureCapture, capture_features
from aggdist.own_network.processes import gather as gathered
from aggdist.own_network.report import SCHEMA, Report
from aggdist.own_network.statistics import HeadStatistics
from aggdist.prediction import COSTLY_MODELS, FeatureModel, FittingImages, node_divergences
from aggdist.provenance import provenance

Array = NDArray[np.float64]
Labels = NDArray[np.integer]

LONG = 1_000_000  # terms (nodes x classes x channels) from which the costly models take many minutes
_COVARIANCE = {
    "full": "one per class, full",
    "head": "one per class, the part that the head reads (exact for these nodes)",
    "pooled": "one, pooled over classes",
}


def analyse(
    model: nn.Module,
    data: Any,
    *,
    classes: Sequence[int | str] | None = None,
    class_names: Names | None = None,
    maps: str | None = None,
    head: str | None = None,
    aggregation: str | Pool | None = None,
    models: Sequence[str] | None = None,
    unpack: Unpack | None = None,
    batch_size: int = 64,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    memory_budget: int = MEMORY_BUDGET,
    fit_per_class: int = 500,
    splits: int = 2,
    draws: int = 5,
    seed: int = 0,
    gather: bool = False,
    name: str | None = None,
    progress: bool = True,
) -> Report:
    """Predict how far apart a network's output nodes are in class and out of class, and judge the prediction.

    The network must go from maps by an aggregation to one linear layer. That path is found by itself (or by name) and
    verified: the aggregation of the maps equals what the linear layer reads to a relative 1e-5. Feature models are
    fitted on one half of the given images and judged on the other half; use images that the network was not trained on.
    Weights, train or eval mode and hooks of the model are left as they were.

    Parameters
    ----------
    model
        Any torch module; output node k means class k.
    data
        A DataLoader, an iterable of batches, a Dataset, or arrays: (x, y), (x1, x2, y), ((x1, x2), y) or a dict with
        the labels under `labels`, `label`, `targets`, `target` or `y`. Several inputs go to the model by position
        (tuple) or by name (dict).
    classes
        Numbers or names of the classes to look at, at least two; all unless given. Others' images are left out.
    class_names
        Names of all output nodes, or a dict from number to name; by default the dataset's `classes`, if it has as
        many, else the numbers.
    maps, head, aggregation
        Names of the parts (see `find_path`), where they are not found by themselves.
    models
        Names of feature models, any of `aggdist.FEATURE_MODELS`; by default `zero_inflated_gamma` (channels taken as
        independent), `normal` (their covariances) and `shrunk_tails` (also skewness and tails of
        the head's nodes). Independent gammas describe features >= 0 only: where some are negative, or
        where they do not fit the budget, they are left out, which is announced.
    unpack
        For batches of another kind: a function from a batch to (inputs, labels).
    batch_size
        For arrays and datasets; a loader has its own.
    device
        Where to run; the model is moved there and back. By default where it is.
    dtype
        `torch.bfloat16` or `torch.float16` to run in half precision (autocast, weights untouched); sums are taken in
        float64 in any case. A model that is in half precision itself is run as it is.
    memory_budget
        Bytes for the covariances of the normal model (classes x channels^2 x 8), and for the features with the work on
        them. Above it the covariances are kept by their low-rank part that the head reads, or pooled over classes,
        which is announced; features above it are an error.
    fit_per_class, splits, draws, seed
        Fitting images of each class at most, six or more; random halvings; simulated samples for each of them; the
        seed. Models are also fitted on 50 and on 200 images of each class where there are more.
    gather
        In processes of torchrun that each pass a part of the images: put the captures together; every process gets
        the same report. The others must call it too.
    name
        For titles; the class of the model unless given.
    progress
        Show bars on standard error, if that is a terminal.

    Returns
    -------
    Report
        With `to_dataframe`, `figures`, `to_html`, `save` and `load`.

    Raises
    ------
    PathError
        A ValueError: a head with a hidden layer, one output node, no linear layer at the end, or no path found.
    ValueError, TypeError
        Regression and multi-label targets, labels without a node, too few images (twelve per class), NaN, features that
        do not fit the budget, data of an unknown kind.
    ArithmeticError
        Where the law of a node under a model that was asked for by name cannot be integrated.

    Warns
    -----
    UserWarning
        Models left out or added, covariances kept in part, fewer than 20 fitting images in a class, the largest class
        more than 10 times the smallest, and a long computation ahead. All but the last are in `Report.notes` too.

    Examples
    --------
    A small network on the digits of scikit-learn, trained for a moment:

    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> from torch import nn
    >>> import aggdist
    >>> digits = load_digits()
    >>> x, y = digits.images[:, None] / 16, digits.target
    >>> _ = torch.manual_seed(0)
    >>> network = nn.Sequential(
    ...     nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
    ...     nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    ... )
    >>> images, labels = torch.tensor(x[:1000]).float(), torch.tensor(y[:1000])
    >>> optimiser = torch.optim.Adam(network.parameters(), 0.01)
    >>> for _ in range(60):
    ...     optimiser.zero_grad()
    ...     loss = nn.functional.cross_entropy(network(images), labels)
    ...     loss.backward()
    ...     _ = optimiser.step()
    >>> report = aggdist.analyse(network, (x[1000:], y[1000:]), splits=1, progress=False)
    >>> report.record["path"]["maps"], report.record["path"]["aggregation"], report.record["path"]["head"]
    ('3', 'avg', '6')
    >>> table = report.to_dataframe()
    >>> list(table.columns[:4]), len(table)
    (['images', 'fit', 'judge', 'observed_raw'], 10)
    """
    part = capture_features(
        model, data, classes=classes, class_names=class_names, maps=maps, head=head, aggregation=aggregation,
        unpack=unpack, batch_size=batch_size, device=device, dtype=dtype,
        memory_budget=memory_budget, progress=progress,
    )  # fmt: skip
    return analyse_capture(
        gathered(part) if gather else part, models=models, memory_budget=memory_budget, fit_per_class=fit_per_class,
        splits=splits, draws=draws, seed=seed, name=name or type(model).__name__, progress=progress,
    )  # fmt: skip


def analyse_capture(
    capture: FeatureCapture,
    *,
    models: Sequence[str] | None = None,
    memory_budget: int = MEMORY_BUDGET,
    fit_per_class: int = 500,
    splits: int = 2,
    draws: int = 5,
    seed: int = 0,
    name: str = "network",
    progress: bool = True,
) -> Report:
    """The report from a capture, of one part or of several that were merged; parameters as in `analyse`."""
    # Counting in the fitting images looks at five neighbours.
    for what, value, least in (
        ("fit_per_class", fit_per_class, 6),
        ("splits", splits, 1),
        ("draws", draws, 2),
    ):
        if value < least:
            raise ValueError(f"{what}: got {value}, expected a whole number of at least {least}")
    counts = capture.counts()
    check_counts(counts, capture.class_names)
    fit = np.minimum(fit_per_class, counts // 2)
    terms = len(capture.bias) * capture.weights.size
    chosen, told = allowed_models(models, float(capture.features.min()), terms, memory_budget)
    notes = [*capture.notes]
    notes += [announce(note) for note in told + count_warnings(counts, fit, capture.class_names)]
    costly = [model for model in chosen if model in COSTLY_MODELS]
    if costly and terms > LONG:
        announce(
            f"{terms:,} terms (nodes x classes x channels) for {', '.join(costly)}: this takes many minutes; without "
            "them, or with fewer classes=, it takes less"
        )
    features = np.asarray(capture.features, np.float64)

    def judged(names: Sequence[str]) -> tuple[Analysis, dict[str, Any]]:
        analysis = analyse_features(
            features, capture.labels, capture.weights, capture.bias, fit_per_class=fit_per_class, splits=splits,
            draws=draws, seed=seed, models=names, progress=progress, fit_models=_fitting(capture),
        )  # fmt: skip
        images = FittingImages(features, capture.labels, len(capture.bias))
        everything = fit_models(images, lambda: capture.statistics, capture.weights, names)
        return analysis, _predicted(capture, everything)

    try:
        analysis, all_images = judged(chosen)
    except ArithmeticError as error:
        # Laws of nodes that few channels rule may have densities that cannot be integrated: sums of gammas only.
        others = [model for model in chosen if model not in COSTLY_MODELS]
        if models is not None or not costly or not others:
            raise ArithmeticError(f"{error}; or name other models than {', '.join(costly)}") from error
        notes.append(announce(f"{', '.join(costly)}: {error}; left out, {' and '.join(others)} remain"))
        analysis, all_images = judged(others)
    return Report(_record(capture, analysis, all_images, notes, name, seed))


def _fitting(capture: FeatureCapture) -> FitModels:
    """How models are fitted: from statistics of the same kind as the capture's."""

    def fitted(
        features: Array, labels: Labels, n_classes: int, names: Sequence[str]
    ) -> dict[str, FeatureModel]:
        def statistics() -> HeadStatistics:
            return HeadStatistics.of_features(
                features, labels, n_classes, capture.weights, capture.statistics.kind
            )

        return fit_models(FittingImages(features, labels, n_classes), statistics, capture.weights, names)

    return fitted


def _record(
    capture: FeatureCapture,
    analysis: Analysis,
    all_images: dict[str, Any],
    notes: list[str],
    name: str,
    seed: int,
) -> dict[str, Any]:
    return {
        "report": SCHEMA,
        "name": name,
        "path": capture.path,
        "class_names": list(capture.class_names),
        "counts": capture.counts().tolist(),
        "accuracy": float(np.mean(capture.nodes().argmax(axis=1) == capture.labels)),
        "signed": bool(capture.features.min() < 0),
        "covariance": _COVARIANCE[capture.statistics.kind],
        "seed": seed,
        "notes": notes,
        "all_images": all_images,
        **record_of(analysis),
        "provenance": provenance(torch.get_num_threads()),
    }


def _predicted(capture: FeatureCapture, models: dict[str, FeatureModel]) -> dict[str, Any]:
    """Divergences that models predict, by name."""
    predicted = {}
    for name, model in models.items():
        found = node_divergences(model.node_laws(capture.weights, capture.bias))
        predicted[name] = {"kl": _numbers(found.kl), "auc": _numbers(found.auc)}
    return predicted


def _numbers(values: Array) -> list[float | str]:
    """Plain numbers; JSON has no infinity, so one is stored as the word."""
    return [float(v) if np.isfinite(v) else str(float(v)) for v in values]
