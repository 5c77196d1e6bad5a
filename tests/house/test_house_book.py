"""The build of the book: what is executed, what becomes a page, and that a failure is never one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import Executor, Future
from dataclasses import asdict
from pathlib import Path

import nbformat
import pytest

from aggdist.experiment import SCHEMA, RunParameters
from aggdist.house import book
from aggdist.house.terminal import HouseError
from aggdist.notebooks import NotebookError, Outcome, cache, pool
from aggdist.notebooks.engine import fill_places
from aggdist.paths import repository_root
from aggdist.runs import Planned

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def notebook(path: Path, *cells: nbformat.NotebookNode) -> Path:
    node = nbformat.v4.new_notebook(metadata=KERNEL)
    node.cells = list(cells)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(node, path)
    return path


def record(path: Path, aggregation: str) -> RunParameters:
    run = RunParameters("digits", "digitcnn", aggregation)
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {k: v for k, v in asdict(run).items() if k in ("dataset", "network", "aggregation", "seed")}
    path.write_text(json.dumps({"schema": SCHEMA, "name": run.name, "test_accuracy": 0.97, **values}))
    return run


FIGURE = {
    "mystnb": {
        "figure": {"name": "fig-@@name@@", "caption": "Accuracy. @@title@@."},
        "image": {"alt": "A line that rises, for @@title@@."},
    }
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository with one theory notebook, one committed record and one quick run that is up to date."""
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    text = "# Theory\n\n$$\n\\KL{p}{q} \\ge 0\n$$ (eq-one)\n\nBy {eq}`eq-one`."
    notebook(
        tmp_path / "notebooks" / "theory" / "02_zero_inflated_gamma.ipynb",
        markdown(text),
        code("print(1 + 1)"),
    )
    notebook(
        tmp_path / "notebooks" / "experiments" / "experiment.ipynb",
        markdown("# @@title@@\n\nSee {numref}`Figure %s <fig-@@name@@>`."),
        code('record = ""\ncompute = True', metadata={"tags": ["parameters"]}),
        code("import matplotlib.pyplot as plt\nassert not compute\nplt.plot([0, 1]);", metadata=FIGURE),
    )
    committed, quick = (
        tmp_path / "results" / "digits-digitcnn-max-s0.json",
        tmp_path / "build" / "records" / "q.json",
    )
    record(committed, "max")
    item = Planned(record(quick, "avg"), quick.with_name("digits-digitcnn-avg-s0.json"), False, "up to date")
    quick.rename(item.record)
    monkeypatch.setattr(book.runs, "plan", lambda root, table: [item])
    monkeypatch.setattr(book, "GENERATORS", ())
    return tmp_path


class Here(Executor):
    """Runs what is submitted at once, in this process."""

    def __init__(self, *args, **options):
        pass

    def submit(self, function, /, *args):
        future = Future()
        future.set_result(function(*args))
        return future


def pretend(job, build):
    """Executes nothing: the notebook with its places filled, or the failure that it asks for."""
    node = nbformat.read(job.notebook, as_version=4)
    for cell in node.cells:
        fill_places(cell, job.fill)
        if cell.source.startswith("raise"):
            raise NotebookError(f"{job.name}: cell 0 failed: {cell.source}")
    job.target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(node, job.target)


@pytest.fixture
def rendered(monkeypatch):
    """No kernels, and rendering replaced by a look at the pages that are to be rendered."""
    pages = []
    monkeypatch.setattr(pool, "ProcessPoolExecutor", Here)
    monkeypatch.setattr(cache, "execute", pretend)
    monkeypatch.setattr(cache, "sources", list)

    def render(root):
        pages.extend(
            sorted(p.relative_to(root / "book").as_posix() for p in (root / "book").rglob("*.ipynb"))
        )
        return root / "build" / "book" / "index.html"

    monkeypatch.setattr(book, "render", render)
    return pages


def test_a_page_for_each_chapter_each_record_and_each_quick_run_and_nothing_stale(root, rendered, capsys):
    for stale in (
        "book/runs/old.ipynb",
        "book/theory/old.ipynb",
        "book/_generated/old.md",
        "build/book/old.html",
    ):
        (root / stale).parent.mkdir(parents=True, exist_ok=True)
        (root / stale).write_text("{}")
    assert book.build(root, jobs=2) == 0
    runs = ["runs/digits-digitcnn-max-s0.ipynb", "runs/quick-digits-digitcnn-avg-s0.ipynb"]
    assert rendered == [*runs, "theory/02_zero_inflated_gamma.ipynb"]
    assert [path.name for path in (root / "book" / "_generated").iterdir()] == ["site"]
    assert not (root / "build" / "book").exists()
    page = nbformat.read(root / "book" / runs[1], as_version=4)
    assert page.cells[0].source.startswith("# Digits, average pooling, seed 0 (made along with this book)")
    assert "fig-quick-digits-digitcnn-avg-s0" in page.cells[0].source
    assert f"  {(root / 'build' / 'book' / 'index.html').as_uri()}" in capsys.readouterr().out.splitlines()


def test_the_second_build_executes_nothing(root, rendered, capsys):
    book.build(root, jobs=2)
    first = capsys.readouterr().out
    book.build(root, jobs=2)
    second = capsys.readouterr().out
    assert [first.count("done ("), first.count("unchanged (")] == [3, 0]
    assert [second.count("done ("), second.count("unchanged (")] == [0, 3]


