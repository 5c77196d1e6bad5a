"""The trunks: shapes, non-negative maps, and padding that stays out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aggdist.networks import NETWORKS, InputSpec, build
from aggdist.networks.trunks import Standardise, make_trunk

GREY = InputSpec("image", (1, 28, 28), 10, (70.0,), (80.0,))
COLOUR = InputSpec("image", (3, 32, 32), 10, (120.0,) * 3, (60.0,) * 3)
TEXT = InputSpec("text", (12,), 2, vocabulary=30)
EXPECTED = {
    "digitcnn": (InputSpec("image", (1, 8, 8), 10, (5.0,), (6.0,)), (4, 4)),
    "greycnn": (GREY, (7, 7)),
    "greycnnhalf": (GREY, (7, 7)),
    "colourcnn": (COLOUR, (8, 8)),
    "colourcnnhalf": (COLOUR, (8, 8)),
    "melcnn": (InputSpec("audio", (1, 32, 62), 10, (-9.0,), (3.0,)), (4, 7)),
    "textcnn": (TEXT, (12,)),
}


def _batch(spec, n=3):
    generator = torch.Generator().manual_seed(5)
    if spec.task == "text":
        return torch.randint(1, spec.vocabulary, (n, *spec.shape), generator=generator, dtype=torch.int32)
    return torch.randint(0, 255, (n, *spec.shape), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("name", NETWORKS)
def test_maps_are_non_negative_and_of_the_stated_size(name):
    spec, positions = EXPECTED[name]
    network = build(name, spec, "avg", seed=1).eval()
    maps = network.maps(_batch(spec))
    assert maps.shape[0] == 3
    assert maps.shape[2:] == positions
    assert maps.min() == 0.0
    assert maps.max() > 0.0
    assert network(_batch(spec)).shape == (3, spec.n_classes)


@pytest.mark.parametrize("name", ["greycnn", "colourcnn"])
def test_half_width(name):
    spec = EXPECTED[name][0]
    assert make_trunk(name, spec)[1] == 2 * make_trunk(f"{name}half", spec)[1]


def test_standardise():
    layer = Standardise((10.0, 20.0), (2.0, 4.0))
    found = layer(torch.tensor([[[[12]], [[12]]]], dtype=torch.uint8))
    torch.testing.assert_close(found.flatten(), torch.tensor([1.0, -2.0]))


@pytest.mark.parametrize("aggregation", ["avg", "max", "gem"])
def test_padding_does_not_enter(aggregation):
    network = build("textcnn", TEXT, aggregation, seed=2).eval()
    words = _batch(TEXT)
    words[:, 7:] = 0
    before = network(words)
    maps = network.maps(words)
    assert (maps[:, :, 7:] == 0.0).all()
    assert (maps[:, :, :7] > 0.0).any()
    with torch.no_grad():  # a bias so large that an unmasked padding position would be active
        network.trunk.convolution.bias += 100.0
        assert (network.maps(words)[:, :, 7:] == 0.0).all()
        network.trunk.convolution.bias -= 100.0
    torch.testing.assert_close(network(words), before, rtol=1e-3, atol=1e-4)


def test_average_over_words_is_their_sum_over_all_positions():
    network = build("textcnn", TEXT, "avg", seed=2).eval()
    words = _batch(TEXT)
    words[:, 5:] = 0
    expected = network.maps(words)[:, :, :5].sum(dim=2) / 12
    torch.testing.assert_close(network.pooled(words), expected)


def test_unknown_network():
    with pytest.raises(ValueError, match="unknown network 'resnet': expected one of digitcnn, greycnn"):
        make_trunk("resnet", GREY)


@pytest.mark.parametrize(("name", "spec"), [("greycnn", COLOUR), ("textcnn", GREY), ("melcnn", GREY)])
def test_inputs_that_do_not_fit(name, spec):
    with pytest.raises(ValueError, match=f"network '{name}' takes .* choose another of"):
        build(name, spec, "avg", seed=0)


def test_build_is_seeded_and_leaves_torch_alone():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    first, same, other = (build("digitcnn", EXPECTED["digitcnn"][0], "avg", seed=s) for s in (4, 4, 5))
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)
    np.testing.assert_array_equal(first.head.weight.detach(), same.head.weight.detach())
    assert not torch.equal(first.head.weight, other.head.weight)
