"""The pass: what it captures, what it leaves alone, and merging."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from aggdist.own_network import capture_features


def captured(network, data, **choices):
    return capture_features(network, data, **({"progress": False, "batch_size": 16} | choices))


def test_features_nodes_and_statistics(bare, data):
    found = captured(bare, data)
    maps, labels = data
    np.testing.assert_allclose(found.features, maps.mean(axis=(2, 3)), rtol=1e-5)
    bare.eval()
    with torch.inference_mode():
        np.testing.assert_allclose(found.nodes(), bare(torch.tensor(maps)).numpy(), atol=1e-5)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.statistics.kind == "full"
    assert found.counts().tolist() == [30, 30, 30]
    assert found.path["maps"] == "trunk"


def test_two_parts_merged_are_the_whole(bare, data):
    maps, labels = data
    # Cut between two batches, so that every image is computed beside the same others.
    parts = [captured(bare, (maps[rows], labels[rows])) for rows in (slice(48), slice(48, None))]
    before = parts[0].statistics.mean.copy()
    merged, whole = parts[0].merged(parts[1]), captured(bare, data)
    np.testing.assert_array_equal(merged.features, whole.features)
    for name, array in whole.statistics.arrays().items():
        np.testing.assert_allclose(merged.statistics.arrays()[name], array, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(parts[0].statistics.mean, before)


def test_parts_of_two_networks_do_not_merge(make_bare, data):
    with pytest.raises(ValueError, match="cannot merge captures of two networks or other classes"):
        captured(make_bare(seed=0), data).merged(captured(make_bare(seed=1), data))


def test_some_classes(bare, data):
    found = captured(bare, data, classes=["c", "a"], class_names=["a", "b", "c"])
    kept = np.isin(data[1], [0, 2])
    assert found.class_names == ("c", "a")
    np.testing.assert_array_equal(found.labels, np.where(data[1][kept] == 2, 0, 1))
    np.testing.assert_allclose(found.features, data[0][kept].mean(axis=(2, 3)), rtol=1e-5)
    np.testing.assert_allclose(found.weights, bare.fc.weight.detach().numpy()[[2, 0]])


def test_the_network_is_left_as_it_was(bare, data):
    bare.train()
    bare.trunk.eval()
    calls = []
    bare.fc.register_forward_hook(lambda *_: calls.append(1))
    modes = [m.training for m in bare.modules()]
    weights = bare.fc.weight.detach().clone()
    captured(bare, data, dtype=torch.bfloat16)
    data[0][50] = np.nan
    with pytest.raises(ValueError, match="features hold NaN or infinity"):
        captured(bare, data)
    assert [m.training for m in bare.modules()] == modes
    assert len(bare.fc._forward_hooks) == 1
    assert not bare.fc._forward_pre_hooks
    assert calls
    assert torch.equal(bare.fc.weight, weights)
    assert bare.fc.weight.requires_grad


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(make_bare, data, dtype):
    whole = captured(make_bare(), data)
    # A convolution that copies: autocast runs it in half precision.
    network = make_bare()
    network.trunk = nn.Conv2d(4, 4, 1, bias=False)
    with torch.no_grad():
        network.trunk.weight.copy_(torch.eye(4)[..., None, None])
    for found in (captured(network, data, dtype=dtype), captured(make_bare().to(dtype), data)):
        assert found.statistics.mean.dtype == np.float64
        np.testing.assert_allclose(found.features, whole.features, rtol=4 * torch.finfo(dtype).eps)
        assert np.any(found.features != whole.features)


def test_double_precision_stays(bare, data):
    assert captured(bare.double(), data).features.dtype == np.float64


def test_device(bare, data):
    assert captured(bare, data, device="cpu").path["error"] < 1e-6
    with pytest.raises(RuntimeError, match="Expected one of cpu"):
        captured(bare, data, device="abacus")


def test_several_inputs_by_position_and_by_name(data):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, left, right):
            return self.fc((left + right).mean(dim=(2, 3)))

    maps, labels = data
    for given in ((maps, 2 * maps, labels), {"left": maps, "right": 2 * maps, "labels": labels}):
        found = captured(Two(), given)
        np.testing.assert_allclose(found.features, 3 * maps.mean(axis=(2, 3)), rtol=1e-5)


def test_memory(make_bare, make_maps):
    network, data = make_bare(channels=40, classes=3), make_maps(per_class=4, channels=40)
    with pytest.warns(UserWarning, match="kept is their low-rank part that the 3 output nodes read"):
        found = captured(network, data, memory_budget=30_000)
    assert found.statistics.kind == "head"
    assert len(found.notes) == 1
    with pytest.raises(ValueError, match=r"the features take more than .* MB.*raise memory_budget"):
        captured(make_bare(), make_maps(), memory_budget=5_000)


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ({"data": []}, ValueError, "data: got no images"),
        ({"dtype": torch.int8}, ValueError, "dtype: got torch.int8, expected torch.float16, torch.bfloat16"),
        ({"head": "nope"}, ValueError, "head='nope'"),
    ],
)
def test_bad_choices(bare, data, choices, error, message):
    with pytest.raises(error, match=message):
        captured(bare, choices.pop("data", data), **choices)


def test_a_head_that_reads_another_number_of_rows(data):
    class Doubling(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, maps):
            again = maps if len(maps) <= 8 else torch.cat([maps, maps])
            return self.fc(again.mean(dim=(2, 3)))

    with pytest.raises(ValueError, match=r"the head 'fc' read \(32, 4\) for 16 images"):
        captured(Doubling(), data)
