"""`verify` on the command line: what is made anew, what is said, and that nothing else is touched."""

from __future__ import annotations

import argparse
import copy
import io
import json
import re
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from aggdist import experiment
from aggdist.experiment import RunParameters, read_record, write_record
from aggdist.house import cli, verify_command
from aggdist.house.terminal import HouseError
from aggdist.house.verify_plan import make_plan
from aggdist.paths import repository_root
from aggdist.run_table import read_table

TABLE = """
defaults: {fit_per_class: 10, splits: 2, draws: 2, epochs: 1}
tables:
  full:
    - {dataset: digits, network: digitcnn, aggregation: avg, seed: [0, 1, 2]}
    - {dataset: digits, network: digitcnn, aggregation: max}
    - {dataset: mnist, network: greycnn, aggregation: avg}
"""
RUN = RunParameters("digits", "digitcnn", "avg", fit_per_class=10, splits=2, draws=2, epochs=1)
NAME = RUN.name


@dataclass(frozen=True)
class Verified:
    """What the command left behind."""

    root: Path
    code: int
    said: str
    untouched: bool


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    """The real thing, once around: records that hold a test accuracy alone, and a run that is trained again."""
    folder = tmp_path_factory.mktemp("verified")
    root = with_table(folder / "root")
    common = {"schema": experiment.SCHEMA, "provenance": {"analysis": "older", "checkpoint": "older"}}
    for seed in range(3):
        record = common | {"parameters": asdict(RUN), "test_accuracy": 0.5 + seed}
        put(root, record, seed=seed)
    before = contents(root / "results")
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
        patch.setenv("AGGDIST_CACHE", str(folder / "users"))
        code = verify_command.run(root, asked())
    untouched = contents(root / "results") == before and not (folder / "users").exists()
    return Verified(root, code, said.getvalue(), untouched)


@pytest.fixture(scope="module")
def made(verified):
    """The record of one small run."""
    return read_record(verified.root / "build" / "verify" / f"{NAME}.json")


def with_table(root: Path) -> Path:
    folder = root / "notebooks" / "experiments"
    folder.mkdir(parents=True)
    (folder / "runs.yml").write_text(TABLE)
    return root


def put(root: Path, record, **parameters):
    """Commit a copy of a record with some other parameters."""
    copied = copy.deepcopy(record)
    copied["parameters"] |= parameters
    copied["name"] = RunParameters(**copied["parameters"]).name
    write_record(copied, root / "results" / f"{copied['name']}.json")
    return copied


@pytest.fixture
def root(tmp_path, made):
    """A repository with a run table and the records of three seeds, of which the others are invented."""
    with_table(tmp_path / "root")
    for seed, accuracy in enumerate((0.0, 0.01, 0.02)):
        put(tmp_path / "root", made | {"test_accuracy": made["test_accuracy"] + accuracy}, seed=seed)
    return tmp_path / "root"


def asked(only=NAME, **values) -> argparse.Namespace:
    return argparse.Namespace(**{"only": only, "list": False} | values)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def fresh(monkeypatch, made):
    """Instead of a process that trains: fresh records with these test accuracies, or these errors."""
    answers = {}

    def make_anew(root, parameters):
        answer = answers.get(parameters.name, made["test_accuracy"])
        if isinstance(answer, Exception):
            raise answer
        path = root / "build" / "verify" / f"{parameters.name}.json"
        write_record(made | {"name": parameters.name, "test_accuracy": answer}, path)
        return path

    monkeypatch.setattr(verify_command, "make_anew", make_anew)
    return answers


def test_a_run_is_made_anew_and_leaves_only_its_record(verified, made):
    assert verified.untouched  # neither the records nor the user's cache
    left = {path.name for path in (verified.root / "build" / "verify").iterdir()}
    assert left == {f"{NAME}.json", f"{NAME}.log"}
    assert RunParameters(**made["parameters"]) == RUN
    assert 0.1 < made["test_accuracy"] < 1
    assert made["training"]["seconds"] > 0
    assert len(made["nodes"]["observed"]["raw"]) == 10


def test_what_the_record_lacks_is_not_confirmed(verified):
    assert verified.code == 1
    assert "1 of 1 runs to make anew, one at a time; results/ is not touched." in verified.said
    assert f"{NAME}: 8 of 9 quantities not confirmed in" in verified.said
    table = [line.split() for line in verified.said.splitlines() if line.startswith("  median predicted KL")]
    assert [(*line[3:5], *line[-4:]) for line in table] == [("-", "-", "not", "in", "the", "record")]
    assert "0 confirmed, 1 not confirmed, 0 not compared." in verified.said


