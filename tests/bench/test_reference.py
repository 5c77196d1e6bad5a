"""The stored reference values are what the scripts beside them give."""

from __future__ import annotations

import importlib.util

import mpmath as mp
import numpy as np
import pytest

from aggdist.bench.accuracy import read_rows
from aggdist.divergence import random_nodes
from aggdist.paths import repository_root

REFERENCE = repository_root() / "tests" / "reference"


def script(name):
    spec = importlib.util.spec_from_file_location(name, REFERENCE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_deterministic_sums_of_eight_terms():
    stored = [row for row in read_rows(REFERENCE, "deterministic_sums.csv") if row["n"] == "8"]
    with mp.workdps(75):
        made = script("make_deterministic_sums").rows(8)
    assert [list(row.values()) for row in stored] == made


@pytest.mark.parametrize("row", read_rows(REFERENCE, "node_divergences.csv")[7::300], ids=lambda r: r["kl"])
def test_node_divergences(row):
    maker, rng = script("make_node_divergences"), np.random.default_rng(int(row["seed"]))
    low, k = row["low_shapes"] == "1", int(row["node"])
    laws = random_nodes(rng, maker.NODES, maker.CHANNELS, float(row["separation"]), low_shapes=low)
    sums = [maker.Law(law.weights[k] * law.scale[k], np.array(law.shape[k])) for law in laws]
    assert maker.divergence(*sums) == pytest.approx(float(row["kl"]), rel=1e-11)
