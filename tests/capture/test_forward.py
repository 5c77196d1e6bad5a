"""The pass over a network."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from aggdist.aggregation import AGGREGATIONS, layer
from aggdist.capture import ActivationStatistics, PooledStatistics, capture
from aggdist.capture.forward import batch_for
from aggdist.capture.tap import activation_bytes

SMALL = 300_000  # bytes: several batches of the made images


class Bare(nn.Module):
    """Maps given as input: only the aggregation and a head."""

    def __init__(self, aggregation=None, output=None):
        super().__init__()
        self.aggregation = aggregation or layer("avg")
        self.head = nn.Linear(2, 3)
        self.output = output

    def forward(self, maps):
        nodes = self.head(self.aggregation(maps))
        return nodes if self.output is None else self.output(nodes)


def _maps(n=12):
    return np.random.default_rng(0).gamma(1.0, size=(n, 2, 3, 3)).astype(np.float32), np.arange(n) % 3


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("stored", [False, True])
def test_same_as_computing_everything_at_once(make_network, images, aggregation, stored, tmp_path):
    network = make_network(aggregation)
    x, y = images
    folder = tmp_path / "capture" if stored else None
    found = capture(network, x, y, 3, memory_budget=SMALL, folder=folder, progress=False)
    with torch.inference_mode():
        maps, pooled, nodes = (
            f(torch.from_numpy(x)).numpy() for f in (network.maps, network.pooled, network)
        )
    assert found.batch_size < len(x)
    np.testing.assert_allclose(found.pooled, pooled, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.nodes, nodes, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found.labels, y)
    assert found.pooled.dtype == found.nodes.dtype == np.float32
    assert (found.n_classes, found.positions) == (3, 16)
    pooled_whole = PooledStatistics.of(found.pooled, y, 3)
    for name, array in pooled_whole.arrays().items():
        np.testing.assert_allclose(getattr(found.pooled_statistics, name), array, rtol=1e-9, atol=1e-9)
    for name, array in ActivationStatistics.of(maps, y, 3).arrays().items():
        np.testing.assert_allclose(getattr(found.activation_statistics, name), array, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("stored", [False, True])
def test_replaying_the_head(make_network, images, aggregation, stored, tmp_path):
    network = make_network(aggregation)
    found = capture(
        network, *images, 3, memory_budget=SMALL, folder=tmp_path / "c" if stored else None, progress=False
    )
    with torch.inference_mode():
        direct = network(torch.from_numpy(images[0])).numpy()
    np.testing.assert_array_equal(found.replay(network.head), found.nodes)  # same batches: same bits
    for batch_size in (1, 7, 1000):
        np.testing.assert_allclose(found.replay(network.head, batch_size), direct, atol=1e-5)


def test_average_pooled_features_and_activations_agree(network, images):
    found = capture(network, *images, 3, progress=False)
    np.testing.assert_allclose(
        found.activation_statistics.mean, found.pooled_statistics.mean, rtol=1e-6, atol=1e-7
    )
    np.testing.assert_allclose(
        found.activation_statistics.image_mean_variance(),
        found.pooled_statistics.variance(),
        rtol=1e-5,
        atol=1e-9,
    )


def test_parts_merge_to_the_whole(network, images):
    x, y = images
    whole = capture(network, x, y, 3, memory_budget=SMALL, progress=False)
    cut = 2 * whole.batch_size  # the same batches, so the same features to the bit
    parts = [
        capture(network, x[p], y[p], 3, memory_budget=SMALL, progress=False, minimum_per_class=0)
        for p in (slice(0, cut), slice(cut, None))
    ]
    for kind in ("pooled_statistics", "activation_statistics"):
        merged = getattr(parts[0], kind)
        merged.merge(getattr(parts[1], kind))
        for name, array in getattr(whole, kind).arrays().items():
            scale = max(1.0, float(np.abs(array).max()))
            np.testing.assert_allclose(getattr(merged, name), array, rtol=0, atol=1e-12 * scale)


def test_network_is_left_as_it_was(network, images):
    network.train()
    network.trunk[2].eval()  # a frozen batch normalisation
    modes = [module.training for module in network.modules()]
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    threads = torch.get_num_threads()
    capture(network, *images, 3, threads=threads + 1, progress=False)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    assert torch.get_num_threads() == threads
    assert not network.aggregation._forward_hooks
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_hooks_and_modes_come_back_after_an_error(tmp_path):
    network = Bare(output=lambda nodes: nodes / 0 if len(nodes) > 1 else nodes).train()
    maps, y = _maps()
    maps[7] = np.nan
    with pytest.raises(ValueError, match="activations hold NaN or infinity"):
        capture(network, maps, y, 3, folder=tmp_path / "c", progress=False)
    assert network.training
    assert not network.aggregation._forward_hooks
    assert list(tmp_path.iterdir()) == []


def test_negative_activations():
    maps, y = _maps()
    maps[3, 1, 0, 0] = -0.5
    with pytest.raises(ValueError, match=r"activations are negative \(smallest -0.5\)"):
        capture(Bare(), maps, y, 3, progress=False)


def test_class_with_fewer_than_two_images(network, images):
    x, y = images
    y = np.where(y == 2, 0, y)
    y[0] = 2
    with pytest.raises(ValueError, match="class 2 has 1; expected at least 2 per class"):
        capture(network, x, y, 3, progress=False)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(11, int), r"labels of shape \(11,\) for 12 images"),
        (np.full(12, 3), "labels run from 3 to 3"),
    ],
)
def test_bad_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        capture(Bare(), _maps()[0], labels, 3, progress=False)


def test_no_images():
    with pytest.raises(ValueError, match="got no images"):
        capture(Bare(), np.zeros((0, 2, 3, 3), np.float32), np.zeros(0, int), 3, progress=False)


def test_network_without_aggregation_layer():
    with pytest.raises(TypeError, match="Linear has no aggregation layer"):
        capture(nn.Linear(2, 3), *_maps(), 3, progress=False)


def test_aggregation_that_is_not_called():
    network = Bare()
    network.forward = lambda maps: network.head(maps.mean(dim=(2, 3)))
    with pytest.raises(RuntimeError, match=r"did not call network.aggregation"):
        capture(network, *_maps(), 3, progress=False)


def test_aggregation_that_keeps_positions():
    network = Bare(nn.AdaptiveAvgPool2d(1))
    network.forward = lambda maps: network.head(network.aggregation(maps).flatten(1))
    with pytest.raises(ValueError, match=r"turned maps of shape \(1, 2, 3, 3\) into \(1, 2, 1, 1\)"):
        capture(network, *_maps(), 3, progress=False)


def test_output_that_is_no_node_matrix():
    with pytest.raises(ValueError, match=r"output is \(1, 3, 1\): expected output nodes of shape"):
        capture(Bare(output=lambda nodes: nodes[:, :, None]), *_maps(), 3, progress=False)
    with pytest.raises(ValueError, match="output is tuple"):
        capture(Bare(output=lambda nodes: (nodes,)), *_maps(), 3, progress=False)


def test_one_image_per_batch_keeps_the_batch_axis(network, images):
    found = capture(network, *images, 3, memory_budget=1, progress=False)
    assert found.batch_size == 1
    assert found.pooled.shape == (50, 32)
    np.testing.assert_array_equal(found.replay(network.head), found.nodes)


def test_bytes_of_all_intermediate_results():
    # A (1, 2, 3, 3) map: mean (1, 2) and nodes (1, 3) at least; views may be counted on top.
    maps = torch.ones(1, 2, 3, 3)
    assert 4 * (2 + 3) <= activation_bytes(Bare(), maps) <= 4 * (2 + 3) + 4 * 2 * 3
    wide = nn.Sequential(nn.Conv2d(1, 8, 1), nn.ReLU())
    assert activation_bytes(wide, torch.ones(1, 1, 10, 10)) >= 4 * 2 * 8 * 100


def test_batch_follows_the_budget(network, images):
    sizes = [batch_for(network, images[0], budget) for budget in (1, SMALL, 4 * SMALL, 2**40)]
    assert sizes[0] == 1
    assert sizes[1] < sizes[2] <= 4 * sizes[1] + 3
    assert sizes[3] == 512


def test_bar_goes_to_standard_error_only_when_asked(network, images, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    for progress in (False, True):
        capture(network, *images, 3, progress=progress)
        output = capsys.readouterr()
        assert output.out == ""
        assert ("capture" in output.err) == progress


_MEASURED = """
import resource, sys
import torch
def peak():
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (2**20 if sys.platform == "darwin" else 2**10)
bare = peak()
from pathlib import Path
import numpy as np
from torch import nn
from aggdist.aggregation import layer
from aggdist.capture import capture
from aggdist.networks import InputSpec, Network, build
from aggdist.networks.trunks import Standardise
kind, images, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
if kind == "large":
    trunk = nn.Sequential(Standardise((120.0,), (70.0,)), nn.Conv2d(1, 128, 3, padding=1), nn.ReLU())
    network, shape = Network(trunk, layer("avg"), nn.Linear(128, 10)), (1, 64, 64)
else:
    shape = (1, 28, 28)
    network = build(kind, InputSpec("image", shape, 10, (70.0,), (80.0,)), "avg", seed=0)
x = np.random.default_rng(0).integers(0, 255, size=(images, *shape), dtype=np.uint8)
captured = capture(network, x, np.arange(images) % 10, 10, folder=folder, progress=False)
assert captured.pooled.shape == (images, 128)
print(peak() - bare)
"""


def _peak(kind, images, folder):
    """Megabytes above the bare import of torch, in a process of its own."""
    command = [sys.executable, "-c", _MEASURED, kind, str(images), str(folder)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_peak_memory_is_bounded(tmp_path):
    assert _peak("large", 100, tmp_path / "c") < 800  # maps of 2 MB each


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["large", "greycnn"])
def test_peak_memory_of_ten_thousand_images(kind, tmp_path):
    assert _peak(kind, 10_000, tmp_path / "c") < 800
