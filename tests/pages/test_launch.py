"""Buttons to run a chapter elsewhere: only with an address, only on chapters, and leading to what is there."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
import yaml

from aggdist.house.terminal import HouseError
from aggdist.pages import getting, launch
from aggdist.paths import repository_root
from aggdist.runs import TEMPLATE

ROOT = repository_root()
MADE_UP = {"BOOK_REPOSITORY": "https://github.com/some-one/pooled.laws", "BOOK_BRANCH": "release/1"}
REPOSITORY = launch.Repository("some-one", "pooled.laws", "release/1")


@pytest.fixture
def extension():
    """The book's own Sphinx extension."""
    spec = importlib.util.spec_from_file_location("offline", ROOT / "book" / "_ext" / "offline.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def head(extension, monkeypatch):
    """The buttons that the extension adds to the head of a page, by label."""

    def buttons(page: str, variables: dict[str, str]) -> dict[str, dict]:
        for name in MADE_UP:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        context = {"header_buttons": [], "pathto": lambda name: f"../{name}.html"}
        extension.add_buttons(None, page, "page.html", context, None)
        return {button["label"]: button for button in context["header_buttons"]}

    return buttons


def pages() -> list[str]:
    """Every page of the table of contents, and examples of those that the build adds."""

    def walk(entries):
        for entry in entries:
            yield from [entry["file"]] if "file" in entry else []
            yield from walk(entry.get("sections", ()))

    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
    named = [page for part in toc["parts"] for page in walk(part["chapters"])]
    return [
        toc["root"],
        *named,
        "runs/digits-digitcnn-avg-s0",
        "runs/quick-digits-digitcnn-avg-s0",
        "genindex",
    ]


def test_without_an_address_no_page_has_a_launch_button(head):
    assert {label for page in pages() for label in head(page, {})} == {"cite-button"}
    assert launch.configured({"BOOK_REPOSITORY": " "}) is None


def test_with_an_address_chapters_alone_have_buttons(head):
    with_buttons = {page for page in pages() if "launch-buttons" in head(page, MADE_UP)}
    assert with_buttons == {page for page in pages() if page.startswith(("theory/", "experiments/"))}
    assert len(with_buttons) >= 18


def test_each_address_leads_to_the_notebook_of_the_repository(head):
    for page in pages():
        groups = head(page, MADE_UP)
        if "launch-buttons" not in groups:
            continue
        launching = {button["text"]: button["url"] for button in groups["launch-buttons"]["buttons"]}
        source = {button["text"]: button["url"] for button in groups["source-buttons"]["buttons"]}
        path = f"notebooks/{page}.ipynb"
        assert (ROOT / path).is_file()
        colab = "https://colab.research.google.com/github/some-one/pooled.laws/blob/launch/"
        assert launching["Colab"] == colab + path
        binder = "https://mybinder.org/v2/gh/some-one/pooled.laws/release%2F1?urlpath=lab/tree/"
        assert launching["Binder"] == binder + path
        assert source["Notebook"] == f"https://github.com/some-one/pooled.laws/blob/release/1/{path}"
        assert source["Issue"].startswith("https://github.com/some-one/pooled.laws/issues/new?title=")


def test_every_page_can_be_cited_but_the_one_that_says_how(head):
    found = {page: head(page, {}).get("cite-button") for page in pages()}
    assert found.pop("how_to_cite") is None
    assert {button["url"] for button in found.values()} == {"../how_to_cite.html"}


def test_a_page_without_a_head_is_left_alone(extension):
    context = {}
    extension.add_buttons(None, "x", "page.html", context, None)
    assert context == {}


@pytest.mark.parametrize(
    "address",
    ["github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a", "https://github.com/a/b/tree/main"],
)
def test_an_address_that_colab_cannot_open_is_an_error(address):
    with pytest.raises(HouseError, match=r"expected https://github\.com/OWNER/NAME"):
        launch.configured({"BOOK_REPOSITORY": address})


def test_the_address_may_be_the_one_to_clone():
    found = launch.configured({"BOOK_REPOSITORY": "https://github.com/a/b.git"})
    assert found == launch.Repository("a", "b", "main")
    with pytest.raises(HouseError, match="expected the name of a branch"):
        launch.configured({"BOOK_REPOSITORY": "https://github.com/a/b", "BOOK_BRANCH": 'x"; rm'})


def test_copies_for_colab_differ_by_their_first_cell_only(tmp_path):
    written = launch.write_launch(ROOT, tmp_path, REPOSITORY)
    assert {path.as_posix() for path in written} == {
        path.relative_to(ROOT).as_posix()
        for folder in ("theory", "experiments")
        for path in (ROOT / "notebooks" / folder).glob("*.ipynb")
        if path.name != TEMPLATE.name
    }
    for path in written:
        copy = json.loads((tmp_path / path).read_text(encoding="utf-8"))
        nbformat.validate(copy)
        first = copy["cells"].pop(0)
        assert first["cell_type"] == "code"
        assert REPOSITORY.address in "".join(first["source"])
        assert copy == json.loads((ROOT / path).read_text(encoding="utf-8"))
    assert REPOSITORY.address in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_no_notebook_of_the_repository_has_an_install_cell():
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert "git clone" not in text, path
        assert '"clone"' not in text, path


@pytest.fixture
def origin(tmp_path):
    """A small repository that git takes for the made-up address."""
    source = tmp_path / "origin"
    shutil.copytree(ROOT / "aggdist", source / "aggdist", ignore=shutil.ignore_patterns("__pycache__"))
    (source / "notebooks" / "experiments").mkdir(parents=True)
    (source / "notebooks" / "experiments" / "keep.txt").write_text("", encoding="utf-8")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q", "-b", "release/1"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], cwd=source, check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{source.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": REPOSITORY.address,
    }


