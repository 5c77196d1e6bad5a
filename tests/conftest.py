"""Settings that all tests share: hypothesis profiles, one thread, an empty cache of their own."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "test", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "full", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    """No test reads or writes the user's caches."""
    monkeypatch.setenv("AGGDIST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("AGGDIST_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def _seeded():
    """Layers that a test makes have the same weights in each run."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
