"""What the tests of studies share: a cache of quickly trained networks."""

from __future__ import annotations

import pytest

from aggdist.networks import defaults


@pytest.fixture(scope="session")
def quick_cache(tmp_path_factory):
    """A folder for networks that are trained for two epochs."""
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def quick_studies(quick_cache):
    """Studies train on digits for two epochs only, into a cache of the tests."""
    known = defaults.DEFAULTS["digits"]
    quick = defaults.Default(known.network, known.training.changed(epochs=2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGGDIST_CACHE", str(quick_cache))
        patch.setattr("aggdist.networks.defaults.DEFAULTS", {**defaults.DEFAULTS, "digits": quick})
        yield
