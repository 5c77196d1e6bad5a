"""Checkpoints: found again when nothing changed, never half-written, never silently damaged."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from aggdist.networks import (
    CheckpointError,
    TrainingError,
    checkpoint,
    checkpoint_folder,
    checkpoint_key,
    load_checkpoint,
    recipe_for,
    trained,
)
from aggdist.networks.checkpoint import SUMMARY, WEIGHTS, Recipe
from aggdist.paths import cache_folder


def _left_in_cache():
    folder = cache_folder() / "checkpoints"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_second_time_comes_from_the_cache(images, quick_recipe, monkeypatch):
    first = trained(images, quick_recipe, progress=False)
    monkeypatch.setattr(checkpoint, "train", lambda *a, **k: pytest.fail("trained again"))
    again = trained(images, quick_recipe, progress=False)
    for name, tensor in first.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name])
    assert replace(first, network=None) == replace(again, network=None)
    assert again.recipe == quick_recipe
    assert 0.0 <= again.test_accuracy <= 1.0
    assert len(again.history.loss) == 2
    assert again.history.seconds > 0.0
    assert again.spec.mean[0] == pytest.approx(images.x_train.mean())
    assert not again.network.training
    assert _left_in_cache() == [first.key]


def test_learnable_power_is_stored(images):
    recipe = recipe_for("digits", "gem", seed=0, learnable=True, epochs=1, batch_size=16, threads=1)
    found = trained(images, recipe, progress=False)
    assert found.network.aggregation.p == load_checkpoint(found.folder).network.aggregation.p


def test_key_depends_on_everything(quick_recipe, monkeypatch):
    recipes = [
        quick_recipe,
        *(
            replace(quick_recipe, **change)
            for change in (
                {"seed": 4},
                {"aggregation": "max"},
                {"p": 2.0},
                {"network": "greycnn"},
                {"learnable": True},
            )
        ),
        *(
            replace(quick_recipe, training=quick_recipe.training.changed(**change))
            for change in ({"epochs": 3}, {"threads": 2}, {"shift": (0, 0)}, {"learning_rate": 0.1})
        ),
    ]
    keys = [checkpoint_key(recipe, "data") for recipe in recipes]
    keys.append(checkpoint_key(quick_recipe, "other data"))
    monkeypatch.setattr(checkpoint, "source_digest", lambda: "other sources")
    keys.append(checkpoint_key(quick_recipe, "data"))
    monkeypatch.undo()
    monkeypatch.setattr(torch, "__version__", "0.0.0")
    keys.append(checkpoint_key(quick_recipe, "data"))
    assert len(set(keys)) == len(keys)
    monkeypatch.undo()
    assert checkpoint_key(quick_recipe, "data") == keys[0]


def test_source_digest_sees_a_changed_module(monkeypatch, tmp_path):
    before = checkpoint.source_digest()
    changed = tmp_path / "trunks.py"
    changed.write_text("# other\n", encoding="utf-8")
    monkeypatch.setattr(checkpoint.trunks, "__file__", str(changed))
    assert checkpoint.source_digest() != before


def test_recipe_survives_json(quick_recipe):
    assert Recipe.from_dict(json.loads(json.dumps(quick_recipe.to_dict()))) == quick_recipe


def test_recipe_of_another_dataset(images):
    with pytest.raises(ValueError, match="got dataset 'digits' for a recipe of 'mnist'"):
        trained(images, recipe_for("mnist", "avg", seed=0))


def test_error_in_training_leaves_nothing(images, quick_recipe, monkeypatch):
    def fail(*_args, **_keywords):
        raise TrainingError("lost")

    monkeypatch.setattr(checkpoint, "train", fail)
    with pytest.raises(TrainingError):
        trained(images, quick_recipe, progress=False)
    assert _left_in_cache() == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_error_while_writing_leaves_nothing(images, quick_recipe, monkeypatch, error):
    save = torch.save

    def half(state, path):
        save(state, path)
        path.write_bytes(path.read_bytes()[:100])
        raise error

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(type(error)):
        trained(images, quick_recipe, progress=False)
    assert _left_in_cache() == []
    monkeypatch.undo()


_ENDLESS = """
from aggdist import datasets
from aggdist.networks import recipe_for, trained, training

one_step = training._step

def announced(*arguments):
    result = one_step(*arguments)
    print("step", flush=True)
    return result

training._step = announced
recipe = recipe_for("digits", "avg", seed=0, epochs=100000, threads=1)
trained(datasets.load("digits"), recipe, progress=False)
"""


def test_killed_in_training_leaves_nothing():
    process = subprocess.Popen([sys.executable, "-c", _ENDLESS], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "step\n"
        process.kill()
        assert process.wait(timeout=30) != 0
    finally:
        process.kill()
        process.communicate()
    assert _left_in_cache() == []


def test_killed_while_writing_leaves_nothing_that_looks_finished(images, quick_recipe):
    key = checkpoint_key(quick_recipe, images.digest())
    # What a kill between two files leaves: a hidden folder beside the checkpoint's place.
    part = checkpoint_folder(key).parent / f".{key}.x.part"
    part.mkdir(parents=True)
    (part / WEIGHTS).write_bytes(b"half")
    found = trained(images, quick_recipe, progress=False)
    assert found.key == key
    assert load_checkpoint(found.folder).test_accuracy == found.test_accuracy


def _damage_weights(folder):
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / WEIGHTS).write_bytes(bytes(data))


def _wrong_shape(folder):
    torch.save({"head.weight": torch.zeros(1)}, folder / WEIGHTS)
    summary = json.loads((folder / SUMMARY).read_text())
    summary["weights_sha256"] = checkpoint._sha256(folder / WEIGHTS)
    (folder / SUMMARY).write_text(json.dumps(summary))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_damage_weights, "weights.pt does not have the SHA-256"),
        (lambda f: (f / WEIGHTS).unlink(), "FileNotFoundError"),
        (lambda f: (f / SUMMARY).unlink(), "FileNotFoundError"),
        (lambda f: (f / SUMMARY).write_text("{"), "JSONDecodeError"),
        (lambda f: (f / SUMMARY).write_text("{}"), "KeyError"),
        (_wrong_shape, "RuntimeError"),
    ],
)
def test_damage_is_reported_with_its_cure(images, quick_recipe, damage, message):
    found = trained(images, quick_recipe, progress=False)
    damage(found.folder)
    with pytest.raises(CheckpointError, match=f"(?s){message}.*delete that folder and run again"):
        trained(images, quick_recipe, progress=False)
    assert checkpoint_folder(found.key).exists()
