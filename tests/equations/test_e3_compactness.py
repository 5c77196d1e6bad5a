"""All checks of the chapter on compactness, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import pytest

from aggdist.equations import EquationError, check, equations
from aggdist.prediction import compactness

TAGS = [f"E3.{k}" for k in range(1, 5)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "compactness"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


@pytest.mark.parametrize(
    ("tag", "change"),
    [
        ("E3.1", lambda kept, lost: (1.5 * kept, lost)),
        ("E3.2", lambda kept, lost: (kept, 1.001 * lost)),
        ("E3.3", lambda kept, lost: (kept, lost + 0.001 * kept)),
        ("E3.4", lambda kept, lost: (1.001 * kept, lost)),
    ],
)
def test_a_wrong_formula_is_caught(monkeypatch, tag, change):
    right = compactness.merged_separation
    monkeypatch.setattr(compactness, "merged_separation", lambda *args: change(*right(*args)))
    with pytest.raises(EquationError, match=rf"{tag} does not hold"):
        check(tag)
