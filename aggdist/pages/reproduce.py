"""What the pages on reproducing need from records and specifications: status, times, datasets with checksums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aggdist.analysis_sources import analysis_digest
from aggdist.datasets import DATASETS
from aggdist.figures.study_tables import load_all_studies
from aggdist.figures.summary_records import load_records
from aggdist.figures.summary_results import percent, table
from aggdist.pages.executed import PageError
from aggdist.runs import DATASET_TITLES
from aggdist.studies import STUDIES

Record = Mapping[str, Any]


def write_reproduce(root: Path, folder: Path) -> None:
    """Write the generated parts of the page `reproduce` and of the front page; the build of the book calls this."""
    records, studies = load_records(root / "results"), load_all_studies(root)
    parts = {
        "status.md": status(records, studies),
        "status_table.md": status_table(records),
        "times.md": times_table(records),
        "machines.md": machines(records, studies),
        "data_manifest.md": data_manifest(),
    }
    for name, text in parts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def is_older(record: Record) -> bool:
    """Whether a record of a run or of a study was made by other analysis code than this book's."""
    origin = record["provenance"]
    if "analysis" in origin:
        return bool(origin["analysis"] != analysis_digest())
    return bool(origin["sources"] != STUDIES[record["study"]].digest())


def status(records: Sequence[Record], studies: Sequence[Record]) -> str:
    """Two sentences for the front page: how many records there are, from when, and whether by today's code.

    Raises
    ------
    PageError
        If there is no record of a run.
    """
    if not records:
        raise PageError("results/ holds no record of a run: make them with python -m aggdist runs")
    everything = [*records, *studies]
    days = sorted(record["provenance"]["computed"][:10] for record in everything)
    older = sum(map(is_older, everything))
    state = f"{older} of them by older code than this book's" if older else "all by the code of this book"
    when = f"on {days[0]}" if days[0] == days[-1] else f"between {days[0]} and {days[-1]}"
    datasets = len({record["dataset"] for record in records})
    return (
        f"**State of the evidence.** {len(records)} runs on {datasets} datasets and {len(studies)} studies were "
        f"computed {when}, {state}. {{doc}}`/reproduce` lists them, with what it takes to make them again.\n"
    )


def status_table(records: Sequence[Record]) -> str:
    """One row for each run: accuracy, day, code, versions."""
    header = ["Run", "Code", "Computed", "Commit", "Python, torch", "Accuracy"]
    return table(header, map(_status_row, records), left=5)


def _status_row(record: Record) -> list[str]:
    origin = record["provenance"]
    return [
        f"{{doc}}`{record['name']} </runs/{record['name']}>`",
        "older" if is_older(record) else "this book's",
        origin["computed"][:10],
        f"`{_short(origin['commit'])}`" if origin["commit"] else "not known",
        f"{origin['python']}, {origin['packages']['torch']}",
        percent(record["test_accuracy"]),
    ]


def _short(commit: str) -> str:
    """Seven digits, and the plus that stands for files that were not committed."""
    return commit.rstrip("+")[:7] + "+" * commit.endswith("+")


def times_table(records: Sequence[Record]) -> str:
    """How long training took, by dataset and network, as the records say: the shortest and the longest."""
    groups: dict[tuple[str, str], list[float]] = {}
    for record in records:
        groups.setdefault((record["dataset"], record["network"]), []).append(record["training"]["seconds"])
    rows = [
        [
            DATASET_TITLES[dataset],
            f"`{network}`",
            str(len(seconds)),
            _minutes(min(seconds)),
            _minutes(max(seconds)),
        ]
        for (dataset, network), seconds in groups.items()
    ]
    return table(["Dataset", "Network", "Runs", "Shortest training", "Longest training"], rows, left=2)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def machines(records: Sequence[Record], studies: Sequence[Record]) -> str:
    """One sentence: on what kinds of machine the committed records were made."""
    kinds = sorted(
        {
            f"{origin['platform']}, {origin['processor']}, {origin['cores']} cores, "
            f"{origin['threads']} thread for each run"
            for origin in (record["provenance"] for record in (*records, *studies))
        }
    )
    return "The committed records were made on: " + "; ".join(kinds) + ". No GPU was used.\n"


def data_manifest() -> str:
    """A table of the datasets, and one of the SHA-256 of each array."""
    rows = [
        [
            f"`{name}`",
            f"{spec.n_train:,}",
            f"{spec.n_test:,}",
            f"{spec.n_bytes / 1e6:.1f} MB",
            spec.licence,
            spec.origin,
        ]
        for name, spec in DATASETS.items()
    ]
    sums = [
        [f"`{name}`", f"`{array}`", f"`{checksum}`"]
        for name, spec in DATASETS.items()
        for array, checksum in spec.checksums.items()
    ]
    overview = table(["Name", "Training", "Test", "Size", "Licence", "Origin"], rows, left=6)
    details = table(["Dataset", "Array", "SHA-256"], sums, left=3)
    return f"{overview}\n```{{dropdown}} SHA-256 of each array\n{details}```\n"
