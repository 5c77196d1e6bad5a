"""The table of claims, from the committed records and from findings that the test makes."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import matplotlib.pyplot as plt
import pytest

from aggdist import paths
from aggdist.figures import claims, claims_plots
from aggdist.figures.findings import LEAST_SEEDS, Finding, seed_interval

ROOT = paths.repository_root()
GOOD = Finding(
    "C3",
    "digits",
    "x, less max",
    seed_interval([1, 2, 3]),
    "%",
    1,
    1,
    True,
    "fig-a",
    "page",
    ("epochs-a-b-s0",),
)


@pytest.fixture(scope="module")
def committed():
    return claims.all_findings(ROOT)


def test_every_claim_has_findings_over_seeds_from_committed_records(committed):
    assert list(committed) == list(claims.CLAIMS)
    names = {p.stem for folder in ("results", "results/studies") for p in (ROOT / folder).glob("*.json")}
    for found in committed.values():
        for finding in found:
            assert finding.effect.seeds >= LEAST_SEEDS
            assert set(finding.records) <= names


def test_every_finding_names_a_figure_of_its_chapter(committed):
    named = {(f.chapter, f.figure) for found in committed.values() for f in found}
    for chapter, figure in sorted(named):
        cells = json.loads((ROOT / "notebooks" / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
        labels = [c["metadata"].get("mystnb", {}).get("figure", {}).get("name") for c in cells]
        assert figure in labels, chapter


def test_every_claim_has_its_place_in_the_closing_chapter(committed):
    text = (ROOT / "notebooks/experiments/conclusions.ipynb").read_text(encoding="utf-8")
    table = claims.verdict_table(committed)
    assert table.count("\n") >= len(claims.CLAIMS) + 1
    for label in re.findall(r"<(claim-c\d)>", table):
        assert f"({label})=" in text


def test_rows_tell_effect_verdict_and_links():
    bad = replace(GOOD, supports=False, dataset="mr", records=("mr-textcnn-avg-s0",))
    row = claims.evidence_table([GOOD, bad]).splitlines()[2:]
    assert row[0].startswith(
        "| Digits | x, less max | 2.0 (-0.5 to 4.5) % | yes | {numref}`Figure %s <fig-a>` |"
    )
    assert "<study-epochs>" in row[0]
    assert "{doc}`mr-textcnn-avg-s0 </runs/mr-textcnn-avg-s0>`" in row[1]
    assert "| 1 of 2 | **holds with conditions** |" in claims.verdict_table({"C3": [GOOD, bad]})


def test_the_figure_shows_every_effect_of_a_claims_first_unit(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: None)
    found = {claim: [replace(GOOD, claim=claim)] * 2 for claim in claims.CLAIMS}
    found["C2"].append(replace(GOOD, claim="C2", unit="points"))
    claims_plots.plot_effects(found)
    axes = plt.gcf().axes
    assert [len(ax.get_yticks()) for ax in axes] == [2, 2, 2, 2]
    assert axes[0].get_yticklabels()[0].get_text() == "Digits, max"
    plt.close("all")
