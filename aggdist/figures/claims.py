"""The claims of the abstract, the findings on each of them, and the verdicts: the closing chapter's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from aggdist.figures import (
    compactness_findings,
    information_findings,
    invariance_findings,
    overfitting_findings,
    performance_findings,
    run_findings,
)
from aggdist.figures.findings import Finding, verdict
from aggdist.figures.study_tables import label_of
from aggdist.figures.summary_records import listed, load_records
from aggdist.figures.summary_results import table
from aggdist.studies import STUDIES, load_studies

CLAIMS: Mapping[str, str] = MappingProxyType(
    {
        "C1": "Aggregation consolidates deep features into a more compact representation",
        "C2": "It makes a network more robust to overfitting",
        "C3": "It provides spatial invariance",
        "C4": "Global aggregation is close to the output and directly influences performance",
        "C5": "The distributions of the outputs of aggregation can be modelled analytically",
        "C6": "The KL divergence of output nodes can be predicted analytically",
        "C7": "Theory agrees with observation over a range of tasks and datasets",
    }
)
"""In our words, as on the front page."""

_MARK = {True: "yes", False: "no"}


def all_findings(root: Path) -> dict[str, list[Finding]]:
    """Findings by claim, from every committed record of a checkout.

    Raises
    ------
    StudyError, RecordError
        If a record is damaged, or a study has none.
    ValueError
        If a claim has no finding.
    """
    studies = {name: load_studies(root, name) for name in STUDIES}
    found = [
        *compactness_findings.findings(studies["compactness"]),
        *overfitting_findings.findings(studies["overfitting"]),
        *invariance_findings.findings(studies["invariance"]),
        *information_findings.findings(studies["information"]),
        *performance_findings.findings(studies["performance"], studies["epochs"]),
        *run_findings.findings(load_records(root / "results")),
    ]
    by_claim = {claim: [finding for finding in found if finding.claim == claim] for claim in CLAIMS}
    without = [claim for claim, findings in by_claim.items() if not findings]
    if without:
        raise ValueError(f"no finding on {listed(without)}: expected at least one on every claim")
    return by_claim


def verdict_table(findings: Mapping[str, Sequence[Finding]]) -> str:
    """One row for each claim: how many findings support it, on what datasets, and the verdict."""
    header = ["", "Claim of the abstract", "Evidence", "Support", "Verdict"]
    return table(header, (_verdict_row(claim, found) for claim, found in findings.items()), left=5)


def _verdict_row(claim: str, found: Sequence[Finding]) -> list[str]:
    good = sum(finding.supports for finding in found)
    figures = dict.fromkeys(finding.figure for finding in found)
    shown = listed([f"{{numref}}`Figure %s <{figure}>`" for figure in figures])
    return [
        f"{{ref}}`{claim} <claim-{claim.lower()}>`",
        CLAIMS[claim],
        f"{shown}: {listed(list(dict.fromkeys(finding.title for finding in found)))}",
        f"{good} of {len(found)}",
        f"**{verdict(found)}**",
    ]


def evidence_table(found: Sequence[Finding]) -> str:
    """One row for each finding on a claim: effect, 95 % interval over seeds, figure and records."""
    header = ["Dataset", "Effect", "Mean (95 % interval)", "Supports", "Seen in", "Records"]
    return table(header, map(_evidence_row, found), left=6)


def _evidence_row(finding: Finding) -> list[str]:
    return [
        finding.title,
        finding.what,
        finding.text(),
        _MARK[finding.supports],
        f"{{numref}}`Figure %s <{finding.figure}>`",
        records_link(finding.records),
    ]


def records_link(names: Sequence[str]) -> str:
    """Links to the pages of runs, or to the section of the studies, that records belong to."""
    studies = dict.fromkeys(name.split("-", 1)[0] for name in names if name.split("-", 1)[0] in STUDIES)
    runs = [name for name in names if name.split("-", 1)[0] not in STUDIES]
    links = [f"{{ref}}`{study} <{label_of(study)}>`" for study in studies]
    return ", ".join(links + [f"{{doc}}`{name} </runs/{name}>`" for name in runs])