def test_a_failing_chapter_fails_the_build_and_leaves_no_book(root, rendered, capsys):
    (root / "build" / "book").mkdir(parents=True)
    bad = nbformat.v4.new_code_cell("raise ValueError('the reason')")
    notebook(root / "notebooks" / "theory" / "03_average_pooling.ipynb", bad)
    with pytest.raises(HouseError, match="1 of 2 notebooks failed"):
        book.build(root, jobs=2)
    assert rendered == []
    assert not (root / "build" / "book").exists()
    assert not (root / "book" / "theory" / "03_average_pooling.ipynb").exists()
    assert (
        "theory/03_average_pooling: cell 0 failed: raise ValueError('the reason')" in capsys.readouterr().err
    )


def test_a_failing_quick_run_fails_the_build(root, rendered, monkeypatch):
    job = book.theory_jobs(root)[0]
    failed = [Outcome(job, 1.0, True, "runs/x: cell 3 failed")]
    monkeypatch.setattr(book.runs, "execute_plan", lambda *args, **options: failed)
    with pytest.raises(HouseError, match="1 of 1 notebooks failed"):
        book.build(root)
    assert rendered == []


def test_a_damaged_record_fails_the_build(root, rendered):
    (root / "results" / "digits-digitcnn-gem-s0.json").write_text("{")
    with pytest.raises(HouseError, match=r"digits-digitcnn-gem-s0.json is damaged"):
        book.build(root, jobs=2)
    assert rendered == []


def test_generators_write_includes_before_the_rendering(root, rendered, monkeypatch):
    module = sys.modules[__name__]
    monkeypatch.setattr(
        module, "generator", lambda root, folder: (folder / "t.md").write_text("x"), raising=False
    )
    monkeypatch.setattr(book, "GENERATORS", (f"{__name__}:generator",))
    book.build(root, jobs=2)
    assert (root / "book" / "_generated" / "t.md").read_text() == "x"


def test_every_generator_of_the_book_is_there():
    for name in book.GENERATORS:
        module, function = name.split(":")
        assert callable(getattr(book.importlib.import_module(module), function))


def test_a_wrong_number_of_jobs_is_an_error(root):
    with pytest.raises(HouseError, match="--jobs 0: expected at least 1"):
        book.build(root, jobs=0)


def with_content(root: Path, monkeypatch) -> None:
    """The repository's configuration of the book, with short pages in place of its own, which no map is of."""
    own = [name for name in book.GENERATORS if not name.startswith("aggdist.pages.")]
    monkeypatch.setattr(book, "GENERATORS", tuple(own))
    source = repository_root() / "book"
    for name in ("_config.yml", "_ext", "_static", "vendor"):
        copy = shutil.copytree if (source / name).is_dir() else shutil.copy
        copy(source / name, root / "book" / name)
    (root / "book" / "_toc.yml").write_text(
        "format: jb-book\nroot: intro\nparts:\n- caption: Theory\n  chapters:\n"
        "  - file: theory/02_zero_inflated_gamma\n- caption: Experiments\n  chapters:\n"
        "  - file: experiments\n    sections:\n    - glob: runs/*\n"
    )
    (root / "book" / "references.bib").write_text("@misc{a, title={A}, author={B, C}, year={2024}}\n")
    (root / "book" / "intro.md").write_text("# First\n\n{cite:p}`a`, $\\E[Z]$\n\n```{bibliography}\n```\n")
    (root / "book" / "experiments.md").write_text("# Experiments\n\n```{tableofcontents}\n```\n")


@pytest.mark.slow
def test_the_book_is_rendered_with_warnings_as_errors(root, monkeypatch):
    book.clear(root)
    with_content(root, monkeypatch)
    book.build(root, jobs=2)
    html = root / "build" / "book"
    page = (html / "runs" / "quick-digits-digitcnn-avg-s0.html").read_text()
    assert 'alt="A line that rises, for Digits, average pooling, seed 0 (made along with this book)."' in page
    assert page.count("THEBE_JS_URL =") <= 1
    assert (html / "_static" / "mathjax" / "tex-mml-chtml.js").exists()
    assert not (root / "build" / "_build").exists()
    (root / "book" / "intro.md").write_text(
        "# First\n\n{eq}`nowhere`, {cite:p}`a`\n\n```{bibliography}\n```\n"
    )
    with pytest.raises(HouseError, match=r"(?s)could not be rendered.*equation not found: nowhere"):
        book.build(root, jobs=2)
    assert not html.exists()


@pytest.mark.slow
def test_the_book_is_rendered_without_any_run(root, monkeypatch):
    for path in (root / "results").glob("*.json"):
        path.unlink()
    monkeypatch.setattr(book.runs, "plan", lambda root, table: [])
    book.clear(root)
    with_content(root, monkeypatch)
    book.build(root, jobs=2)
    assert (root / "build" / "book" / "experiments.html").exists()


def test_the_real_command_line_reports_a_failure_by_its_exit_code(tmp_path):
    code = (
        "import sys; from pathlib import Path; from aggdist.house import cli;"
        f"cli.repository_root = lambda: Path({str(tmp_path)!r}); sys.exit(cli.main(['book', '--here']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "aggdist book: " in done.stderr
