"""The room's door."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aggdist import capture


def test_accumulators_and_pooling_need_no_torch():
    code = (
        "import sys, aggdist.capture as c, aggdist.aggregation as a\n"
        "c.PooledStatistics.of([[1.0], [2.0]], [0, 0], 1).variance(), a.pool([[[1.0]]], 'gem')\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", capture.__all__)
def test_every_public_name_is_there(name):
    assert callable(getattr(capture, name))


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = capture.nothing
