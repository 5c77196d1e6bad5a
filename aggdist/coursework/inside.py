"""What runs in the kernel of a student's notebook: call the functions, write down what they return.

Nothing is judged here. Each call has a time limit; what it raises is written down in its place.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aggdist.coursework.registry import assignment
from aggdist.coursework.task import Arguments, Task


class _TooSlow(BaseException):
    """The time of one call is over; no `except Exception` of a student catches it."""


def call_all(number: int, seed: int, names: Mapping[str, Any], folder: str) -> None:
    """Call each function of an assignment on its cases and write `folder/TASK.json` as soon as it is done."""
    before = signal.signal(signal.SIGALRM, _stop)
    try:
        for task in assignment(number).tasks:
            outcome = _call(task, seed, names)
            Path(folder, f"{task.name}.json").write_text(json.dumps(outcome), encoding="utf-8")
    finally:
        signal.signal(signal.SIGALRM, before)


def _stop(*_: Any) -> None:
    raise _TooSlow


def _call(task: Task, seed: int, names: Mapping[str, Any]) -> dict[str, Any]:
    function = names.get(task.name)
    if not callable(function):
        return {"missing": f"there is no function {task.name} in the notebook"}
    values: list[Any] = []
    for arguments in task.arguments(seed):
        try:
            values.append(_one(task, function, arguments))
        except NotImplementedError as error:
            return {"unfinished": str(error)}
        except _TooSlow:
            return {"values": values, "error": f"no answer within {task.seconds:g} s"}
        except Exception as error:  # whatever a student's function raises is an entry of the table
            return {"values": values, "error": f"{type(error).__name__}: {error}"}
    return {"values": values}


def _one(task: Task, function: Any, arguments: Arguments) -> Any:
    signal.setitimer(signal.ITIMER_REAL, task.seconds)
    try:
        value = function(*arguments)
        return plain(task.first(arguments, value) if task.first else value)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def plain(value: Any) -> Any:
    """The value in the types that JSON has: numbers, text, lists, mappings; others as text in brackets."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    array = np.asarray(value)
    if array.dtype.kind in "biuf":
        return array.tolist()
    return f"<{type(value).__name__}>"
