"""Tables and sentences that compare runs, generated from the committed records for README and book.

`python -m aggdist.figures.summary_tables --write` brings the README's generated parts and the main figure up
to date; `--check` fails, and says what to do, where they are not.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aggdist.experiment import RunParameters
from aggdist.figures.run_figures import TITLES
from aggdist.figures.summary_figures import draw_main_result, load_main_result, main_result_digest
from aggdist.figures.summary_records import Record, listed, load_records, main_runs, ordered, pooling_title
from aggdist.paths import atomic_file, repository_root
from aggdist.prediction.comparison import MATCHED_K, RAW_K, SATURATED_BELOW

MAIN_FIGURE = Path("book") / "_static" / "main_result.svg"
WRITE = "python -m aggdist.figures.summary_tables --write"
_SPACE = "\N{NO-BREAK SPACE}"
_NONE = "No record is committed yet; `python -m aggdist runs` makes them.\n"


def command(record: Record) -> str:
    """The command that makes a record of the full run table."""
    return f"python -m aggdist runs --only {record['name']}"


def results_table(records: Iterable[Record], *, linked: bool = False) -> str:
    """One row for each run: accuracy, how well laws fit, how well divergences are predicted, and its command.

    Parameters
    ----------
    records : iterable of records
    linked : bool
        For a page of the book: the run's name links to its page and stands for the command, which the table's
        note gives. Otherwise each row ends in its command.
    """
    rows = [_row(record, linked) for record in ordered(records)]
    if not rows:
        return _NONE
    errors = [f"KL error, {title}" for title in TITLES.values()]
    header = ["Run", "Test accuracy", "KS, floor", "KS, fitted", *errors, *([] if linked else ["Command"])]
    lines = [header, ["---", *["---:"] * (3 + len(errors)), *([] if linked else ["---"])], *rows]
    note = f"{TABLE_NOTE}\n{_COMMAND_NOTE}" if linked else TABLE_NOTE
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n\n" + note


TABLE_NOTE = """\
*KS*: mean Kolmogorov-Smirnov distance, over all classes and channels, of the fitted zero-inflated gamma to
held-out images; the floor is that of the fitting images to them. *KL error*: median relative error of the
predicted KL divergence over all output nodes, in the matched comparison; in brackets the number of saturated
nodes.
"""

_HEADLINE = """\
On Fashion-MNIST, with {poolings} pooling in this order, and one estimator of the divergence for images
and for draws from the predicted laws:

1. **Pooled features.** The zero-inflated gamma fitted to each feature of each class has a mean
   Kolmogorov-Smirnov distance of {fitted} to held-out images; between two samples of images it is {floor}.
2. **Output nodes, channels taken as independent.** The KL divergence predicted from these laws has a
   median error of {independent}.
3. **Output nodes, channels as they vary together.** Predicted from the exact means and covariances of the
   features, with normal laws, it has a median error of {normal}.
"""


_COMMAND_NOTE = "The command that makes a record again: `python -m aggdist runs --only RUN --force`.\n"


def _row(record: Record, linked: bool) -> list[str]:
    distance, models = record["pooled"]["mean_ks"], record["nodes"]["models"]
    numbers = [
        _percent(record["test_accuracy"], 1),
        f"{distance['floor']:.3f}",
        f"{distance['zero_inflated_gamma']:.3f}",
        *(_error(models[name]) for name in TITLES),
    ]
    if linked:
        return [f"{{doc}}`{record['name']} <runs/{record['name']}>`", *numbers]
    run = f"{record['dataset']}, {record['network']}, {pooling_title(record)}, seed {record['seed']}"
    return [run, *numbers, f"`{command(record)}`"]


def _error(model: Mapping[str, Any]) -> str:
    saturated = sum(map(bool, model["saturated"]))
    return f"{_percent(model['all_nodes_matched_error'])}{_SPACE}({saturated})"


def _percent(share: float | str, decimals: int = 0) -> str:
    """A share in per cent; a record stores an infinite one as the word."""
    value = 100 * float(share)
    return "infinite" if math.isinf(value) else f"{value:.{decimals}f}{_SPACE}%"


def headline(records: Iterable[Record]) -> str:
    """The answer in three sentences: numbers of the Fashion-MNIST runs, one for each aggregation."""
    runs = main_runs(records)
    if not runs:
        return _NONE

    def distances(name: str) -> str:
        return listed([f"{run['pooled']['mean_ks'][name]:.3f}" for run in runs])

    def errors(name: str) -> str:
        return listed([_percent(run["nodes"]["models"][name]["all_nodes_matched_error"]) for run in runs])

    return _HEADLINE.format(
        poolings=listed([pooling_title(run) for run in runs]),
        fitted=distances("zero_inflated_gamma"),
        floor=distances("floor"),
        independent=errors("zero_inflated_gamma"),
        normal=errors("normal"),
    )


def protocol_table() -> str:
    """The numbers that every run shares unless its parameters say otherwise."""
    default = RunParameters("", "", "")
    rows = [
        ("Fitting images of each class, at most (and at most half of the class)", "fit_per_class"),
        ("Random halvings of the test images", "splits"),
        ("Simulated samples for each halving and feature model", "draws"),
    ]
    fixed = [
        ("Neighbour $k$ of the raw comparison", RAW_K),
        ("Neighbour $k$ of the matched comparison", MATCHED_K),
        (
            "A node is saturated where the estimate on draws is below this share of the prediction",
            SATURATED_BELOW,
        ),
    ]
    cells = [(what, f"`{name}`", getattr(default, name)) for what, name in rows]
    cells += [(what, "", value) for what, value in fixed]
    lines = ["| Quantity | Parameter | Value |", "| --- | --- | ---: |"]
    return "\n".join([*lines, *(f"| {what} | {name} | {value} |" for what, name, value in cells)]) + "\n"


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
