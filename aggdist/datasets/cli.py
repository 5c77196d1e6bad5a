"""`python -m aggdist datasets`: what there is, what is here, and fetching what isn't."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence

from aggdist.datasets.cache import DatasetError, fetch_command
from aggdist.datasets.dataset import status
from aggdist.datasets.fetch import fetch
from aggdist.datasets.specification import DATASETS, DatasetSpec
from aggdist.paths import data_folder

#: Columns of the listing.
WIDTH = 110

_HEADINGS = ("name", "task", "classes", "train", "test", "size", "here", "licence")
_TO_THE_RIGHT = {"classes", "train", "test", "size"}


def size_in_words(n_bytes: int) -> str:
    """A size in decimal units, as file managers show it: 54.9 MB."""
    return f"{n_bytes / 1e6:,.1f} MB"


def _row(spec: DatasetSpec, here: str) -> tuple[str, ...]:
    numbers = (str(spec.n_classes), f"{spec.n_train:,}", f"{spec.n_test:,}", size_in_words(spec.n_bytes))
    return (spec.name, spec.task, *numbers, here.split(":")[0], spec.licence)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The headings and the rows in aligned columns, numbers to the right."""
    lines = [_HEADINGS, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    return [
        "  ".join(
            cell.rjust(width) if heading in _TO_THE_RIGHT else cell.ljust(width)
            for cell, width, heading in zip(line, widths, _HEADINGS, strict=True)
        ).rstrip()
        for line in lines
    ]


def _paragraph(text: str) -> str:
    # Paths, addresses and commands are not cut: they are there to be copied.
    lines = textwrap.wrap(text, WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return "\n    ".join(lines)


def listing() -> str:
    """All datasets: a table, what is the matter with damaged ones, and how to cite each."""
    here = {name: status(name) for name in DATASETS}
    lines = _table([_row(spec, here[name]) for name, spec in DATASETS.items()])
    lines += [
        _paragraph(f"{name} is {what}; run `{fetch_command(name)}` to replace it")
        for name, what in here.items()
        if what.startswith("damaged")
    ]
    lines += ["", f"Folder: {data_folder()} (set AGGDIST_DATA for another)"]
    lines += [f"Fetch: {fetch_command('NAME|all')}", "", "Please cite what you use:"]
    lines += [_paragraph(f"{name}: {s.citation.text} {s.citation.url}") for name, s in DATASETS.items()]
    return "\n".join(lines) + "\n"


def _fetch_one(name: str, progress: bool) -> bool:
    try:
        fetch(name, progress=progress)
    except DatasetError as error:
        sys.stderr.write(f"{error}\n")
        return False
    sys.stdout.write(f"{name}: here and verified\n")
    return True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `run` understands: nothing (list), `fetch NAME|all ...` and `path`."""
    actions = parser.add_subparsers(title="actions (without one: list the datasets)", dest="action")
    fetching = actions.add_parser("fetch", help="get datasets from their origins into the cache")
    names = [*DATASETS, "all"]
    fetching.add_argument(
        "names", nargs="+", metavar="NAME", choices=names, help="one of " + ", ".join(names)
    )
    fetching.add_argument("--quiet", action="store_true", help="no progress bar")
    actions.add_parser("path", help="print the folder of the cache")


def run(args: argparse.Namespace) -> int:
    """Do what the arguments say; 0 if all went well, 1 if a dataset could not be fetched."""
    if args.action == "path":
        sys.stdout.write(f"{data_folder()}\n")
        return 0
    if args.action == "fetch":
        names = list(DATASETS) if "all" in args.names else args.names
        # All of them, also after a failure.
        went_well = [_fetch_one(name, not args.quiet) for name in names]
        return 0 if all(went_well) else 1
    sys.stdout.write(listing())
    return 0