def test_the_same_numbers_are_confirmed(root, made, fresh, capsys):
    assert verify_command.run(root, asked()) == 0
    out = capsys.readouterr().out
    assert f"{NAME}: confirmed in" in out
    assert "Note" not in out
    assert out.count("  ok\n") == 9
    assert "1 confirmed, 0 not confirmed, 0 not compared." in out


def test_a_process_that_fails_is_told_and_leaves_no_cache_and_no_older_record(root, capfd):
    folder = root / "build" / "verify"
    left = folder / ".cache-left"
    left.mkdir(parents=True)
    name = "digit-digitcnn-avg-s0"
    (folder / f"{name}.json").write_text("{}")
    with pytest.raises(HouseError, match=r"(?s)ended with code 1; the end of .*\.log:.*ValueError: .*digit"):
        verify_command.make_anew(root, RunParameters("digit", "digitcnn", "avg"))
    assert [path.name for path in folder.iterdir()] == [f"{name}.log"]
    assert capfd.readouterr().err == ""


def test_a_process_that_is_killed_is_told(root, monkeypatch):
    seen = {}

    def killed(command, *, cwd, env, **others):
        seen.update(env, command=command, there=Path(env["AGGDIST_CACHE"]).is_dir())
        return argparse.Namespace(returncode=-9)

    monkeypatch.setattr(verify_command.subprocess, "run", killed)
    threads = RunParameters(**asdict(RUN) | {"threads": 2})
    with pytest.raises(HouseError, match=r"was stopped by signal 9 \(out of memory\?\)"):
        verify_command.make_anew(root, threads)
    assert seen["there"]
    assert not Path(seen["AGGDIST_CACHE"]).exists()
    assert seen["OMP_NUM_THREADS"] == "2"
    assert json.loads(seen["command"][-2]) == asdict(threads)


def test_a_table_says_what_is_out_and_the_command_fails(root, made, fresh, capsys):
    fresh[NAME] = made["test_accuracy"] + 0.05
    assert verify_command.run(root, asked()) == 1
    out, err = capsys.readouterr()
    line = next(line for line in out.splitlines() if line.startswith("  test accuracy"))
    assert line.split()[-2:] == ["±0.03", "OUT"]
    assert f"{NAME}: 1 of 9 quantities not confirmed in" in out
    assert "Allowed: 3 times the standard deviation over seeds of digits-digitcnn-avg (seeds 0, 1, 2)." in out
    assert f"NOT CONFIRMED {NAME}: see its table above" in err


def test_one_that_fails_does_not_stop_the_others(root, made, fresh, capsys):
    fresh |= {
        "digits-digitcnn-avg-s0": HouseError("its process ended with code 1"),
        "digits-digitcnn-avg-s1": OSError(28, "No space left on device"),
        "digits-digitcnn-avg-s2": made["test_accuracy"] + 0.04,
    }
    assert verify_command.run(root, asked("*")) == 1
    out, err = capsys.readouterr()
    assert "3 of 5 runs to make anew" in out
    assert "digits-digitcnn-avg-s2: confirmed in" in out
    assert "1 confirmed, 0 not confirmed, 4 not compared." in out
    assert "NOT COMPARED digits-digitcnn-avg-s0: its process ended with code 1" in err
    assert "NOT COMPARED digits-digitcnn-avg-s1: [Errno 28] No space left on device" in err
    assert (
        "digits-digitcnn-max-s0.json; make it with: python -m aggdist runs --only digits-digitcnn-max-s0"
        in err
    )
    assert "NOT COMPARED mnist-greycnn-avg-s0: there is no record" in err


def test_a_run_without_company_takes_the_spread_of_others(root, made, fresh, capsys):
    put(root, made, aggregation="max")
    fresh["digits-digitcnn-max-s0"] = made["test_accuracy"] + 0.02
    assert verify_command.run(root, asked("*max*")) == 0
    spread = "over seeds relative to the mean, of digits-digitcnn-avg (seeds 0, 1, 2)."
    assert spread in capsys.readouterr().out


