"""Tables and sentences that compare runs, generated from the committed records for README and book.

`python -m aggdist.figures.summary_tables --write` brings the README's generated parts and the main figure up
to date; `--check` fails, and says what to do, where they are not.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from aggdist.analysis import COSTLY_SPLITS, FEW
from aggdist.experiment import RunParameters
from aggdist.figures.summary_figures import draw_main_result, load_main_result, main_result_digest
from aggdist.figures.summary_records import Record, load_records, main_runs
from aggdist.figures.summary_results import command, headline, results_table, table
from aggdist.paths import atomic_file, repository_root
from aggdist.prediction.comparison import MATCHED_K, RAW_K, SATURATED_BELOW

__all__ = [
    "MAIN_FIGURE",
    "WRITE",
    "command",
    "headline",
    "includes",
    "main",
    "protocol_table",
    "results_table",
    "stale",
    "with_generated",
    "write",
    "write_includes",
]

MAIN_FIGURE = Path("book") / "_static" / "main_result.svg"
WRITE = "python -m aggdist.figures.summary_tables --write"


def protocol_table() -> str:
    """The numbers that every run shares unless its parameters say otherwise."""
    default = RunParameters("", "", "")
    rows = [
        ("Fitting images of each class, at most (and at most half of the class)", "fit_per_class"),
        ("Random halvings of the test images", "splits"),
        ("Simulated samples for each halving and feature model", "draws"),
    ]
    fixed = [
        ("Fewer fitting images of each class, where its half has more", " and ".join(map(str, FEW))),
        ("Halvings in which costly models and laws of single features are judged", COSTLY_SPLITS),
        ("Neighbour $k$ of the raw comparison", RAW_K),
        ("Neighbour $k$ of the matched comparison", MATCHED_K),
        (
            "A node is saturated where the estimate on draws is below this share of the prediction",
            SATURATED_BELOW,
        ),
    ]
    cells = [[what, f"`{name}`", str(getattr(default, name))] for what, name in rows]
    cells += [[what, "", str(value)] for what, value in fixed]
    return table(["Quantity", "Parameter", "Value"], cells, left=2)


def includes(root: Path) -> dict[str, str]:
    """The generated parts of the book's pages by file name, from the records of a checkout."""
    records = load_records(root / "results")
    return {
        "headline.md": headline(records),
        "results_table.md": results_table(records, linked=True),
        "protocol.md": protocol_table(),
    }


def write_includes(root: Path, folder: Path) -> None:
    """Write the generated parts into `folder`; the build of the book calls this."""
    for name, text in includes(root).items():
        _write_text(folder / name, text)


def with_generated(text: str, parts: Mapping[str, str]) -> str:
    """`text` with each part put between its markers, `<!-- NAME:begin -->` and `<!-- NAME:end -->`.

    Raises
    ------
    ValueError
        If a pair of markers is missing or stands twice.
    """
    for name, part in parts.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", flags=re.DOTALL)
        found = len(pattern.findall(text))
        if found != 1:
            raise ValueError(
                f"got {found} pairs of markers {begin} and {end}, expected one; put them in again"
            )
        text = pattern.sub(lambda match, new=f"{begin}\n{part}{end}": new, text)  # type: ignore[misc]
    return text


def stale(root: Path) -> list[str]:
    """What differs from what the records of a checkout say: paths of the README and of the main figure."""
    records = load_records(root / "results")
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    found = [] if with_generated(text, _readme_parts(records)) == text else [readme.name]
    figure = root / MAIN_FIGURE
    if main_runs(records):
        digest = main_result_digest(load_main_result(records))
        if not figure.exists() or digest not in figure.read_text(encoding="utf-8"):
            found.append(MAIN_FIGURE.as_posix())
    elif figure.exists():
        found.append(MAIN_FIGURE.as_posix())
    return found


def write(root: Path) -> None:
    """Bring README and main figure of a checkout up to date.

    Raises
    ------
    ValueError
        If there is no record for the main figure; the README is written all the same.
    """
    records = load_records(root / "results")
    readme = root / "README.md"
    _write_text(readme, with_generated(readme.read_text(encoding="utf-8"), _readme_parts(records)))
    with atomic_file(root / MAIN_FIGURE) as part:
        draw_main_result(load_main_result(records), part)


def _readme_parts(records: Sequence[Record]) -> dict[str, str]:
    return {"headline": headline(records), "results": results_table(records)}


def _write_text(path: Path, text: str) -> None:
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def main(argv: Sequence[str] | None = None, root: Path | None = None) -> int:
    """The command line; 0 if all is up to date, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m aggdist.figures.summary_tables", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="bring README.md and the main figure up to date")
    action.add_argument("--check", action="store_true", help="fail if they are not")
    args = parser.parse_args(argv)
    root = repository_root() if root is None else root
    try:
        if args.write:
            write(root)
        found = stale(root)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for name in found:
        sys.stderr.write(f"{name} is not what results/ says; run: {WRITE}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
