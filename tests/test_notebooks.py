"""Executing notebooks: strict parameters, filled places, own kernel, cache, failures that are never pages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from aggdist.notebooks import Job, NotebookError, cache, execute, execute_all, execute_cached, execution
from aggdist.notebooks.engine import fill_places
from aggdist.paths import repository_root

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
PARAMETERS = "n = 2\nname = 'a'"
SHOW = "import os, sys\nprint(n, name, sys.executable, os.getcwd(), os.environ['OMP_NUM_THREADS'])"


def write_notebook(path: Path, *cells: str, markdown: str = "# Run @@run@@") -> Path:
    """A notebook with a title, a parameters cell and the given code cells."""
    first = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    figure = {
        "mystnb": {"figure": {"name": "fig-@@run@@", "caption": "Of @@run@@"}, "image": {"alt": "@@run@@"}}
    }
    rest = [nbformat.v4.new_code_cell(source, metadata=figure) for source in cells]
    notebook = nbformat.v4.new_notebook(metadata=KERNEL)
    notebook.cells = [nbformat.v4.new_markdown_cell(markdown), first, *rest]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def job(tmp_path):
    """A job that ends well."""
    notebook = write_notebook(tmp_path / "notebooks" / "small.ipynb", SHOW)
    parameters = {"n": 5, "name": "b"}
    return Job("runs/x", notebook, tmp_path / "out" / "x.ipynb", parameters, {"run": "x"}, threads=3)


def text_of(path: Path) -> str:
    """What the code cells printed."""
    notebook = nbformat.read(path, as_version=4)
    return "".join(o.get("text", "") for c in notebook.cells if c.cell_type == "code" for o in c.outputs)


def test_a_notebook_is_executed_with_its_parameters_by_this_interpreter_in_its_own_folder(
    job, tmp_path, monkeypatch
):
    # A kernel of another interpreter that is installed for the user must not be taken.
    other = tmp_path / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    wrong = {"argv": ["/nowhere/python", "{connection_file}"], "display_name": "other", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(wrong))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    execute(job, tmp_path / "build")
    assert text_of(job.target).split() == ["5", "b", sys.executable, str(job.notebook.parent), "3"]
    assert not list((tmp_path / "build" / "failed").rglob("*.*"))


def test_places_are_filled_and_parameters_hidden_and_local_paths_left_out(job, tmp_path):
    execute(job, tmp_path / "build")
    notebook = nbformat.read(job.target, as_version=4)
    assert notebook.cells[0].source == "# Run x"
    shown = notebook.cells[-1].metadata["mystnb"]
    assert shown == {"figure": {"name": "fig-x", "caption": "Of x"}, "image": {"alt": "x"}}
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    assert tags[1] == ["parameters", "remove-cell"]
    assert tags[2] == ["injected-parameters", "hide-input"]
    assert notebook.metadata["papermill"] == {"exception": False, "parameters": {"n": 5, "name": "b"}}
    metadata = json.dumps([notebook.metadata, *(cell.metadata for cell in notebook.cells)])
    assert str(tmp_path) not in metadata
    assert "time" not in metadata


def test_a_place_without_a_value_is_an_error():
    cell = nbformat.v4.new_markdown_cell("@@run@@ and @@other@@")
    with pytest.raises(NotebookError, match=r"place @@other@@ has no value: expected one of run"):
        fill_places(cell, {"run": "x"})


def test_figures_appear_whatever_backend_the_user_has_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = write_notebook(
        tmp_path / "n.ipynb", "import matplotlib.pyplot as plt\nplt.plot([0, 1]);", markdown="#"
    )
    target = tmp_path / "out.ipynb"
    execute(Job("n", notebook, target, fill={"run": "n"}), tmp_path / "build")
    outputs = nbformat.read(target, as_version=4).cells[-1].outputs
    assert any("image/png" in output.get("data", {}) for output in outputs)


def test_a_misspelt_parameter_is_an_error(job, tmp_path):
    wrong = replace(job, parameters={"n": 1, "nane": "b"})
    with pytest.raises(NotebookError, match=r"unknown parameters nane, expected some of n, name"):
        execute(wrong, tmp_path / "build")
    assert not job.target.exists()


def test_a_parameter_that_json_does_not_have_is_an_error(job, tmp_path):
    with pytest.raises(NotebookError, match=r"a parameter is no plain number.*PosixPath"):
        execute(replace(job, parameters={"n": Path("x")}), tmp_path / "build")


def test_a_missing_notebook_is_an_error(job, tmp_path):
    with pytest.raises(NotebookError, match=r"runs/x: there is no notebook .*gone.ipynb"):
        execute(replace(job, notebook=tmp_path / "gone.ipynb"), tmp_path / "build")


def test_a_failed_notebook_is_kept_for_inspection_and_is_no_page(tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "print('before')", "raise ValueError('the reason')")
    job = Job("runs/bad", notebook, tmp_path / "out" / "bad.ipynb", fill={"run": "bad"})
    with pytest.raises(
        NotebookError, match=r"(?s)runs/bad: cell 3 failed: ValueError: the reason.*failed/runs/bad.ipynb"
    ):
        execute(job, tmp_path / "build")
    assert not job.target.exists()
    assert "before" in text_of(tmp_path / "build" / "failed" / "runs" / "bad.ipynb")
    assert "the reason" in (tmp_path / "build" / "failed" / "runs" / "bad.log").read_text()


def test_a_kernel_that_dies_is_an_error_and_is_not_tried_again(tmp_path):
    mark = tmp_path / "tries"
    source = f"open({str(mark)!r}, 'a').write('x')\nimport os\nos._exit(9)"
    job = Job("n", write_notebook(tmp_path / "n.ipynb", source), tmp_path / "out.ipynb", fill={"run": "n"})
    with pytest.raises(NotebookError, match=r"n: the kernel stopped: DeadKernelError"):
        execute(job, tmp_path / "build")
    assert mark.read_text() == "x"
    assert not job.target.exists()


def test_a_kernel_that_fails_before_the_first_cell_is_tried_once_more(job, tmp_path, monkeypatch):
    real, tries = execution.papermill.execute_notebook, []

    def fails_first(*args, **options):
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("Address already in use")
        return real(*args, **options)

    monkeypatch.setattr(execution.papermill, "execute_notebook", fails_first)
    execute(job, tmp_path / "build")
    assert len(tries) == 2
    assert job.target.exists()


def test_a_kernel_that_never_starts_is_an_error(job, tmp_path, monkeypatch):
    def fails(*args, **options):
        raise RuntimeError("Address already in use")

    monkeypatch.setattr(execution.papermill, "execute_notebook", fails)
    with pytest.raises(
        NotebookError, match=r"the kernel did not start, twice: RuntimeError: Address already in use"
    ):
        execute(job, tmp_path / "build")


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """A stand-in for executing that counts: the cache's own logic, without kernels."""
    done = []

    def quick(job, build):
        done.append(job.name)
        job.target.parent.mkdir(parents=True, exist_ok=True)
        job.target.write_text(f"{len(done)}")

    monkeypatch.setattr(cache, "execute", quick)
    return done


