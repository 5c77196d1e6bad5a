"""All exercises of all chapters: each with title, level, time and solution, each on the page."""

from __future__ import annotations

import json
import re

import pytest

from aggdist.pages.exercises import ExerciseError, all_chapters, exercises_page, read_chapter, write_exercises
from aggdist.paths import repository_root

ROOT = repository_root()
GOOD = """# A chapter

:::{exercise} A title
:label: ex-a
*Level 2, about 45 minutes.* Use {prf:ref}`thm-a`, {eq}`eq-b` and {doc}`other`.
:::

:::{solution-start} ex-a
:class: dropdown
:::
So.
:::{solution-end}
:::
"""


def written(folder, text):
    path = folder / "theory" / "a.ipynb"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": [text]}]}), encoding="utf-8")
    return path


def test_an_exercise_is_read(tmp_path):
    (found,) = read_chapter(written(tmp_path, GOOD)).exercises
    assert (found.title, found.level, found.time) == ("A title", 2, "about 45 minutes")
    assert found.uses == ("{prf:ref}`thm-a`", "{eq}`eq-b`", "{doc}`/theory/other`")
    assert found.link == "{ref}`A title <ex-a>`"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("*Level 2, about 45 minutes.* ", "", "ex-a has no level and time"),
        ("*Level 2, about 45 minutes.* ", "*About 45 minutes.* ", "ex-a has no level and time"),
        ("{solution-start} ex-a", "{solution-start} ex-b", "ex-a has no solution"),
        ("{exercise} A title", "{exercise}", "ex-a has no title"),
    ],
)
def test_what_an_exercise_lacks_is_an_error(tmp_path, old, new, message):
    with pytest.raises(ExerciseError, match=message):
        read_chapter(written(tmp_path, GOOD.replace(old, new)))


def test_the_level_of_the_next_exercise_is_not_taken_for_one_s_own(tmp_path):
    first = GOOD.replace("*Level 2, about 45 minutes.* ", "").split("# A chapter")[1]
    with pytest.raises(ExerciseError, match="ex-a has no level"):
        read_chapter(written(tmp_path, first + GOOD.replace("ex-a", "ex-c")))


def test_every_exercise_of_every_notebook_is_on_the_page(tmp_path):
    write_exercises(ROOT, tmp_path)
    page = (tmp_path / "exercises.md").read_text(encoding="utf-8")
    labels = []
    for folder in ("theory", "experiments"):
        for path in (ROOT / "notebooks" / folder).glob("*.ipynb"):
            # By the directive alone: what it is followed by is for the reader of the page to demand.
            labels += re.findall(
                r"\{exercise(?:-start)?\}[^\n]*\\n\",?\s*\"[^\"]*?:label: ([\w-]+)",
                path.read_text(encoding="utf-8"),
            )
    assert len(labels) > 50
    for label in labels:
        assert page.count(f"<{label}>`") == 2, f"{label}: once by chapter, once by level"
    assert sum(len(chapter.exercises) for chapter in all_chapters(ROOT)) == len(labels)


def test_the_counts_are_those_of_the_tables():
    page = exercises_page(all_chapters(ROOT))
    head, by_level = page.split("## By chapter")[0], page.split("## By level")[1]
    counts = [int(n) for n in re.findall(r"\| (\d+) \|$", head, flags=re.MULTILINE)]
    assert counts[-1] == sum(counts[:-1]) == by_level.count("{ref}`")
