"""`python -m aggdist runs`: make the records of the run table, its extracts and its studies."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from aggdist import extracts, runs
from aggdist.capture.extract import ExtractError
from aggdist.house import study_command
from aggdist.house.machine import cores
from aggdist.house.terminal import HouseError, complain, duration, say
from aggdist.notebooks import Outcome
from aggdist.studies import StudyError

#: Runs at a time where the user names no number: each may need more than 1 GB of memory.
MOST_AT_A_TIME = 4
#: The table whose runs may have extracts, and with which the studies are made.
FULL = "full"
_Planned = runs.Planned | extracts.PlannedExtract | study_command.PlannedStudy


def run(root: Path, args: argparse.Namespace) -> int:
    """Execute the runs that are not up to date; 1 if any of them failed."""
    if args.jobs is not None and args.jobs < 1:
        raise HouseError(f"--jobs {args.jobs}: expected at least 1")
    try:
        studies = _planned_studies(root, args)
        planned = runs.plan(root, args.table, args.only, args.force, required=not studies)
        small = _planned_extracts(root, args)
    except runs.RunTableError as error:
        raise HouseError(str(error)) from error
    todo = [item for item in planned if item.execute]
    if args.list:
        _list([(item.parameters.name, item) for item in planned])
        _list([(f"extract {item.parameters.name}", item) for item in small])
        _list([(f"study {item.parameters.name}", item) for item in studies])
        return 0
    threads = max((item.parameters.threads for item in todo), default=1)
    outcomes = _execute(root, planned, args.jobs or min(MOST_AT_A_TIME, max(1, cores() // threads)))
    made = _make_extracts(small, {outcome.job.name for outcome in outcomes if outcome.error})
    try:
        measured = study_command.run_studies(studies, args.jobs or min(MOST_AT_A_TIME, cores()))
    except StudyError as error:
        raise HouseError(str(error)) from error
    _summary(planned, outcomes)
    _say_skipped(studies)
    return 0 if made and measured and not any(outcome.error for outcome in outcomes) else 1


def _planned_studies(root: Path, args: argparse.Namespace) -> list[study_command.PlannedStudy]:
    if args.table != FULL:
        return []
    return study_command.plan_studies(root, runs.read_studies(root, args.only), args.force)


def _planned_extracts(root: Path, args: argparse.Namespace) -> list[extracts.PlannedExtract]:
    if args.table != FULL:
        return []
    return extracts.plan_extracts(root, runs.read_extracts(root, args.only), args.force)


def _make_extracts(small: Sequence[extracts.PlannedExtract], failed: set[str]) -> bool:
    """Make those that are out of date, except of runs that have just failed; whether all went well."""
    good = True
    for item in small:
        name = item.parameters.name
        if item.execute and f"runs/{name}" not in failed:
            say(f"extract {name}: {item.reason}")
            try:
                extracts.make_extract(item.parameters, item.path)
            except ExtractError as error:
                complain(f"  FAILED extract {name}: {error}")
                good = False
    return good


def _list(planned: Sequence[tuple[str, _Planned]]) -> None:
    width = max((len(name) for name, _ in planned), default=0)
    for name, item in planned:
        say(f"{name:<{width}}  {'to do' if item.execute else 'skipped'}: {item.reason}")


def _execute(root: Path, planned: Sequence[runs.Planned], workers: int) -> list[Outcome]:
    todo = sum(item.execute for item in planned)
    if not todo:
        return []
    say(f"{todo} of {len(planned)} runs to do, {min(workers, todo)} at a time.")
    started = time.monotonic()
    with tqdm(total=todo, unit="run", dynamic_ncols=True) as bar:

        def report(outcome: Outcome) -> None:
            bar.write(
                f"{outcome.job.name}: {'FAILED' if outcome.error else 'done'} in {duration(outcome.seconds)}"
            )
            bar.update()

        outcomes = runs.execute_plan(root, planned, workers=workers, report=report)
    say(f"{todo} runs in {duration(time.monotonic() - started)}.")
    return outcomes


def _summary(planned: Sequence[runs.Planned], outcomes: Sequence[Outcome]) -> None:
    skipped = [item for item in planned if not item.execute]
    done = sum(outcome.error is None for outcome in outcomes)
    current = [item for item in skipped if item.reason == runs.CURRENT]
    say(f"{done} made, {len(current)} up to date, {len(planned) - done - len(current)} not made.")
    _say_skipped(skipped)
    for outcome in outcomes:
        if outcome.error:
            complain(f"  FAILED {outcome.error}")


def _say_skipped(planned: Sequence[_Planned]) -> None:
    for item in planned:
        if not item.execute and item.reason != runs.CURRENT:
            say(f"  skipped {item.parameters.name}: {item.reason}")
