"""Training: reproducible, good enough, and clear when it fails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from aggdist.networks import TrainingError, accuracy, build, cpu_threads, default, prepare, train


def _weights(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def _equal(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def _trained(dataset, name, parameters, seed=1, aggregation="avg"):
    inputs = prepare(dataset)
    network = build(name, inputs.spec, aggregation, seed=seed)
    return network, train(network, inputs, parameters, seed=seed, progress=False)


@pytest.mark.parametrize(
    ("kind", "name"), [("images", "digitcnn"), ("recordings", "melcnn"), ("sentences", "textcnn")]
)
def test_same_seed_same_bits(make, kind, name, quick):
    parameters = quick.changed(batch_size=4, word_dropout=0.2)
    dataset = getattr(make, kind)()
    first, again, other = (_weights(_trained(dataset, name, parameters, seed)[0]) for seed in (1, 1, 2))
    assert _equal(first, again)
    assert not _equal(first, other)


def test_torch_state_threads_and_mode_after_training(images, quick):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    before = torch.get_num_threads()
    network, _ = _trained(images, "digitcnn", quick.changed(threads=before + 1, batch_size=48))
    torch.testing.assert_close(torch.rand(2), expected, rtol=0, atol=0)
    assert torch.get_num_threads() == before
    assert not network.training


def test_threads_come_back_after_an_error():
    before = torch.get_num_threads()

    def fail():
        with cpu_threads(before + 2):
            assert torch.get_num_threads() == before + 2
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("aggregation", ["avg", "max", "gem"])
def test_learns_blobs(images, quick, aggregation):
    parameters = quick.changed(epochs=20, flip=False)
    network, history = _trained(images, "digitcnn", parameters, aggregation=aggregation)
    inputs = prepare(images)
    assert len(history.loss) == len(history.train_accuracy) == 20
    assert history.loss[-1] < 0.3 * history.loss[0]
    assert history.seconds > 0.0
    assert accuracy(network, inputs.x_test, inputs.y_test) > 0.9


def test_learnable_power_is_trained(images, quick):
    inputs = prepare(images)
    network = build("digitcnn", inputs.spec, "gem", seed=0, learnable=True)
    train(network, inputs, quick, seed=0, progress=False)
    assert network.aggregation.p != pytest.approx(3.0, abs=1e-4)


def test_accuracy_counts_and_keeps_the_mode(images):
    inputs = prepare(images)
    network = build("digitcnn", inputs.spec, "avg", seed=0).train()
    found = accuracy(network, inputs.x_test, inputs.y_test, batch_size=7)
    assert network.training
    network.eval()
    with torch.inference_mode():
        nodes = network(torch.from_numpy(np.array(inputs.x_test)))
    assert found == pytest.approx(np.mean(nodes.argmax(dim=1).numpy() == inputs.y_test))


def test_accuracy_of_nothing(images):
    network = build("digitcnn", prepare(images).spec, "avg", seed=0)
    with pytest.raises(ValueError, match="got 0 inputs and 0 labels"):
        accuracy(network, np.zeros((0, 1, 8, 8)), np.zeros(0, int))
    with pytest.raises(ValueError, match="got 2 inputs and 3 labels"):
        accuracy(network, np.zeros((2, 1, 8, 8)), np.zeros(3, int))


def test_loss_that_is_not_finite(images, quick):
    inputs = prepare(images)
    broken = replace(inputs, x_train=np.full(inputs.x_train.shape, np.nan, np.float32))
    network = build("digitcnn", inputs.spec, "avg", seed=0)
    with pytest.raises(TrainingError, match="the training loss became nan: expected a finite number; lower"):
        train(network, broken, quick, seed=0, progress=False)


def test_fewer_images_than_a_batch(images, quick):
    inputs = prepare(images)
    network = build("digitcnn", inputs.spec, "avg", seed=0)
    with pytest.raises(ValueError, match=r"96 training inputs for batches of 97: .* lower batch_size"):
        train(network, inputs, quick.changed(batch_size=97), seed=0, progress=False)


def test_bar_goes_to_standard_error_only_when_asked(images, quick, capsys, monkeypatch):
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    inputs = prepare(images)
    for progress in (False, True):
        network = build("digitcnn", inputs.spec, "avg", seed=0)
        train(network, inputs, quick, seed=0, progress=progress)
        output = capsys.readouterr()
        assert output.out == ""
        assert ("training" in output.err) == progress


@pytest.mark.slow
@pytest.mark.parametrize("aggregation", ["avg", "max", "gem"])
def test_digits_default_reaches_96_percent(digits, aggregation):
    network, _ = _trained(
        digits, default("digits").network, default("digits").training, aggregation=aggregation
    )
    inputs = prepare(digits)
    assert accuracy(network, inputs.x_test, inputs.y_test) >= 0.96
