"""The table of all runs and the headline, for README and book, from the committed records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from aggdist.figures.style import LAW_TITLES, TITLES
from aggdist.figures.summary_records import (
    MOST,
    NO_RECORDS,
    Record,
    fitted_on,
    listed,
    main_runs,
    ordered,
    pooling_title,
    saturated_nodes,
)
from aggdist.figures.summary_statistics import FEWEST, INDEPENDENT
from aggdist.prediction import DEFAULT_MODEL

SPACE = "\N{NO-BREAK SPACE}"
NOTHING = "\N{EN DASH}"
ALL_NODES = "\\*"


def command(record: Record) -> str:
    """The command that makes a record of the full run table."""
    return f"python -m aggdist runs --only {record['name']}"


def percent(share: float | str | None, decimals: int | None = None) -> str:
    """A share in per cent: as many decimals as asked, or else one below 10 %; a dash for None.

    A record stores an infinite number as the word.
    """
    if share is None:
        return NOTHING
    value = 100 * float(share)
    if math.isinf(value):
        return "infinite"
    places = (1 if abs(value) < 9.95 else 0) if decimals is None else decimals
    return f"{value:.{places}f}{SPACE}%"


def shown_error(record: Record, part: str, key: str = "matched_error", size: str = MOST) -> str:
    """An error of a record as tables show it: over unsaturated nodes, or with a star over all where there are none.

    Parameters
    ----------
    part : str
        "counted", "attainable", or the name of a feature model.
    """
    whole = fitted_on(record, size)
    if whole is None:
        return NOTHING
    found = whole[part] if part in ("counted", "attainable") else whole["models"][part]
    if not saturated_nodes(record).all():
        return percent(found.get(key))
    return percent(found.get(f"all_nodes_{key}")) + ALL_NODES


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table in Markdown whose first `left` columns are text, and the others numbers."""
    rule = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *rows]) + "\n"


def results_table(records: Iterable[Record], *, linked: bool = False) -> str:
    """One row for each run: accuracy, how well laws fit, how well divergences are predicted, and its command.

    Parameters
    ----------
    records : iterable of records
    linked : bool
        For a page of the book: more columns, and the run's name links to its page and stands for the command, which
        the table's note gives. Otherwise fewer columns, and each row ends in its command.
    """
    known = ordered(records)
    if not known:
        return NO_RECORDS
    if linked:
        return table(_BOOK_HEADER, map(_book_row, known)) + "\n" + _note() + _BOOK_NOTE
    lines = table(_README_HEADER, map(_readme_row, known)).replace("---: |\n", "--- |\n", 1)
    return lines + "\n" + _note() + _README_NOTE


_README_HEADER = [
    "Run", "Test accuracy", "KS, floor", "KS, fitted", "KL error", "its floor", "KL error, independent channels",
    "Nodes", "Command",
]  # fmt: skip
_BOOK_HEADER = [
    "Run", "Accuracy", "KS, floor", "KS, fitted", "Nodes", "KL error, default", "its floor", "normals",
    "independent", "50 images, default", "50 images, counting",
]  # fmt: skip


def _readme_row(record: Record) -> list[str]:
    run = f"{record['dataset']}, {record['network']}, {pooling_title(record)}, seed {record['seed']}"
    errors = [
        shown_error(record, DEFAULT_MODEL),
        shown_error(record, DEFAULT_MODEL, "floor"),
        shown_error(record, INDEPENDENT),
    ]
    return [run, *_fit(record), *errors, _nodes(record), f"`{command(record)}`"]


def _book_row(record: Record) -> list[str]:
    return [
        f"{{doc}}`{record['name']} <runs/{record['name']}>`",
        *_fit(record),
        _nodes(record),
        shown_error(record, DEFAULT_MODEL),
        shown_error(record, DEFAULT_MODEL, "floor"),
        shown_error(record, "normal"),
        shown_error(record, INDEPENDENT),
        shown_error(record, DEFAULT_MODEL, size=FEWEST),
        shown_error(record, "counted", size=FEWEST),
    ]


def _fit(record: Record) -> list[str]:
    distance = record["pooled"]["mean_ks"]
    return [
        percent(record["test_accuracy"], 1),
        f"{distance['floor']:.3f}",
        f"{distance[DEFAULT_MODEL]:.3f}",
    ]


def _nodes(record: Record) -> str:
    saturated = saturated_nodes(record)
    return f"{saturated.size - saturated.sum()}/{saturated.size}"


def _note() -> str:
    return f"""\
*KS*: mean Kolmogorov-Smirnov distance, over all classes and channels, of the fitted {LAW_TITLES[DEFAULT_MODEL]}
to held-out images; the floor is that between two samples of images. *KL error*: median relative error of the
predicted KL divergence, in the matched comparison, over the nodes that are not saturated (*Nodes*: how many, of how
many); its floor is what a perfect prediction would show. {ALL_NODES} Over all nodes, because every one is saturated.
The prediction is that of the default model, *{TITLES[DEFAULT_MODEL]}*; independent channels are
*{TITLES[INDEPENDENT]}*.
"""


_README_NOTE = "More columns, figures and reasons are in the book's chapter *All runs at a glance*.\n"
_BOOK_NOTE = f"""\
*{FEWEST} images*: the error of the default model, and that of counting (the nearest-neighbour estimate from the
fitting images themselves), with {FEWEST} fitting images of each class; {NOTHING} where classes are too small.
The command that makes a record again: `python -m aggdist runs --only RUN --force`.
"""

_HEADLINE = """\
On Fashion-MNIST, with {poolings} pooling in this order, and one estimator of the divergence for images
and for draws from the predicted laws:

1. **Pooled features.** The {law} fitted to each feature of each class has a mean
   Kolmogorov-Smirnov distance of {fitted} to held-out images; between two samples of images it is {floor}.
2. **Output nodes, channels taken as independent.** The KL divergence predicted from laws of single channels has a
   median error of {independent}.
3. **Output nodes, channels as they vary together.** Predicted from mean, variance, skewness and tails of the
   features along the weights of each node, it has a median error of {default}; a perfect prediction would
   show {perfect}.

The errors are medians over {nodes}.
"""


def headline(records: Iterable[Record]) -> str:
    """The answer in three sentences: numbers of the Fashion-MNIST runs, one for each aggregation."""
    runs = main_runs(records)
    if not runs:
        return NO_RECORDS

    def distances(name: str) -> str:
        return listed([f"{run['pooled']['mean_ks'][name]:.3f}" for run in runs])

    def errors(name: str, key: str = "matched_error") -> str:
        return listed([shown_error(run, name, key).removesuffix(ALL_NODES) for run in runs])

    return _HEADLINE.format(
        poolings=listed([pooling_title(run) for run in runs]),
        law=LAW_TITLES[DEFAULT_MODEL],
        fitted=distances(DEFAULT_MODEL),
        floor=distances("floor"),
        independent=errors(INDEPENDENT),
        default=errors(DEFAULT_MODEL),
        perfect=errors(DEFAULT_MODEL, "floor"),
        nodes=_headline_nodes(runs),
    )


def _headline_nodes(runs: Sequence[Record]) -> str:
    counts = listed([_nodes(run).replace("/", " of ") for run in runs])
    text = f"the nodes that are not saturated ({counts})"
    if any(saturated_nodes(run).all() for run in runs):
        text += ", or over all nodes where every one is"
    return text
