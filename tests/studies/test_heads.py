"""Networks of a study: those of the run table and the flattening one."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist import datasets, networks
from aggdist.aggregation import pool
from aggdist.experiment import RunParameters, current_checkpoint_key
from aggdist.studies import StudyRun
from aggdist.studies.heads import HEADS, maps, outputs, trained_head

RUN = StudyRun("invariance", "digits", "digitcnn", 0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The digits, prepared, and a quickly trained network."""
    data = datasets.load("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGGDIST_CACHE", str(tmp_path_factory.mktemp("cache")))
        prepared = networks.prepare(data)
        yield data, prepared, trained_head(data, RUN, "avg", prepared=prepared, progress=False, epochs=1)


def test_rows_of_the_run_table_are_the_same_networks(made):
    data, _, _ = made
    recipe = networks.recipe_for("digits", "gem", seed=0, network="digitcnn", threads=1)
    key = networks.checkpoint_key(recipe, data.digest())
    assert key == current_checkpoint_key(RunParameters("digits", "digitcnn", "gem"))


def test_outputs_and_maps_belong_to_each_other(made):
    _, prepared, checkpoint = made
    x = prepared.x_test[:300]  # more than one batch
    nodes, activations = outputs(checkpoint, x), maps(checkpoint, x)
    assert activations.shape == (300, 32, 16)
    head = checkpoint.network.head
    replayed = pool(activations, "avg") @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    assert np.allclose(nodes, replayed, atol=1e-4)
    assert np.mean(outputs(checkpoint, prepared.x_test).argmax(1) == prepared.y_test) == pytest.approx(
        checkpoint.test_accuracy, abs=2 / 797
    )


def test_unknown_heads_and_no_inputs_are_refused(made):
    data, prepared, checkpoint = made
    with pytest.raises(ValueError, match=f"unknown head 'mean': expected one of {', '.join(HEADS)}"):
        trained_head(data, RUN, "mean")
    with pytest.raises(ValueError, match="got no inputs, expected at least one"):
        outputs(checkpoint, prepared.x_test[:0])