def test_nothing_is_executed_again_when_nothing_has_changed(job, tmp_path, counted):
    assert execute_cached(job, tmp_path / "build")
    assert not execute_cached(job, tmp_path / "build")
    assert counted == ["runs/x"]
    assert job.target.read_text() == "1"


@pytest.mark.parametrize("what", ["notebook", "parameter", "fill", "file", "sources"])
def test_whatever_changes_is_executed_again(job, tmp_path, counted, monkeypatch, what):
    read = tmp_path / "record.json"
    read.write_text("1")
    job = replace(job, reads=(read,))
    execute_cached(job, tmp_path / "build")
    if what == "notebook":
        write_notebook(job.notebook, SHOW + "\n1 + 1")
    elif what == "file":
        read.write_text("2")
    elif what == "sources":
        monkeypatch.setattr(cache, "source_digest", lambda paths: "other")
    else:
        job = replace(job, **({"parameters": {"n": 6}} if what == "parameter" else {"fill": {"run": "y"}}))
    assert execute_cached(job, tmp_path / "build")
    assert job.target.read_text() == "2"
    assert len(list((tmp_path / "build" / "executed" / "runs" / "x").iterdir())) == 1


def test_a_file_to_be_read_that_is_missing_is_an_error(job, tmp_path):
    with pytest.raises(NotebookError, match=r"runs/x: missing .*gone.json"):
        execute_cached(replace(job, reads=(tmp_path / "gone.json",)), tmp_path / "build")