def test_a_missing_dataset_says_how_to_fetch_it(root, made):
    put(root, made, dataset="mnist", network="greycnn")
    row = make_plan(root, "mnist*").rows[0]
    fetch = "dataset mnist is not here; get it with: python -m aggdist datasets fetch mnist"
    assert row.problem == fetch


def test_fewer_than_three_seeds_anywhere_is_an_error(root):
    (root / "results" / "digits-digitcnn-avg-s2.json").unlink()
    message = (
        r"holds 2 readable records, and nowhere 3 that differ in seed alone.*runs --only 'digits-digitcnn-avg"
    )
    with pytest.raises(HouseError, match=message):
        verify_command.run(root, asked())


def test_a_pattern_without_a_row_is_an_error(root):
    with pytest.raises(HouseError, match=r"no run of table 'full' matches 'cifar\*'"):
        make_plan(root, "cifar*")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged .JSONDecodeError"),
        ("[1]", "is damaged .TypeError"),
        ('{"parameters": {"datset": "digits"}}', "is damaged .TypeError: .*datset"),
        ('{"parameters": {"dataset": "digits", "network": "n", "aggregation": "a"}}', "is damaged .KeyError"),
    ],
)
def test_a_damaged_record_is_told_where_it_is_chosen_and_where_it_is_not(root, fresh, capsys, text, message):
    path = root / "results" / "digits-digitcnn-max-s0.json"
    path.write_text(text)
    plan = make_plan(root, "*max*")
    assert plan.unreadable == ()
    assert re.search(message, plan.rows[0].problem)
    assert verify_command.run(root, asked()) == 0
    assert f"Not used for the spread over seeds: {path} is damaged" in capsys.readouterr().err


def test_a_record_of_another_run_is_told(root, made):
    write_record(made, root / "results" / "digits-digitcnn-max-s0.json")
    row = make_plan(root, "*max*").rows[0]
    assert f"holds the run {NAME}, expected digits-digitcnn-max-s0; delete it" in row.problem


def test_an_older_record_is_compared_all_the_same_and_the_change_is_told(
    root, made, fresh, capsys, monkeypatch
):
    put(root, made | {"schema": 1}, aggregation="max", splits=5)
    assert verify_command.run(root, asked("*max*")) == 0
    out = capsys.readouterr().out
    assert f"Note: the code has changed: the record has schema 1, today's have {experiment.SCHEMA}." in out
    assert "the record's parameters, which are used, are not the run table's: splits 5, not 2." in out
    monkeypatch.setattr(experiment, "analysis_digest", lambda: "other")
    assert verify_command.run(root, asked()) == 0
    assert "Note: the record is not up to date: the analysis code has changed." in capsys.readouterr().out


def test_seeds_made_by_different_code_are_told(root, made):
    put(root, made | {"provenance": made["provenance"] | {"analysis": "older"}}, seed=1)
    notes = make_plan(root, NAME).rows[0].notes
    assert len(notes) == 1
    assert "digits-digitcnn-avg (seeds 0, 1, 2) were made by different code" in notes[0]


def test_list_makes_nothing(root, made, capsys, monkeypatch):
    monkeypatch.setattr(verify_command, "make_anew", lambda *values: pytest.fail("a run was made"))
    put(root, made | {"schema": 1}, aggregation="max")
    assert verify_command.run(root, asked("*", list=True)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "digits-digitcnn-avg-s0  to do"
    assert lines[3].startswith("digits-digitcnn-max-s0  to do; the code has changed: the record has schema 1")
    assert lines[4].startswith("mnist-greycnn-avg-s0    cannot be verified: there is no record")
    assert lines[5] == "Spreads over seeds are measured on: digits-digitcnn-avg (seeds 0, 1, 2)"
    assert not (root / "build").exists()


def test_the_digits_are_the_default():
    parser = argparse.ArgumentParser()
    cli.TASKS["verify"].add_arguments(parser)
    args = parser.parse_args([])
    assert (args.only, args.list) == ("digits-*", False)
    rows = read_table(repository_root(), "full", args.only)
    assert {row.dataset for row in rows} == {"digits"}
    assert "digits-digitcnn-avg-s0" in {row.name for row in rows}


def test_continuous_integration_verifies_a_run_of_the_table():
    root = repository_root()
    line = next(x for x in (root / ".ci" / "run").read_text().splitlines() if x.startswith("make verify"))
    pattern = line.split("--only ")[1].rstrip('"')
    assert [row.name for row in read_table(root, "full", pattern)] == [pattern]
