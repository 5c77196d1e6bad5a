"""Divergences of random output nodes: the closed form and the integral, against stored values of a slow route."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.bench.accuracy import read_rows
from aggdist.bench.figure import Figure
from aggdist.bench.timing import least_ms
from aggdist.distributions import WeightedGammaSum
from aggdist.divergence import exact_node_kl, node_kl, node_kl_within, random_nodes

Array = NDArray[np.float64]

LOWEST, HIGHEST = 0.1, 100.0  # nats; the figures are for divergences in between
TIMED = 1000
"""Nodes in one call that is timed."""
TABLE_CHANNELS = {8: 12, 64: 40, 256: 40}
"""Channels, and how many nodes of each kind: the integrals of sums of few terms are slow."""
_SEPARATIONS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0)


def stored_problems(folder: Path) -> Iterator[tuple[WeightedGammaSum, WeightedGammaSum, Array]]:
    """Laws in class and out of class, and their divergences, of the reference table."""

    def key(row: dict[str, str]) -> tuple[str, ...]:
        return row["low_shapes"], row["separation"], row["seed"], row["channels"]

    for (low, separation, seed, channels), rows in groupby(read_rows(folder, "node_divergences.csv"), key):
        values = np.array([float(row["kl"]) for row in rows])
        rng = np.random.default_rng(int(seed))
        yield *random_nodes(rng, len(values), int(channels), float(separation), low_shapes=low == "1"), values


def relative_errors(folder: Path) -> dict[str, Array]:
    """Errors of the closed form alone, with the doubtful nodes integrated (and which), and of the integral."""
    found: dict[str, list[Any]] = {"closed": [], "within": [], "integrated": [], "exact": []}
    for p, q, values in stored_problems(folder):
        use = (values >= LOWEST) & (values <= HIGHEST)
        within, integrated = node_kl_within(p, q)
        for name, kl in (("closed", node_kl(p, q).kl), ("within", within), ("exact", exact_node_kl(p, q))):
            found[name].append(np.abs(kl / values - 1)[use])
        found["integrated"].append(integrated[use])
    return {name: np.concatenate(parts) for name, parts in found.items()}


def figures(folder: Path) -> list[Figure]:
    """Errors and times."""
    error = relative_errors(folder)
    share = 100 * float(np.mean(error["integrated"]))
    closed = f"Closed-form node KL, {error['closed'].size} nodes, KL 0.1 to 100"
    within = f"The same, doubtful nodes integrated ({share:.1f} %)"
    exact = f"Exact node KL, {error['exact'].size} nodes"
    times = _times()
    return [
        *_quantiles(closed, error["closed"], ((0.5, None), (0.99, 0.03), (1.0, 0.05))),
        Figure(closed, "a node", times["closed"], 0.1, "time", "ms"),
        *_quantiles(within, error["within"], ((0.99, 0.03), (1.0, 0.05))),
        Figure(within, "a node", times["within"], 0.1, "time", "ms"),
        *_quantiles(exact, error["exact"], ((0.5, None), (0.999, 1e-8), (1.0, 1e-6))),
        Figure(exact, "a node", times["exact"], 0.5, "time", "ms"),
    ]


def _quantiles(group: str, error: Array, asked: tuple[tuple[float, float | None], ...]) -> list[Figure]:
    names = {0.5: "median relative error", 1.0: "largest relative error"}

    def figure(q: float, most: float | None) -> Figure:
        name = names.get(q, f"relative error, {100 * q:g} % of nodes within")
        return Figure(group, name, float(np.quantile(error, q)), most, "error")

    return [figure(q, most) for q, most in asked]


def _times() -> dict[str, float]:
    """Milliseconds a node, the mean over separations and both kinds of shapes."""
    functions: dict[str, Callable[..., object]] = {
        "closed": node_kl,
        "within": node_kl_within,
        "exact": exact_node_kl,
    }
    found: dict[str, list[float]] = {name: [] for name in functions}
    for low_shapes in (False, True):
        for separation in (0.5, 2.0, 5.0):
            laws = random_nodes(np.random.default_rng(1), TIMED, 512, separation, low_shapes=low_shapes)
            for name, function in functions.items():
                found[name].append(least_ms(partial(function, *laws), 2.0) / TIMED)
    return {name: float(np.mean(values)) for name, values in found.items()}


def by_channels() -> list[Figure]:
    """The closed form's error with fewer channels, for the same divergences."""
    found = []
    for channels, nodes in TABLE_CHANNELS.items():
        errors = []
        for low_shapes in (False, True):
            for separation in _SEPARATIONS:
                # With fewer channels the labels must be farther apart for the same divergence.
                wide = separation * np.sqrt(512 / channels)
                p, q = random_nodes(np.random.default_rng(2), nodes, channels, wide, low_shapes=low_shapes)
                values = exact_node_kl(p, q)
                use = (values >= LOWEST) & (values <= HIGHEST)
                errors.append(np.abs(node_kl(p, q).kl / values - 1)[use])
        error = np.concatenate(errors)
        group = f"Closed-form node KL, {channels} channels, {error.size} nodes"
        found += _quantiles(group, error, ((0.5, None), (0.9, None), (0.99, None), (1.0, None)))
    return found
