from __future__ import annotations

import argparse

import pytest

from aggdist.datasets import DATASETS
from aggdist.datasets.cli import WIDTH, add_arguments, run
from aggdist.datasets.download import DownloadError
from aggdist.datasets.fetch import ORIGINS


@pytest.fixture
def datasets(capsys):
    """Runs `python -m aggdist datasets ...`; returns the exit code, the output and the complaints."""

    def call(*arguments: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser(prog="aggdist datasets")
        add_arguments(parser)
        code = run(parser.parse_args(arguments))
        return (code, *capsys.readouterr())

    return call


@pytest.fixture
def no_connection(monkeypatch):
    def origin(folder, progress):
        raise DownloadError("no route to host")

    for name in ORIGINS:
        monkeypatch.setitem(ORIGINS, name, origin)


def test_the_list_names_everything(datasets):
    code, listing, complaints = datasets()
    assert (code, complaints) == (0, "")
    rows = {line.split()[0]: line for line in listing.splitlines() if line}
    assert rows["name"].split() == ["name", "task", "classes", "train", "test", "size", "here", "licence"]
    one_line = " ".join(listing.split())
    for name, spec in DATASETS.items():
        row = listing.splitlines()[1 + list(DATASETS).index(name)]
        assert row.split()[:3] == [name, spec.task, str(spec.n_classes)]
        assert row.endswith(spec.licence)
        assert f"{name}: {spec.citation.text} {spec.citation.url}" in one_line


def test_the_list_is_narrow_and_in_columns(datasets, tmp_path, monkeypatch):
    monkeypatch.setenv("AGGDIST_DATA", "/d")
    lines = datasets()[1].splitlines()
    assert max(map(len, lines)) <= WIDTH == 110
    headings, *rows = lines[:7]
    for row in rows:
        assert row[headings.index("here") :].startswith(("yes ", "no "))
        assert row[headings.index("here") - 2 :].startswith("  ")


def test_the_list_says_what_is_here(datasets, data_folder):
    (data_folder / "mnist.npz").write_bytes(b"half of it")
    listing = datasets()[1]
    here = {line.split()[0]: line for line in listing.splitlines()[1:7]}
    assert " yes  " in here["digits"]
    assert " damaged  " in here["mnist"]
    assert " no  " in here["cifar10"]
    reason = "mnist is damaged: it cannot be read (10 bytes that are no whole zip archive); "
    assert reason + "run `python -m aggdist datasets fetch mnist` to replace it" in " ".join(listing.split())


def test_the_list_gives_sizes_in_megabytes(datasets):
    assert "184.4 MB" in next(line for line in datasets()[1].splitlines() if line.startswith("cifar10"))


def test_the_path_is_printed(datasets, tmp_path):
    assert datasets("path") == (0, f"{tmp_path / 'data'}\n", "")


def test_fetching_what_is_here(datasets):
    assert datasets("fetch", "digits") == (0, "digits: here and verified\n", "")


@pytest.mark.usefixtures("no_connection")
def test_a_failed_fetch_fails_the_command(datasets):
    code, output, complaints = datasets("fetch", "mr", "--quiet")
    assert (code, output) == (1, "")
    assert complaints.startswith(
        "dataset mr could not be fetched: no route to host; check the connection and run"
    )


@pytest.mark.usefixtures("no_connection")
def test_after_a_failure_the_others_are_fetched_all_the_same(datasets):
    code, output, complaints = datasets("fetch", "mr", "digits")
    assert (code, output) == (1, "digits: here and verified\n")
    assert complaints.count("\n") == 1


@pytest.mark.usefixtures("no_connection")
def test_fetching_all(datasets):
    code, output, complaints = datasets("fetch", "all")
    assert (code, output) == (1, "digits: here and verified\n")
    assert [line.split()[1] for line in complaints.splitlines()] == [n for n in DATASETS if n != "digits"]


@pytest.mark.parametrize("arguments", [["fetch"], ["fetch", "svhn"], ["delete"]])
def test_what_it_does_not_understand_is_a_usage_error(datasets, arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        datasets(*arguments)
    assert caught.value.code == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("usage: aggdist datasets")
