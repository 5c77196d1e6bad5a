"""Finding maps -> aggregation -> linear layer, and saying why there is none."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from aggdist.aggregation import layer
from aggdist.own_network import PathError, find_path

IMAGES = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
MAPS = torch.rand(5, 4, 3, 3, generator=torch.Generator().manual_seed(1))


def made(name, **choices):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return torchvision.models.get_model(name, weights=None, **choices)


@pytest.mark.parametrize(
    ("name", "maps", "head"),
    [
        ("resnet18", "layer4", "fc"),
        ("mobilenet_v2", "features", "classifier.1"),  # its pooling is a function call
        ("efficientnet_b0", "features", "classifier.1"),
    ],
)
def test_torchvision(name, maps, head):
    path = find_path(made(name), IMAGES)
    assert (path.maps_name, path.aggregation, path.head_name) == (maps, "avg", head)
    assert path.error < 1e-5 == path.tolerance
    assert path.positions == 4
    assert (path.negative > 0) == (name == "efficientnet_b0")
    assert path.weights().shape == (1000, path.head.in_features)
    assert path.bias().shape == (1000,)


def test_a_hidden_layer_in_the_head():
    with pytest.raises(PathError, match=r"a hidden layer.*'classifier.0' \(576 to 1024\).*'classifier.3'"):
        find_path(made("mobilenet_v3_small"), IMAGES)


def test_no_linear_layer_at_the_end():
    with pytest.raises(PathError, match=r"SqueezeNet calls no nn\.Linear.*replace it by nn\.Linear"):
        find_path(made("squeezenet1_1"), IMAGES)


def test_maps_that_no_module_gives():
    """DenseNet's last ReLU and its pooling are function calls."""

    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.fc = nn.InstanceNorm2d(4), nn.Linear(4, 3)

        def forward(self, x):
            return self.fc(functional.adaptive_max_pool2d(functional.relu(self.norm(x)), 1).flatten(1))

    path = find_path(Functional(), MAPS)
    assert (path.maps_name, path.aggregation) == ("the model", "max")
    assert path.negative == 0


@pytest.mark.parametrize("name", ["avg", "max", "gem", "lp", "lse"])
def test_every_aggregation_of_the_package(make_bare, name):
    path = find_path(make_bare(pool=layer(name)), MAPS)
    titles = {"gem": "GeneralisedMean 'pool'", "lp": "LpNorm 'pool'", "lse": "LogSumExp 'pool'"}
    assert path.aggregation == titles.get(name, name)
    assert path.maps_name == "trunk"


def test_no_maps_at_all():
    with pytest.raises(PathError, match="it holds no maps of 36 channels at all"):
        find_path(nn.Sequential(nn.Flatten(), nn.Linear(36, 3)), MAPS)


def test_by_name_and_function(make_bare):
    network = make_bare(pool=nn.AdaptiveMaxPool2d(1))
    path = find_path(network, MAPS, maps="trunk", head="fc", aggregation="pool")
    assert path.aggregation == "AdaptiveMaxPool2d 'pool'"
    path = find_path(network, MAPS, aggregation=lambda maps: maps.amax(dim=(2, 3)))
    assert path.error == 0
    with pytest.raises(PathError, match="no tensor of the pass has an average or maximum"):
        find_path(network, MAPS, aggregation="avg")


def test_channels_last():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.fc = nn.Linear(6, 4), nn.Linear(4, 3)

        def forward(self, x):
            return self.fc(torch.relu(self.body(x)).mean(dim=1))

    path = find_path(Tokens(), torch.rand(2, 7, 6, generator=torch.Generator().manual_seed(0)))
    assert (path.head_name, path.positions, path.aggregation) == ("fc", 7, "avg")


def test_a_module_that_mixes_channels_is_no_aggregation(make_bare):
    mixing = nn.Sequential(nn.Conv2d(4, 4, 1), nn.AdaptiveAvgPool2d(1))
    path = find_path(make_bare(pool=mixing), MAPS)
    assert path.maps_name == "pool.0"  # the average of what the convolution gives
    with pytest.raises(PathError, match="no tensor of the pass"):
        find_path(make_bare(pool=nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.ReLU())), MAPS)
    with pytest.raises(PathError, match="nearest is the average of the output of 'trunk'"):
        find_path(make_bare(pool=nn.Conv2d(4, 4, 3)), MAPS)


def test_a_normalisation_in_the_head(make_bare):
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(4))
    with pytest.raises(PathError, match=r"A layer between aggregation and head \(a normalisation, say\)"):
        find_path(make_bare(pool=pool), MAPS)


def test_one_position(make_bare):
    with pytest.raises(
        PathError, match=r"has one position only: there is nothing to aggregate\. Give larger"
    ):
        find_path(make_bare(), MAPS[..., :1, :1])


def test_half_precision_is_allowed_its_rounding(make_bare):
    path = find_path(make_bare().to(torch.bfloat16), MAPS.to(torch.bfloat16))
    assert path.aggregation == "avg"
    assert path.error < path.tolerance == 4 * 2**-7


class _Ends(nn.Module):
    def __init__(self, network, end):
        super().__init__()
        self.network, self.end = network, end

    def forward(self, x):
        return self.end(self.network(x))


def test_other_bad_networks(make_bare):
    with pytest.raises(PathError, match="'fc' has one output node: a regression or a single logit"):
        find_path(make_bare(classes=1), MAPS)
    with pytest.raises(
        PathError, match=r"the model gives \(5, 2\) but its last linear layer 'network.fc' gives 3"
    ):
        find_path(_Ends(make_bare(), lambda y: y[:, :2]), MAPS)
    with pytest.raises(PathError, match=r"reads \(5, 9, 4\): expected \(images, channels\)"):
        find_path(nn.Sequential(nn.Flatten(2), _Turned(), nn.Linear(4, 3), _Mean()), MAPS)
    with pytest.raises(PathError, match="is all zero, NaN or infinite"):
        find_path(make_bare(), 0 * MAPS)


class _Turned(nn.Module):
    def forward(self, x):
        return x.mT


class _Mean(nn.Module):
    def forward(self, x):
        return x.mean(dim=1)


def test_softmax_at_the_end_is_fine(make_bare):
    assert find_path(nn.Sequential(make_bare(), nn.LogSoftmax(1)), MAPS).head_name == "0.fc"


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"maps": "trunks"}, "maps='trunks': the model has no module of that name; it has trunk, pool"),
        ({"maps": "fc"}, "maps='fc': that module gives no maps of 4 channels.*modules that do: .*trunk"),
        ({"head": "fcc"}, "head='fcc': the model calls no linear layer of that name; it calls fc"),
        (
            {"aggregation": "mean"},
            "aggregation='mean': expected avg, max, a function, or the name of a module",
        ),
    ],
)
def test_bad_names(make_bare, choice, message):
    with pytest.raises(PathError, match=message):
        find_path(make_bare(), MAPS, **choice)


def test_the_network_is_left_as_it_was(make_bare):
    network = make_bare()
    network.train()
    network.trunk.eval()
    modes = [m.training for m in network.modules()]
    find_path(network, MAPS)
    with pytest.raises(PathError):
        find_path(network, 0 * MAPS)
    assert [m.training for m in network.modules()] == modes
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
