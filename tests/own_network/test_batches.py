"""Data of every usual kind."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from aggdist.own_network.batches import batches, call, home, placed, rows

X = np.arange(24.0).reshape(6, 4)
Y = np.array([0, 1, 2, 0, 1, 2])


def together(data, **choices):
    found = list(batches(data, 4, **choices))
    return found, np.concatenate([labels for _, labels in found])


def test_one_input():
    pairs = [(X[:4], Y[:4]), [torch.tensor(X[4:]), Y[4:].tolist()]]
    dataset = TensorDataset(torch.tensor(X), torch.tensor(Y))
    for data in (
        (X, Y), [torch.tensor(X), torch.tensor(Y)], (X, Y.tolist()), {"pixels": X, "labels": Y}, pairs, iter(pairs),
        dataset, DataLoader(dataset, batch_size=4),
    ):  # fmt: skip
        found, labels = together(data)
        assert [len(y) for _, y in found] == [4, 2]
        np.testing.assert_array_equal(torch.cat([x for x, _ in found]), X)
        np.testing.assert_array_equal(labels, Y)


def test_several_inputs():
    for data in ((X, 2 * X, Y), ((X, 2 * X), Y), [(X[:4], 2 * X[:4], Y[:4]), (X[4:], 2 * X[4:], Y[4:])]):
        found, _ = together(data)
        assert all(isinstance(x, tuple) for x, _ in found)
        np.testing.assert_array_equal(torch.cat([x[1] for x, _ in found]), 2 * X)
    for data in ({"a": X, "b": 2 * X, "target": Y}, ({"a": X, "b": 2 * X}, Y)):
        found, _ = together(data)
        assert set(found[0][0]) == {"a", "b"}
        np.testing.assert_array_equal(torch.cat([x["b"] for x, _ in found]), 2 * X)


def test_own_batches():
    found, labels = together(
        iter([{"image": X, "other": {"class": Y}}]), unpack=lambda b: (b["image"], b["other"]["class"])
    )
    assert len(found) == 1
    np.testing.assert_array_equal(labels, Y)


def test_how_a_model_is_called():
    def model(a, b=0):
        return a + b

    one = torch.ones(2)
    assert call(model, one).tolist() == [1, 1]
    assert call(model, (one, one)).tolist() == call(model, {"a": one, "b": one}).tolist() == [2, 2]


def test_some_rows():
    tokens = torch.arange(6)
    chosen = rows({"a": torch.tensor(X), "tokens": tokens, "scale": 2.0}, np.array([1, 3]), 6)
    assert chosen["tokens"].tolist() == [1, 3]
    assert chosen["scale"] == 2.0


def test_placing(make_bare):
    network = make_bare().half()
    assert home(network) == (torch.device("cpu"), torch.float16)
    assert home(torch.nn.Flatten()) == (torch.device("cpu"), torch.float32)
    inputs = placed({"x": torch.tensor(X), "ids": torch.tensor(Y), "flag": True}, network)
    assert [inputs["x"].dtype, inputs["ids"].dtype, inputs["flag"]] == [torch.float16, torch.int64, True]
    with pytest.raises(ValueError, match="inputs of type uint8: expected floats"):
        placed(torch.zeros(2, 2, dtype=torch.uint8), network)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (3, TypeError, "data: got int, expected a DataLoader"),
        (X, TypeError, "data: got ndarray"),
        ((X, Y[:5]), ValueError, r"arrays of lengths \[5, 6\]"),
        ([(X, Y[:5])], ValueError, "a batch of 6 inputs with 5 labels"),
        (
            {"x": X, "z": Y},
            ValueError,
            "a batch with keys x, z: expected inputs, and labels under one of labels,",
        ),
        ([3], TypeError, "a batch of type int"),
        ([("cat", Y)], TypeError, "inputs of type str"),
        ((X, Y / 2), ValueError, "labels of type float64.*a regression has no classes"),
        ((X, np.eye(6, dtype=int)), ValueError, r"labels of shape \(4, 6\).*labels.argmax\(1\).*multi-label"),
    ],
)
def test_bad_data(data, error, message):
    with pytest.raises(error, match=message):
        list(batches(data, 4))
