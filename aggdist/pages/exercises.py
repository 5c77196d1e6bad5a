"""The page of exercises: all of them, from the notebooks of the chapters, with level, time and what they use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_EXERCISE = re.compile(
    r"^:{3,}\{exercise(?:-start)?\}[ ]*(?P<title>.*)\n:label: (?P<label>\S+)\n(?P<rest>(?:.*\n?)*?)"
    r"(?=^:{3,}\{exercise(?:-start)?\}|^:{3,}\{solution(?:-start)?\}|\Z)",
    flags=re.MULTILINE,
)
_SOLUTION = re.compile(r"^:{3,}\{solution(?:-start)?\}[ ]*(\S+)", flags=re.MULTILINE)
_LEVEL = re.compile(r"\*Level (?P<level>[123]), (?P<time>[^*]+?)\.?\*")
_TITLE = re.compile(r"^# (.+)", flags=re.MULTILINE)
_PROVED = re.compile(r"\{prf:ref\}`(?:[^`<]*<)?([\w-]+)>?`")
_EQUATION = re.compile(r"\{eq\}`([\w-]+)`")
_CHAPTER = re.compile(r"\{doc\}`(?:[^`<]*<)?([\w/.-]+)>?`")
LEVELS = {1: "one idea, on paper", 2: "several steps, often with code", 3: "open-ended, coursework"}


class ExerciseError(RuntimeError):
    """An exercise lacks level, time or solution; the message says which and where."""


@dataclass(frozen=True)
class Exercise:
    """One exercise of one chapter."""

    chapter: str
    title: str
    label: str
    level: int
    time: str
    uses: tuple[str, ...]

    @property
    def link(self) -> str:
        """A reference to it, by its title."""
        return f"{{ref}}`{self.title} <{self.label}>`"


@dataclass(frozen=True)
class Chapter:
    """One chapter: its place in the book without suffix, its title, its exercises."""

    name: str
    title: str
    exercises: tuple[Exercise, ...]


def all_chapters(root: Path) -> list[Chapter]:
    """The chapters that have exercises, theory first.

    Raises
    ------
    ExerciseError
        If an exercise has no title, level, time or solution.
    """
    folders = (root / "notebooks" / "theory", root / "notebooks" / "experiments")
    found = [read_chapter(path) for folder in folders for path in sorted(folder.glob("*.ipynb"))]
    return [chapter for chapter in found if chapter.exercises]


def read_chapter(path: Path) -> Chapter:
    """A notebook's exercises.

    Raises
    ------
    ExerciseError
        If one of them has no title, level, time or solution.
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    name, solved = f"{path.parent.name}/{path.stem}", set(_SOLUTION.findall(text))
    heading = _TITLE.search(text)
    title = heading.group(1).strip() if heading else path.stem
    exercises = tuple(_exercise(name, part, solved) for part in _EXERCISE.finditer(text))
    return Chapter(name, title, exercises)


def _exercise(chapter: str, part: re.Match[str], solved: set[str]) -> Exercise:
    label, level = part["label"], _LEVEL.search(part["rest"])
    where = f"{chapter}: exercise {label}"
    if not part["title"].strip():
        raise ExerciseError(f"{where} has no title; write it behind {{exercise}}")
    if level is None:
        raise ExerciseError(f"{where} has no level and time; begin it with *Level 2, about 45 minutes.*")
    if label not in solved:
        raise ExerciseError(f"{where} has no solution; write one behind {{solution-start}} {label}")
    return Exercise(
        chapter,
        part["title"].strip(),
        label,
        int(level["level"]),
        level["time"],
        _uses(chapter, part["rest"]),
    )


def _uses(chapter: str, text: str) -> tuple[str, ...]:
    """References to what the exercise names: theorems, equations, other chapters, each once."""
    folder = chapter.split("/")[0]
    theorems = [f"{{prf:ref}}`{label}`" for label in _PROVED.findall(text)]
    equations = [f"{{eq}}`{label}`" for label in _EQUATION.findall(text)]
    chapters = [f"{{doc}}`/{folder}/{name}`" for name in _CHAPTER.findall(text) if "/" not in name]
    return tuple(dict.fromkeys([*theorems, *equations, *chapters]))


def exercises_page(chapters: Sequence[Chapter]) -> str:
    """A table of counts by level, the exercises by chapter, and once more by level."""
    exercises = [exercise for chapter in chapters for exercise in chapter.exercises]
    parts = [_counts(exercises), "## By chapter\n", *map(_section, chapters), "## By level\n"]
    return "\n".join([*parts, *(_level(level, exercises) for level in LEVELS)])


def _counts(exercises: Sequence[Exercise]) -> str:
    rows = [
        (str(level), meaning, str(sum(exercise.level == level for exercise in exercises)))
        for level, meaning in LEVELS.items()
    ]
    return _table(("Level", "What it asks for", "Exercises"), [*rows, ("", "all", str(len(exercises)))])


def _section(chapter: Chapter) -> str:
    rows = [
        (exercise.link, str(exercise.level), exercise.time, ", ".join(exercise.uses) or "the chapter")
        for exercise in chapter.exercises
    ]
    head = f"### {chapter.title}\n\n{{doc}}`To the chapter </{chapter.name}>`\n\n"
    return head + _table(("Exercise", "Level", "Time", "Uses"), rows)


def _level(level: int, exercises: Iterable[Exercise]) -> str:
    rows = [
        (exercise.link, f"{{doc}}`/{exercise.chapter}`", exercise.time)
        for exercise in exercises
        if exercise.level == level
    ]
    return f"### Level {level}: {LEVELS[level]}\n\n" + _table(("Exercise", "Chapter", "Time"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def write_exercises(root: Path, folder: Path) -> None:
    """Write the page's generated part into `folder`."""
    text = exercises_page(all_chapters(root))
    (folder / "exercises.md").write_text(text, encoding="utf-8", newline="\n")
