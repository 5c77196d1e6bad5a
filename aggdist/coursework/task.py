"""One graded task: a function that students write, inputs drawn from a seed, and a judge of what it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

Arguments = tuple[Any, ...]
Cases = Callable[[np.random.Generator], list[Arguments]]


class CourseworkError(RuntimeError):
    """A notebook or a solution cannot be used; the message says what was found and what to do."""


@dataclass(frozen=True)
class Verdict:
    """Whether one returned value is right, and the words of the table: what was got and what was expected."""

    right: bool
    got: str
    expected: str


Judge = Callable[[Arguments, Any], Verdict]


@dataclass(frozen=True)
class Task:
    """One task of an assignment.

    Attributes
    ----------
    name : str
        The student's function.
    points : int
        All of them for right values in every case, none otherwise.
    cases : callable
        From a generator of random numbers to the arguments of each call.
    judge : callable
        From the arguments and the returned value to a verdict.
    seconds : float
        Time limit of one call.
    first : callable, optional
        Applied, in the student's process, to the returned value, where that cannot leave the process as it is; it
        is called with the arguments and the value.
    """

    name: str
    points: int
    cases: Cases
    judge: Judge
    seconds: float = 10.0
    first: Callable[[Arguments, Any], Any] | None = None

    def arguments(self, seed: int) -> list[Arguments]:
        """The arguments of each call, the same in every process for the same seed."""
        return _drawn(self, seed)


@cache
def _drawn(task: Task, seed: int) -> list[Arguments]:
    """Kept, because drawing a report takes seconds."""
    return task.cases(np.random.default_rng([seed, *task.name.encode()]))


@dataclass(frozen=True)
class Assignment:
    """One assignment: its number, its stem (the name of notebook and solution), its tasks."""

    number: int
    stem: str
    title: str
    tasks: Sequence[Task]

    @property
    def points(self) -> int:
        """The full marks."""
        return sum(task.points for task in self.tasks)


def close_to(reference: Callable[..., Any], rtol: float, atol: float = 0.0) -> Judge:
    """A judge that compares numbers with those of `reference(*arguments)`, in shape and value."""

    def judge(arguments: Arguments, value: Any) -> Verdict:
        return compared(value, reference(*arguments), rtol, atol)

    return judge


def compared(value: Any, expected: Any, rtol: float, atol: float = 0.0) -> Verdict:
    """A value against an expected one: equal shapes, no NaN, each number within the tolerance."""
    wanted = np.asarray(expected, dtype=float)
    within = f"within {rtol:.0e} of its size" + (f" or {atol:.0e}" if atol else "")
    text = f"{numbers(wanted)} {within}"
    got = as_numbers(value)
    if got is None:
        return Verdict(False, shown(value), text)
    if got.shape != wanted.shape:
        return Verdict(False, f"shape {got.shape}", f"shape {wanted.shape}")
    return Verdict(bool(np.allclose(got, wanted, rtol=rtol, atol=atol)), numbers(got), text)


def as_numbers(value: Any) -> np.ndarray | None:
    """The value as an array of numbers; None if it is none."""
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):  # text, nothing, ragged lists: the caller shows the value
        return None


def numbers(values: np.ndarray, most: int = 4) -> str:
    """A few numbers of an array as text."""
    flat = np.atleast_1d(values).ravel()
    text = ", ".join(f"{number:.6g}" for number in flat[:most])
    return text if flat.size <= most else f"{text}, ... ({flat.size} numbers)"


def shown(value: Any) -> str:
    """A value that is no number, in short."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) < 50 else text[:47] + '...'}"
