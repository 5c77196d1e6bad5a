"""Statements in plain text become HTML that reads like mathematics, and nothing of them is lost."""

from __future__ import annotations

import html
import re

import pytest

from aggdist.equations import equations
from aggdist.equations.readable import readable


@pytest.mark.parametrize(
    ("plain", "shown"),
    [
        ("kappa_2 <= theta^r", "κ<sub>2</sub> ≤ θ<sup>r</sup>"),
        ("M_{r-1} = r/(h + M_{r+1}/M_r)", "M<sub>r−1</sub> = r/(h + M<sub>r+1</sub>/M<sub>r</sub>)"),
        ("(1-q)^(1/N)", "(1−q)<sup>1/N</sup>"),
        ("(1 - q_c)^(-k_c)", "(1 − q<sub>c</sub>)<sup>−k<sub>c</sub></sup>"),
        ("N_eff -> inf", "N<sub>eff</sub> → ∞"),
        ("a non-negative law, zero-inflated", "a non-negative law, zero-inflated"),
        ("-P(y > x) || p", "−P(y &gt; x) ‖ p"),
        ("the delta method, digamma and infimum", "the delta method, digamma and infimum"),
        ("<b>", "&lt;b&gt;"),
    ],
)
def test_letters_indices_and_powers(plain, shown):
    assert readable(plain) == shown


def test_statements_of_the_book_keep_their_characters_and_have_no_marks_left():
    for tag, one in equations().items():
        shown = readable(one.statement)
        text = html.unescape(re.sub(r"</?su[bp]>", "", shown))
        assert re.sub(r"<(/?)su[bp]>", "", shown).count("<") == 0, tag
        assert not re.search(r"[_^{}]", text), f"{tag}: {text}"
        numbers = re.findall(r"\d+", one.statement)
        assert re.findall(r"\d+", re.sub(r"<[^>]+>", " ", shown.replace("&#x27;", ""))) == numbers, tag
