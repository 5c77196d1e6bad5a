"""Buttons that open a chapter's notebook in Colab or Binder, where the repository has a public address.

The address is a setting of the build, `$BOOK_REPOSITORY`; without it there is no button. Colab installs nothing, so
it opens copies of the notebooks that begin with an install cell. They live on a branch of their own, which
`python -m aggdist.pages.launch FOLDER` writes and the publishing workflow pushes; the notebooks of the repository never
have that cell.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aggdist.house.terminal import HouseError, complain, say
from aggdist.paths import repository_root

REPOSITORY = "BOOK_REPOSITORY"
BRANCH = "BOOK_BRANCH"
LAUNCH_BRANCH = "launch"
"""Where the notebooks with an install cell are."""

#: Folders of `notebooks/` whose notebooks are chapters, and what is no chapter there: the template of the runs' pages.
CHAPTERS = ("theory", "experiments")
TEMPLATES = ("experiments/experiment",)

_ADDRESS = re.compile(r"https://github\.com/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?")
_BRANCH = re.compile(r"[\w.-]+(?:/[\w.-]+)*")

_INSTALL = """\
# Only in Colab: fetch the repository, which holds the package and its small data, and install what they need.
import subprocess
import sys
from pathlib import Path

home = Path("{name}").resolve()
if not home.exists():
    clone = ["git", "clone", "--quiet", "--depth", "1", "--branch", "{branch}", "{address}", str(home)]
    subprocess.run(clone, check=True)
install = [sys.executable, "-m", "pip", "install", "--quiet", "--editable", f"{{home}}[notebooks]"]
subprocess.run(install, check=True)
sys.path.insert(0, str(home))  # Python would look at the new installation only from its next start.
"""


@dataclass(frozen=True)
class Repository:
    """A public repository on GitHub, the only host whose notebooks Colab opens by address.

    Parameters
    ----------
    owner, name : str
        The two parts of its address.
    branch : str
        The branch that the book was built from.
    """

    owner: str
    name: str
    branch: str = "main"

    @property
    def address(self) -> str:
        """Where it is cloned from and read."""
        return f"https://github.com/{self.owner}/{self.name}"

    def colab(self, notebook: str) -> str:
        """Opens the copy of a notebook, named by its path in the repository, that begins with the install cell."""
        place = f"{self.owner}/{self.name}/blob/{LAUNCH_BRANCH}/{quote(notebook)}"
        return f"https://colab.research.google.com/github/{place}"

    def binder(self, notebook: str) -> str:
        """Opens a notebook in JupyterLab on Binder, which installs what `binder/` says."""
        place = f"{self.owner}/{self.name}/{quote(self.branch, safe='')}"
        return f"https://mybinder.org/v2/gh/{place}?urlpath=lab/tree/{quote(notebook)}"

    def source(self, notebook: str) -> str:
        """Shows a notebook as the repository stores it."""
        return f"{self.address}/blob/{quote(self.branch)}/{quote(notebook)}"

    def issue(self, notebook: str) -> str:
        """Opens the form of a new issue about a notebook."""
        return f"{self.address}/issues/new?title={quote(f'About {notebook}: ')}"


def configured(variables: Mapping[str, str] = os.environ) -> Repository | None:
    """The repository that `$BOOK_REPOSITORY` names, on the branch `$BOOK_BRANCH`; None if it names none.

    Raises
    ------
    HouseError
        If the address is not that of a repository on GitHub, or the branch has no possible name.
    """
    address, branch = variables.get(REPOSITORY, "").strip(), variables.get(BRANCH, "").strip() or "main"
    if not address:
        return None
    found = _ADDRESS.fullmatch(address)
    if not found:
        raise HouseError(
            f"{REPOSITORY}={address}: expected https://github.com/OWNER/NAME, or nothing for a book without "
            "launch buttons (Colab opens notebooks of GitHub only)"
        )
    if not _BRANCH.fullmatch(branch):
        raise HouseError(f"{BRANCH}={branch}: expected the name of a branch, such as main")
    return Repository(found["owner"], found["name"], branch)


def notebook_of(page: str) -> str | None:
    """The notebook behind a page of the book, as a path in the repository; None for any page but a chapter's.

    Pages of runs are generated from one template, and what runs there is not what the page shows.
    """
    folder, _, stem = page.partition("/")
    if folder not in CHAPTERS or not stem or page in TEMPLATES:
        return None
    return f"notebooks/{page}.ipynb"


def buttons(repository: Repository | None, page: str) -> list[dict[str, Any]]:
    """Groups of buttons for the head of a page, in the theme's own form; none without a repository or a notebook."""
    notebook = notebook_of(page)
    if repository is None or notebook is None:
        return []
    launch = [
        _link("Colab", repository.colab(notebook), "Run in Colab", "fas fa-play", "launch-colab"),
        _link("Binder", repository.binder(notebook), "Run on Binder", "fas fa-play", "launch-binder"),
    ]
    source = [
        _link(
            "Notebook", repository.source(notebook), "See it on GitHub", "fab fa-github", "source-notebook"
        ),
        _link("Issue", repository.issue(notebook), "Report a mistake", "fas fa-lightbulb", "source-issue"),
    ]
    return [
        _group("Run this chapter elsewhere", "fas fa-rocket", "launch-buttons", launch),
        _group("Source repository", "fab fa-github", "source-buttons", source),
    ]