def test_the_install_cell_brings_package_and_checkout(tmp_path, origin):
    """Its pip is replaced: what it would install is here, and nothing may be fetched."""
    pretend = tmp_path / "pretend" / "pip"
    pretend.mkdir(parents=True)
    (pretend / "__init__.py").write_text("", encoding="utf-8")
    note = "import sys\nfrom pathlib import Path\nPath('asked.txt').write_text(' '.join(sys.argv[1:]))\n"
    (pretend / "__main__.py").write_text(note, encoding="utf-8")
    after = "import aggdist.paths\nprint(aggdist.paths.repository_root())\n"
    done = subprocess.run(
        [sys.executable, "-c", launch.install_cell(REPOSITORY) + after],
        cwd=tmp_path,
        env=os.environ | origin | {"PYTHONPATH": str(pretend.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    home = tmp_path / "pooled.laws"
    assert done.stdout.strip() == str(home)
    asked = (tmp_path / "asked.txt").read_text(encoding="utf-8")
    assert asked == f"install --quiet --editable {home}[notebooks]"


def test_the_install_cell_stops_where_it_cannot_clone(tmp_path):
    broken = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{tmp_path.as_uri()}/none.insteadOf"}
    variables = os.environ | broken | {"GIT_CONFIG_VALUE_0": REPOSITORY.address}
    code = [sys.executable, "-c", launch.install_cell(REPOSITORY)]
    done = subprocess.run(code, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "CalledProcessError" in done.stderr


def test_the_command_writes_the_branch_or_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("BOOK_REPOSITORY", raising=False)
    assert launch.main([str(tmp_path)]) == 1
    assert "BOOK_REPOSITORY is not set" in capsys.readouterr().err
    monkeypatch.setenv("BOOK_REPOSITORY", MADE_UP["BOOK_REPOSITORY"])
    assert launch.main([]) == 1
    assert "got 0 arguments, expected the folder" in capsys.readouterr().err
    assert launch.main([str(tmp_path)]) == 0
    assert "notebooks with an install cell" in capsys.readouterr().out
    assert (tmp_path / "notebooks" / "theory" / "04_gamma_ratio.ipynb").is_file()


class TestBinder:
    def test_it_installs_the_checkout_with_the_tested_versions(self):
        lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if not line.startswith("#")] == [
            "-c ../constraints.txt",
            "-e .[notebooks]",
        ]
        assert (ROOT / "binder" / ".." / "constraints.txt").is_file()

    def test_its_python_is_a_supported_one(self):
        runtime = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()
        assert runtime in ("python-3.11", "python-3.12", "python-3.13")

    def test_the_chapters_import_nothing_that_the_extra_does_not_bring(self):
        program = (
            "import ast, json, sys\n"
            "from pathlib import Path\n"
            "for name in sys.argv[1:]:\n"
            "    for cell in json.loads(Path(name).read_text(encoding='utf-8'))['cells']:\n"
            "        if cell['cell_type'] == 'code':\n"
            "            for node in ast.walk(ast.parse(''.join(cell['source']))):\n"
            "                if isinstance(node, (ast.Import, ast.ImportFrom)):\n"
            "                    exec(ast.unparse(node))\n"
            "print(*{name.split('.')[0] for name in sys.modules})\n"
        )
        names = [str(ROOT / path) for path in launch.chapters(ROOT)]
        done = subprocess.run(
            [sys.executable, "-c", program, *names], capture_output=True, text=True, check=True
        )
        loaded = set(done.stdout.split())
        assert {"aggdist", "matplotlib", "pydantic"} <= loaded
        assert not loaded & {"torch", "torchvision", "sklearn", "pandas", "seaborn", "playwright", "pypdf"}


class TestPublishing:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8"))["jobs"]

    def commands(self, job: str) -> list[str]:
        return [step["run"] for step in self.jobs[job]["steps"] if "run" in step]

    def test_the_book_knows_its_addresses_before_it_is_built(self):
        assert set(MADE_UP) <= set(self.jobs["build"]["env"])
        commands = self.commands("build")
        address = next(place for place, command in enumerate(commands) if "BOOK_URL=" in command)
        assert address < commands.index("make book")

    def test_zip_and_pdf_are_put_where_the_page_says(self):
        commands = self.commands("build")
        assert commands.index("make book") < commands.index("make zip") < commands.index("make pdf")
        last = commands[-1]
        assert last.endswith(f"build/book/{getting.DOWNLOADS}/")
        for kind in ("zip", "pdf"):
            assert re.search(rf"build/aggdist-book-\*\.{kind}\b", last)
            assert getting.archive_name(kind).startswith("aggdist-book-")

    def test_the_branch_of_the_buttons_is_the_one_that_is_pushed(self):
        assert set(MADE_UP) <= set(self.jobs["launch"]["env"])
        write, push = self.commands("launch")
        assert "python -m aggdist.pages.launch" in write
        assert f"--initial-branch {launch.LAUNCH_BRANCH}\n" in push
        assert re.search(rf"git push .* {launch.LAUNCH_BRANCH}$", push.strip())
        assert self.jobs["launch"]["permissions"] == {"contents": "write"}

    def test_nothing_but_the_standard_library_is_needed_there(self, tmp_path):
        """The workflow's job installs no packages before it writes the branch."""
        variables = {**os.environ, **MADE_UP, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-I", "-S", "-c", STANDARD_LIBRARY_ONLY, str(ROOT), str(tmp_path)]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


STANDARD_LIBRARY_ONLY = """
import sys
sys.path.insert(0, sys.argv[1])
from aggdist.pages.launch import main
raise SystemExit(main(sys.argv[2:]))
"""


class TestGettingIt:
    def test_without_addresses_it_says_so(self, tmp_path, monkeypatch):
        for name in ("BOOK_URL", *MADE_UP):
            monkeypatch.delenv(name, raising=False)
        getting.write_getting(ROOT, tmp_path)
        texts = {path.stem: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
        assert set(texts) == {"getting_published", "getting_install", "getting_launch"}
        assert "built at home" in texts["getting_published"]
        assert "This copy knows none" in texts["getting_launch"]
        assert "Colab** opens" not in texts["getting_launch"]

    def test_with_addresses_it_links_the_files_and_shows_the_cell(self, tmp_path, monkeypatch):
        for name, value in ({"BOOK_URL": "https://example.org/book/"} | MADE_UP).items():
            monkeypatch.setenv(name, value)
        getting.write_getting(ROOT, tmp_path)
        published = (tmp_path / "getting_published.md").read_text(encoding="utf-8")
        for kind in ("zip", "pdf"):
            assert f"(https://example.org/book/downloads/{getting.archive_name(kind)})" in published
        launching = (tmp_path / "getting_launch.md").read_text(encoding="utf-8")
        assert launch.install_cell(REPOSITORY) in launching
        assert "{doc}`how_to_run`" in launching
        install = (tmp_path / "getting_install.md").read_text(encoding="utf-8")
        assert f"git clone {REPOSITORY.address}\n" in install
