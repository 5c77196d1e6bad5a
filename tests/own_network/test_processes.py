"""Two processes of torchrun find together what one finds alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch import distributed

import aggdist
from aggdist.own_network import capture_features, gather

SCRIPT = """
import sys
from torch import distributed
import aggdist
from tests.own_network.conftest import Bare, made_maps

distributed.init_process_group("gloo")
rank, world = distributed.get_rank(), distributed.get_world_size()
maps, labels = made_maps(per_class=60)
part = slice(rank * len(labels) // world, (rank + 1) * len(labels) // world)
report = aggdist.analyse(
    Bare().double(), (maps[part], labels[part]), gather=True, models=("normal",), splits=1, draws=2, progress=False
)
report.save(f"{sys.argv[1]}/{rank}.json")
distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes(tmp_path, make_bare, make_maps):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", script, tmp_path],
        capture_output=True, text=True, cwd=root, env=os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    alone = aggdist.analyse(
        make_bare().double(), make_maps(per_class=60), models=("normal",), splits=1, draws=2, progress=False
    )
    both = [json.loads((tmp_path / f"{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1)]
    for record in both:
        assert record["counts"] == alone.record["counts"]
        assert record["nodes"] == alone.record["nodes"]
        kl = [np.array(r["all_images"]["normal"]["kl"]) for r in (record, alone.record)]
        np.testing.assert_allclose(*kl, rtol=1e-11)


def test_a_group_of_one(bare, data):
    part = capture_features(bare, data, progress=False)
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        whole = gather(part)
    finally:
        distributed.destroy_process_group()
    np.testing.assert_array_equal(whole.features, part.features)
    for name, array in part.statistics.arrays().items():
        np.testing.assert_array_equal(whole.statistics.arrays()[name], array)


def test_without_torchrun(bare, data):
    with pytest.raises(
        RuntimeError, match=r"torch\.distributed is not started, expected processes of torchrun"
    ):
        gather(capture_features(bare, data, progress=False))
