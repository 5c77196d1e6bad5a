from __future__ import annotations

import re

import numpy as np
import pytest

from aggdist.datasets import DATASETS, specification


def test_the_datasets_are_these():
    assert list(DATASETS) == ["digits", "mnist", "fashionmnist", "cifar10", "fsdd", "mr"]


def test_an_unknown_name_is_an_error_that_lists_the_known_ones():
    message = "unknown dataset: got 'mnits', expected one of digits, mnist, fashionmnist, cifar10, fsdd, mr"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        specification("mnits")


def test_the_registry_cannot_be_changed():
    with pytest.raises(TypeError):
        DATASETS["other"] = DATASETS["mr"]  # type: ignore[index]


@pytest.mark.parametrize("name", DATASETS)
def test_a_specification_is_complete_and_agrees_with_itself(name):
    spec = specification(name)
    assert spec.name == name
    assert spec.task in {"image", "audio", "text"}
    assert spec.n_classes == len(set(spec.class_names)) >= 2
    assert all((spec.licence, spec.citation.text, spec.origin))
    assert re.fullmatch(r"https?://\S+", spec.citation.url)
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in spec.checksums.values())
    assert len(set(spec.checksums.values())) == len(spec.arrays)
    for part in ("train", "test"):
        labels = spec.arrays[f"y_{part}"]
        assert (labels.dtype, len(labels.shape)) == ("uint8", 1)
        if spec.task != "audio":
            assert spec.arrays[f"x_{part}"].shape[0] == labels.shape[0]


@pytest.mark.parametrize("name", [name for name, spec in DATASETS.items() if spec.task == "image"])
def test_the_size_is_that_of_the_arrays(name):
    arrays = specification(name).arrays.values()
    assert specification(name).n_bytes == sum(np.prod(a.shape) * np.dtype(a.dtype).itemsize for a in arrays)


def test_the_fixed_sizes():
    assert [(spec.n_train, spec.n_test) for spec in DATASETS.values()] == [
        (1000, 797),
        (60000, 10000),
        (60000, 10000),
        (50000, 10000),
        (2700, 300),
        (8529, 2133),
    ]


def test_the_digest_depends_on_every_checksum(arrays, specification_of):
    digests = {specification_of(arrays).digest()}
    for name, array in arrays.items():
        digests.add(specification_of({**arrays, name: array[::-1]}).digest())
    assert len(digests) == 1 + len(arrays)


def test_the_digest_does_not_depend_on_the_order(arrays, specification_of):
    reverse = dict(reversed(arrays.items()))
    assert specification_of(arrays).digest() == specification_of(reverse).digest()
