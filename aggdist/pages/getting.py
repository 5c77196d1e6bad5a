"""The parts of the page *Getting it* that depend on where the book is published, if it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import aggdist
from aggdist.pages import launch
from aggdist.paths import atomic_file

BOOK_URL = "BOOK_URL"
DOWNLOADS = "downloads"
"""The folder of the published book that holds the zip and the PDF; a book that was built at home has none."""

_UNPUBLISHED = (
    "This copy was built at home, and its build knows no public address: the commands below make the zip and the PDF "
    "in a clone of the repository.\n"
)
_NO_REPOSITORY = (
    "A copy whose build knows the repository's public address has buttons at the head of each chapter that open its "
    "notebook in Colab or on Binder. This copy knows none. To publish one that does, set `{variable}` to the "
    "address, `https://github.com/OWNER/NAME`, when you build it.\n"
)
_LAUNCH = """\
The rocket at the head of each chapter of theory and experiments opens its notebook elsewhere, with nothing to install
on your computer.

- **Colab** opens a copy from the branch [`{branch}`]({address}/tree/{branch}). It differs from the notebook in the
  repository by its first cell, which fetches the repository and installs the package: run that cell first.
- **Binder** builds an environment from the repository and opens the notebook in JupyterLab. The first start after a
  change takes minutes.

Pages of runs have no such button: they show a record, and what made it is a command ({{doc}}`how_to_run`).

In any other notebook that has a connection, this first cell does what Colab's does:

```python
{cell}```
"""


def archive_name(kind: str) -> str:
    """The file name of the zip or the PDF of this version: `aggdist-book-0.1.0.zip`."""
    return f"aggdist-book-{aggdist.__version__}.{kind}"


def published(variables: Mapping[str, str]) -> str:
    """Where the zip and the PDF are, as Markdown."""
    site = variables.get(BOOK_URL, "").strip()
    if not site:
        return _UNPUBLISHED
    base = f"{site.rstrip('/')}/{DOWNLOADS}"
    return (
        f"Version {aggdist.__version__} is ready to download: the whole book "
        f"[as one zip]({base}/{archive_name('zip')}), to be read without a connection, and "
        f"[as a PDF]({base}/{archive_name('pdf')}), to be printed. The commands below make the same in a clone.\n"
    )


def installing(repository: launch.Repository | None) -> str:
    """How the package is installed beside a notebook, as Markdown."""
    if repository is None:
        return "```sh\n# in a clone of the repository\npip install --editable '.[notebooks]'\n```\n"
    return f"```sh\ngit clone {repository.address}\ncd {repository.name}\npip install --editable '.[notebooks]'\n```\n"


def launching(repository: launch.Repository | None) -> str:
    """What the launch buttons do, or why there are none, as Markdown."""
    if repository is None:
        return _NO_REPOSITORY.format(variable=launch.REPOSITORY)
    cell = launch.install_cell(repository)
    return _LAUNCH.format(branch=launch.LAUNCH_BRANCH, address=repository.address, cell=cell)


def write_getting(root: Path, folder: Path) -> None:
    """Write the three includes of `book/getting.md`."""
    repository = launch.configured()
    parts = {
        "getting_published.md": published(os.environ),
        "getting_install.md": installing(repository),
        "getting_launch.md": launching(repository),
    }
    for name, text in parts.items():
        with atomic_file(folder / name) as part:
            part.write_text(text, encoding="utf-8")