def test_the_sources_of_house_and_pages_do_not_matter_but_all_others_do():
    names = {path.relative_to(cache._PACKAGE).as_posix() for path in cache.sources()}
    assert {"experiment.py", "paths.py", "notebooks/engine.py", "datasets/cache.py"} <= names
    assert not [name for name in names if name.startswith(("house/", "pages/"))]


def test_several_at_a_time_and_a_failed_one_does_not_stop_the_others(tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "assert n != 2, 'two'\nprint(n)")
    jobs = [
        Job(f"j{n}", notebook, tmp_path / "out" / f"{n}.ipynb", {"n": n}, {"run": f"{n}"}) for n in (1, 2, 3)
    ]
    seen = []
    outcomes = execute_all(
        jobs, tmp_path / "build", workers=2, report=lambda outcome: seen.append(outcome.job.name)
    )
    assert [outcome.job.name for outcome in outcomes] == ["j1", "j2", "j3"]
    assert sorted(seen) == ["j1", "j2", "j3"]
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert "AssertionError: two" in outcomes[1].error
    assert [job.target.exists() for job in jobs] == [True, False, True]


def test_two_jobs_of_one_name_are_an_error(job, tmp_path):
    with pytest.raises(ValueError, match=r"two jobs have one name: got runs/x, runs/x"):
        execute_all([job, job], tmp_path, workers=1)


@pytest.mark.parametrize(
    "path", sorted((repository_root() / "notebooks").rglob("[!.]*.ipynb")), ids=lambda p: p.stem
)
def test_notebooks_are_stored_clean_for_any_python3_kernel(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [cell.source for cell in code if cell.outputs or cell.execution_count is not None]


@pytest.mark.slow
def test_a_process_that_is_killed_is_a_failure_that_says_so(tmp_path):
    notebook = write_notebook(
        tmp_path / "n.ipynb", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"
    )
    job = Job("j", notebook, tmp_path / "out.ipynb", fill={"run": "j"})
    outcome = execute_all([job], tmp_path / "build", workers=1)[0]
    assert outcome.error.startswith("j: the process that ran it was killed (out of memory?)")
    assert not job.target.exists()


INTERRUPTED = """
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from aggdist.notebooks import Job, execute_all

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    jobs = [Job(f"j{i}", folder / "n.ipynb", folder / f"{i}.ipynb", fill={"run": "j"}) for i in range(3)]
    try:
        execute_all(jobs, folder / "build", workers=1)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.slow
def test_an_interruption_ends_everything_at_once_and_leaves_no_page(tmp_path):
    mark = tmp_path / "begun"
    cell = (
        f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    )
    write_notebook(tmp_path / "n.ipynb", cell)
    (tmp_path / "start.py").write_text(INTERRUPTED)
    process = subprocess.Popen([sys.executable, tmp_path / "start.py", tmp_path], start_new_session=True)
    try:
        wait_for(lambda: mark.exists() and mark.read_text())
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
    wait_for(lambda: not Path(f"/proc/{mark.read_text()}").exists())
    assert not list(tmp_path.glob("[0-9].ipynb"))


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
