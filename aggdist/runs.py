"""The runs of a table, as executions of the experiment notebook.

A run is skipped if its record is up to date or its dataset is not here; the others are executed, several at a
time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from aggdist.experiment import RunParameters, read_record, record_is_current
from aggdist.notebooks import Job, Outcome, execute_all
from aggdist.run_table import RunTableError, read_extracts, read_studies, read_table, read_tables

__all__ = [
    "CURRENT",
    "DATASET_TITLES",
    "QUICK",
    "TEMPLATE",
    "Planned",
    "RunTableError",
    "compute_job",
    "execute_plan",
    "page_job",
    "places",
    "plan",
    "read_extracts",
    "read_studies",
    "read_table",
    "read_tables",
    "record_path",
]

QUICK = "quick"
CURRENT = "up to date"
#: Names of the datasets in headings and captions.
DATASET_TITLES = {
    "digits": "Digits",
    "mnist": "MNIST",
    "fashionmnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "fsdd": "Free Spoken Digits",
    "mr": "Movie Reviews",
}
#: What titles say of a network that is not the usual one of its dataset.
NETWORK_TITLES = {
    "greycnnhalf": "half width",
    "colourcnnhalf": "half width",
    "efficientnetlite0": "EfficientNet-Lite0",
    "resnet18": "ResNet-18",
}
#: The notebook that every run executes, and that shows every record.
TEMPLATE = Path("notebooks") / "experiments" / "experiment.ipynb"


@dataclass(frozen=True)
class Planned:
    """One run of a table: its record, and whether it will be executed."""

    parameters: RunParameters
    record: Path
    execute: bool
    reason: str


def record_path(root: Path, table: str, run: RunParameters) -> Path:
    """Where a record goes: the quick table's into `build/`, which git ignores, others into `results/`."""
    folder = root / "build" / "records" if table == QUICK else root / "results"
    return folder / f"{run.name}.json"


def plan(
    root: Path, table: str, only: str = "*", force: bool = False, *, required: bool = True
) -> list[Planned]:
    """What `make runs` would do with each run of a table, and why; arguments as for `read_table`."""
    statuses = _dataset_statuses()
    planned = []
    for run in read_table(root, table, only, required=required):
        record = record_path(root, table, run)
        current, reason = record_is_current(asdict(run), record)
        if current and not force:
            planned.append(Planned(run, record, False, CURRENT))
        elif statuses(run.dataset) == "no":
            fetch = f"python -m aggdist datasets fetch {run.dataset}"
            planned.append(
                Planned(run, record, False, f"dataset {run.dataset} is not here; get it with: {fetch}")
            )
        else:
            planned.append(Planned(run, record, True, "asked for with --force" if current else reason))
    return planned


def _dataset_statuses() -> Callable[[str], str]:
    # A status is found by reading and verifying the whole dataset, so each is asked for once.
    from aggdist.datasets import status

    return cache(status)


def compute_job(root: Path, planned: Planned) -> Job:
    """The execution that makes a run's record; the executed notebook stays in `build/runs/`."""
    run, notebook = planned.parameters, root / TEMPLATE
    return Job(
        name=f"runs/{run.name}",
        notebook=notebook,
        target=root / "build" / "runs" / f"{run.name}.ipynb",
        parameters=asdict(run) | {"record": _seen_from(notebook, planned.record), "compute": True},
        fill=places(asdict(run), run.name),
        threads=run.threads,
        cached=False,  # the record decides
    )


def page_job(root: Path, record: Path, page: str, origin: str, target: Path) -> Job:
    """The execution that shows a record: a page called `page`, with `origin` in its title if not empty."""
    notebook = root / TEMPLATE
    return Job(
        name=f"pages/{page}",
        notebook=notebook,
        target=target,
        parameters={"record": _seen_from(notebook, record), "compute": False},
        fill=places(read_record(record), page, origin),
        reads=(record,),
    )


def places(record: Mapping[str, Any], name: str, origin: str = "") -> dict[str, str]:
    """Values of the `@@places@@` in the experiment notebook.

    `name` (for labels: no other page has it), `title`, `origin`, `dataset_title`, `aggregation_title`,
    `dataset`, `network`, `aggregation` and `seed`.
    """
    from aggdist.aggregation import aggregation

    named = {key: str(record[key]) for key in ("dataset", "network", "aggregation", "seed")}
    dataset, pooling = DATASET_TITLES[record["dataset"]], aggregation(record["aggregation"]).title
    special = NETWORK_TITLES.get(record["network"])
    place = f"{dataset}, {special}" if special else dataset
    title = f"{place}, {pooling} pooling, seed {record['seed']}" + (f" ({origin})" if origin else "")
    titles = {"title": title, "dataset_title": dataset, "aggregation_title": pooling}
    return {**named, **titles, "name": name, "origin": origin}


def _seen_from(notebook: Path, path: Path) -> str:
    # Notebooks run in their own folder, under papermill as in Jupyter.
    return Path(os.path.relpath(path, notebook.parent)).as_posix()


def execute_plan(
    root: Path,
    planned: Sequence[Planned],
    *,
    workers: int,
    others: Sequence[Job] = (),
    executor: Executor | None = None,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Execute the runs of a plan that are to be executed; a failed one does not stop the others.

    Parameters
    ----------
    others : sequence of Job
        Executed along with them.
    workers, executor, report
        See `aggdist.notebooks.execute_all`.

    Returns
    -------
    list of Outcome, in the order in which they came. A run that ends well without a record that is up to date
    has failed.
    """
    todo = [item for item in planned if item.execute]
    by_name = {f"runs/{item.parameters.name}": item for item in todo}
    outcomes: list[Outcome] = []

    def finish(outcome: Outcome) -> None:
        item = by_name.get(outcome.job.name)
        outcomes.append(outcome if item is None else _with_record(outcome, item))
        report(outcomes[-1])

    jobs = [*(compute_job(root, item) for item in todo), *others]
    execute_all(jobs, root / "build", workers=workers, executor=executor, report=finish)
    return outcomes


def _with_record(outcome: Outcome, item: Planned) -> Outcome:
    if outcome.error is not None:
        return outcome
    current, reason = record_is_current(asdict(item.parameters), item.record)
    problem = f"{outcome.job.name}: the notebook ended well, but its record {item.record} is not: {reason}"
    return outcome if current else replace(outcome, error=problem)