def _link(text: str, url: str, tooltip: str, icon: str, label: str) -> dict[str, Any]:
    return {"type": "link", "text": text, "url": url, "tooltip": tooltip, "icon": icon, "label": label}


def _group(tooltip: str, icon: str, label: str, members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "group", "tooltip": tooltip, "icon": icon, "label": label, "buttons": list(members)}


def install_cell(repository: Repository) -> str:
    """The code of the first cell in Colab: a clone, because chapters read records beside the package."""
    return _INSTALL.format(name=repository.name, branch=repository.branch, address=repository.address)


def chapters(root: Path) -> list[Path]:
    """The notebooks that have a button, as paths in the repository."""
    found = [path for folder in CHAPTERS for path in sorted((root / "notebooks" / folder).glob("*.ipynb"))]
    pages = [path.relative_to(root / "notebooks").with_suffix("").as_posix() for path in found]
    return [Path(notebook) for page in pages if (notebook := notebook_of(page))]


def write_launch(root: Path, folder: Path, repository: Repository) -> list[Path]:
    """Write the chapters' notebooks with their install cell, at the paths that they have in the repository.

    Parameters
    ----------
    root : Path
        The repository's checkout, which is not changed.
    folder : Path
        Where the copies go, beside a README that says what they are.
    repository : Repository
        Where the install cell gets the package.

    Returns
    -------
    list of Path
        The notebooks, relative to `folder`.
    """
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "install",
        "metadata": {},
        "outputs": [],
        "source": install_cell(repository).splitlines(keepends=True),
    }
    written = chapters(root)
    for path in written:
        node = json.loads((root / path).read_text(encoding="utf-8"))
        node["cells"].insert(0, cell)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(json.dumps(node, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    readme = (
        f"The chapters of [{repository.name}]({repository.address}), each with a first cell that installs what it "
        "needs in Colab. Generated when the book is published: change the notebooks of the repository, not these.\n"
    )
    (folder / "README.md").write_text(readme, encoding="utf-8")
    return written


def main(arguments: Sequence[str]) -> int:
    """`python -m aggdist.pages.launch FOLDER`."""
    try:
        if len(arguments) != 1:
            raise HouseError(f"got {len(arguments)} arguments, expected the folder to write to")
        repository = configured()
        if repository is None:
            raise HouseError(f"{REPOSITORY} is not set: expected https://github.com/OWNER/NAME")
        written = write_launch(repository_root(), Path(arguments[0]), repository)
    except HouseError as error:
        complain(f"aggdist.pages.launch: {error}")
        return 1
    say(f"{len(written)} notebooks with an install cell in {arguments[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
