"""The registry of equation checks: tags, failures, how a result looks, and that book and registry agree."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from aggdist.equations import (
    EquationError,
    Evidence,
    absolute_error,
    check,
    equation,
    equations,
    registry,
    relative_error,
    violation,
)

CHAPTERS = Path(__file__).parents[2] / "notebooks"
CALL = re.compile(r"""\bcheck\(\s*["']([^"']*)["']\s*\)""")


@pytest.fixture
def blank(monkeypatch):
    """A registry of our own, empty."""
    monkeypatch.setattr(registry, "_EQUATIONS", {})


def register(tag="T1.1", *, error=0.0, tolerance=1e-9, statement="1 = 1", detail="by counting"):
    equation(tag, statement, chapter="01_none")(lambda: Evidence(error, tolerance, detail))


def calls() -> dict[str, list[str]]:
    """The tags that each chapter's code cells check, in order."""
    found = {}
    for path in sorted(CHAPTERS.glob("*/*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        found[path.stem] = CALL.findall(code)
    return found


# -- registering and checking ---------------------------------------------------------------------------


@pytest.mark.usefixtures("blank")
def test_a_check_that_holds_returns_its_evidence():
    register(error=2e-10)
    result = check("T1.1")
    assert result.evidence == Evidence(2e-10, 1e-9, "by counting")
    assert str(result) == "T1.1 holds: 1 = 1 (error 2.0e-10, allowed 1e-09; by counting)"


@pytest.mark.usefixtures("blank")
def test_the_decorated_function_is_returned():
    def run() -> Evidence:
        return Evidence(0.0, 0.0, "")

    assert equation("T2.1", "", chapter="c")(run) is run


@pytest.mark.usefixtures("blank")
def test_equations_come_in_the_order_of_items_and_numbers():
    for tag in ("E1.1", "T10.1", "T2.10", "E1.10", "T2.9", "E1.9", "T1.1"):
        register(tag)
    assert list(equations()) == ["T1.1", "T2.9", "T2.10", "T10.1", "E1.1", "E1.9", "E1.10"]


@pytest.mark.usefixtures("blank")
def test_an_equation_of_an_experiment_has_an_anchor_of_its_own():
    register("T1.3")
    register("E1.3")
    assert [known.anchor for known in equations().values()] == ["check-t1-3", "check-e1-3"]
    assert check("E1.3").equation.tag == "E1.3"


@pytest.mark.parametrize(
    "tag",
    ["4.2", "T4", "T4.", "T4.2.1", "T4.2 ", "t4.2", "T123.1", "", "T4.2\n", "E1", "e1.3", "F1.3", "ET1.3"],
)
def test_a_tag_must_have_item_and_number(tag):
    with pytest.raises(ValueError, match="expected an item and a number"):
        equation(tag, "", chapter="c")


@pytest.mark.usefixtures("blank")
def test_a_tag_cannot_be_taken_twice():
    register("T1.1")
    with pytest.raises(ValueError, match=r"T1\.1 is taken by .*; tags are permanent"):
        register("T1.1")


@pytest.mark.usefixtures("blank")
def test_an_unknown_tag_is_told_what_there_is():
    register("T1.1")
    with pytest.raises(KeyError, match=r"no principal equation 'T9\.9'; there are T1\.1"):
        check("T9.9")


@pytest.mark.usefixtures("blank")
@pytest.mark.parametrize("error", [1.1e-9, math.nan, math.inf])
def test_a_check_that_fails_raises(error):
    register(error=error)
    with pytest.raises(
        EquationError, match=r"T1\.1 does not hold: 1 = 1\. Got an error of .*, expected at most 1"
    ):
        check("T1.1")


@pytest.mark.usefixtures("blank")
def test_a_failure_names_the_function():
    register(error=1.0)
    with pytest.raises(EquationError, match=rf"by counting\); see {re.escape(__name__)}\..*lambda"):
        check("T1.1")


def test_a_failure_stops_asserting_callers_too():
    assert issubclass(EquationError, AssertionError)


# -- evidence -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "holds"), [(0.0, True), (0.5, True), (0.6, False), (math.nan, False), (-math.inf, False)]
)
def test_evidence_holds_up_to_its_tolerance(error, holds):
    assert Evidence(error, 0.5, "").holds is holds


def test_nan_anywhere_is_no_evidence():
    wrong = np.array([1.0, np.nan, 1.0])
    assert math.isnan(absolute_error(wrong, 1.0))
    assert math.isnan(relative_error(wrong, 1.0))
    assert not Evidence(violation(wrong, 2.0), 1.0, "").holds


def test_errors_are_the_largest():
    assert absolute_error([1.0, 2.0], [1.5, 2.1]) == 0.5
    assert relative_error([1.0, -3.0], [2.0, -4.0]) == 0.5
    assert violation([1.0, 2.0], [1.5, 1.75]) == 0.25
    assert violation([1.0, 2.0], 2.0) == 0.0


# -- how a result looks ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("blank")
def test_the_page_gets_an_anchor_and_no_markup_from_the_texts():
    register("T4.12", statement="P(Z <= z) & <b>more</b>", detail='n < 5, "all"')
    shown = check("T4.12")._repr_html_()
    assert 'id="check-t4-12"' in shown
    assert "P(Z ≤ z) &amp; &lt;b&gt;more&lt;/b&gt;" in shown
    assert "n &lt; 5, &quot;all&quot;" in shown
    assert "<b>" not in shown


# -- book and registry ----------------------------------------------------------------------------------


def test_there_is_a_chapter_for_every_equation():
    called = calls()
    missing = {
        tag: known.chapter for tag, known in equations().items() if tag not in called.get(known.chapter, ())
    }
    assert not missing, "no check(tag) in the chapter's notebook"


def test_every_check_in_the_book_is_registered_for_its_chapter():
    called = calls()
    assert called, f"no chapters in {CHAPTERS}"
    chapter_of = {tag: known.chapter for tag, known in equations().items()}
    strangers = [(stem, tag) for stem, tags in called.items() for tag in tags if tag not in chapter_of]
    assert not strangers, "check(tag) without an equation"


def test_a_chapter_checks_each_of_its_equations_once():
    for stem, tags in calls().items():
        own = sorted(tag for tag in tags if equations()[tag].chapter == stem)
        assert own == sorted(tag for tag, known in equations().items() if known.chapter == stem), stem


def test_tags_carry_the_number_of_their_chapter():
    for tag, known in equations().items():
        item = known.chapter.partition("_")[0]  # "04", "e1", or the name of a chapter on experiments
        expected = {"performance": "E2", "compactness": "E3"}.get(item) or (
            item.upper() if item.startswith("e") else f"T{int(item)}"
        )
        assert tag.startswith(f"{expected}."), tag
