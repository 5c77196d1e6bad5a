"""The tables of all studies, generated from their records for the book."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aggdist.figures.summary_results import table
from aggdist.runs import DATASET_TITLES
from aggdist.studies import STUDIES, age_of, read_study

_HEADER = ["Dataset", "Network", "Records, by seed", "Command"]
NO_STUDIES = "No study is committed yet; `python -m aggdist runs` makes them.\n"
FOLDER = "studies"
"""Of the copies that readers download, inside the folder of generated parts."""


def load_all_studies(root: Path) -> list[dict[str, Any]]:
    """All records of studies of a checkout, in the order of the studies, then by name.

    Raises
    ------
    StudyError
        If one of them is damaged.
    """
    records = [read_study(path) for path in sorted((root / "results" / "studies").glob("*.json"))]
    rank = {name: place for place, name in enumerate(STUDIES)}
    return sorted(records, key=lambda record: (rank[record["study"]], record["name"]))


def label_of(study: str) -> str:
    """The label of a study's section on the page of studies."""
    return f"study-{study}"


def studies_page(records: Iterable[Mapping[str, Any]]) -> str:
    """A section for each study: its records to download, and the commands that make them."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        groups.setdefault(record["study"], []).append(record)
    if not groups:
        return NO_STUDIES
    return "\n".join(_section(study, group) for study, group in groups.items())


def _section(study: str, records: Sequence[Mapping[str, Any]]) -> str:
    networks: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in records:
        networks.setdefault((record["dataset"], record["network"]), []).append(record)
    ages = "\n".join(f"- {age}" for age in sorted({age_of(record) for record in records}))
    rows = table(_HEADER, map(_row, networks.values()), left=len(_HEADER))
    return f"({label_of(study)})=\n## {STUDIES[study].title}\n\n{rows}\n{ages}\n"


def _row(group: Sequence[Mapping[str, Any]]) -> list[str]:
    first = group[0]
    pattern = f"{first['study']}-{first['dataset']}-{first['network']}-*"
    links = [
        f"{{download}}`{record['seed']} <_generated/{FOLDER}/{record['name']}.json>`" for record in group
    ]
    return [
        DATASET_TITLES[first["dataset"]],
        f"`{first['network']}`",
        ", ".join(links),
        f"`python -m aggdist runs --only '{pattern}'`",
    ]


def write_studies(root: Path, folder: Path) -> None:
    """Write the page's generated part, and copies of the records for readers to download, into `folder`."""
    records = load_all_studies(root)
    copies = folder / FOLDER
    copies.mkdir(parents=True, exist_ok=True)
    for record in records:
        name = f"{record['name']}.json"
        shutil.copyfile(root / "results" / "studies" / name, copies / name)
    (folder / "studies.md").write_text(studies_page(records), encoding="utf-8", newline="\n")
