"""The README says what is so: its code runs, its commands and files exist, its numbers are the records'."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from aggdist.datasets import DATASETS
from aggdist.figures import summary_tables
from aggdist.figures.summary_records import load_records
from aggdist.house.cli import TASKS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE-TEXT.md"}
PAGES |= {f"book/{path.name}" for path in (ROOT / "book").glob("*.md")}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def code(text: str) -> list[str]:
    """Fenced blocks and code spans, without their marks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return blocks + re.findall(r"`([^`\n]+)`", rest)


def tasks_named(text: str) -> set[str]:
    """Words after `make` and `python -m aggdist` in code."""
    pattern = r"(?:^|(?<= ))(?:make|python -m aggdist) ([a-z][a-z-]*)"
    return {word for part in code(text) for word in re.findall(pattern, part, flags=re.MULTILINE)}


def test_its_python_runs_and_prints_finite_divergences(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["zero_inflated_gamma", "normal", "shrunk_tails"]
    values = np.array([[float(v) for v in re.findall(r"\d+\.\d+", line)] for line in lines])
    assert values.shape == (3, 3)
    # Three laws with (nearly) the same means and variances for sums of 64 independent features.
    np.testing.assert_allclose(values, np.broadcast_to(values[0], (3, 3)), rtol=0.2)


def test_its_table_and_figure_are_those_of_the_records():
    assert summary_tables.stale(ROOT) == [], f"run: {summary_tables.WRITE}"


def test_each_row_s_command_is_a_run_of_the_table():
    from aggdist import runs

    for record in load_records(ROOT / "results"):
        command = summary_tables.command(record)
        assert command in README
        assert [run.name for run in runs.read_table(ROOT, "full", command.split()[-1])] == [record["name"]]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_tasks_that_are_named_exist(name):
    assert tasks_named(read(name)) <= {*TASKS, "help"}


def test_both_commands_are_there_and_cpu_comes_first():
    assert {"book", "test", "lab", "runs", "datasets", "help"} <= tasks_named(README)
    assert README.index("TORCH=cpu make book") < README.index("\nmake book")
    assert "python -m aggdist book" in README
    assert "python -m aggdist test" in README


def test_how_to_run_names_every_task():
    table = re.findall(r"^\| `([a-z-]+)` \|", read("book/how_to_run.md"), flags=re.MULTILINE)
    assert set(table) == {*TASKS, "help"}


def test_every_dataset_is_named():
    assert set(DATASETS) <= set(re.findall(r"`(\w+)`", README))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE-TEXT.md"])
def test_links_to_files_lead_somewhere(name):
    targets = re.findall(r"\]\(([^)#\s]+)", read(name))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("name", sorted(PAGES))
def test_no_page_knows_a_particular_machine(name):
    assert re.findall(r"/(?:home|root|tmp|work|Users|mnt)/\S*|[A-Z]:\\\S*|localhost\S*", read(name)) == []
    assert "file://" not in read(name)


def test_files_named_in_code_exist():
    names = re.findall(r"`((?:[\w.-]+/)*[\w-]+(?:\.(?:md|yml|cff|bib|ipynb|toml|txt)|/))`", README)
    made = {".venv/", "results/"}
    assert {"notebooks/theory/", "CITATION.cff"} <= set(names)
    assert [name for name in names if name not in made and not (ROOT / name).exists()] == []
