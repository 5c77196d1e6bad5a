"""The flattening head: every position has its weight; its keys are its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aggdist import datasets, networks
from aggdist.networks import FLATTEN, InputSpec, build, build_flattening, map_positions, prepare, recipe_for
from aggdist.networks.flattening import Flattening


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def test_features_are_all_activations_of_a_channel_side_by_side():
    maps = torch.arange(24.0).reshape(1, 2, 3, 4)
    assert torch.equal(Flattening()(maps), torch.arange(24.0).reshape(1, 24))
    with pytest.raises(ValueError, match="expected \\(batch, channels"):
        Flattening()(torch.zeros(2, 3))


def test_the_head_has_a_weight_for_every_position_and_the_trunk_is_that_of_the_pooling_network(digits):
    spec = prepare(digits).spec
    flat, pooled = build_flattening("digitcnn", spec, seed=4), build("digitcnn", spec, "avg", seed=4)
    assert flat.head.weight.shape == (10, 32 * 16)
    theirs = pooled.trunk.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in flat.trunk.state_dict().items())


def test_a_flattening_head_of_equal_weights_is_average_pooling(digits):
    prepared = prepare(digits)
    flat, pooled = (
        build_flattening("digitcnn", prepared.spec, seed=0),
        build("digitcnn", prepared.spec, "avg", seed=0),
    )
    with torch.no_grad():
        flat.head.weight.copy_(pooled.head.weight.repeat_interleave(16, dim=1) / 16)
        flat.head.bias.copy_(pooled.head.bias)
        x = torch.from_numpy(np.array(prepared.x_test[:20]))
        assert torch.allclose(flat.eval()(x), pooled.eval()(x), atol=1e-5)


def test_random_state_and_mode_are_kept(digits):
    spec = prepare(digits).spec
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    model = build_flattening("digitcnn", spec, seed=1)
    assert torch.equal(torch.rand(1), expected)
    assert map_positions(model.trunk, spec) == 16
    assert model.trunk.training


def test_sentences_have_one_position_for_each_word(make):
    prepared = prepare(make.sentences())
    model = build_flattening("textcnn", prepared.spec, seed=0)
    assert model.head.in_features == 128 * prepared.spec.shape[0]


def test_it_is_trained_cached_and_loaded_like_any_other(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("AGGDIST_CACHE", str(tmp_path))
    recipe = recipe_for("digits", FLATTEN, seed=0, epochs=1, threads=1)
    first = networks.trained(digits, recipe, progress=False)
    again = networks.trained(digits, recipe, progress=False)
    assert first.key == again.key == networks.checkpoint_key(recipe, digits.digest())
    assert torch.equal(first.network.head.weight, again.network.head.weight)
    assert first.test_accuracy > 0.5


def test_a_pretrained_trunk_has_no_flattening_head():
    colour = InputSpec("image", (3, 32, 32), 10, (0.0,) * 3, (1.0,) * 3)
    with pytest.raises(ValueError, match="unknown aggregation 'flatten'"):
        networks.pretrained.assemble("efficientnetlite0", colour, FLATTEN)
