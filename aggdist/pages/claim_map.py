"""The map of claims: each claim of the abstract with the chapters that answer it, its evidence and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from aggdist.figures.claims import CLAIMS, all_findings
from aggdist.figures.findings import Finding, verdict
from aggdist.figures.summary_records import listed
from aggdist.figures.summary_results import table
from aggdist.pages.executed import PageError

_THEORY = (
    "theory/01_rectified_gaussian",
    "theory/02_zero_inflated_gamma",
    "theory/03_average_pooling",
    "theory/04_gamma_ratio",
    "theory/05_sparse_limit",
    "theory/06_correlated_positions",
    "theory/07_max_pooling",
    "theory/08_generalised_mean_pooling",
)

CHAPTERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "C1": ("experiments/compactness",),
        "C2": ("theory/13_overfitting",),
        "C3": ("theory/12_spatial_invariance",),
        "C4": ("theory/10_kl_divergence", "theory/11_information_efficiency", "experiments/performance"),
        "C5": _THEORY,
        "C6": ("theory/09_output_nodes", "theory/10_kl_divergence", "experiments/summary"),
        "C7": ("experiments/summary", "experiments/performance"),
    }
)
"""The chapters that answer each claim, as addresses in the book."""


def write_claim_map(root: Path, folder: Path) -> None:
    """Write the table of the page `maps/claims`; the build of the book calls this."""
    (folder / "claim_map.md").write_text(claim_map(all_findings(root)), encoding="utf-8", newline="\n")


def claim_map(findings: Mapping[str, Sequence[Finding]]) -> str:
    """One row for each claim: chapters, figures, support and verdict.

    Raises
    ------
    PageError
        If a claim has no chapter, or no finding.
    """
    without = [claim for claim in CLAIMS if not CHAPTERS.get(claim) or not findings.get(claim)]
    if without:
        raise PageError(f"no chapter or no finding for {listed(without)}: expected both for every claim")
    header = ["", "Claim of the abstract", "Chapters", "Evidence", "Support", "Verdict"]
    return table(header, (_row(claim, findings[claim]) for claim in CLAIMS), left=6)


def _row(claim: str, found: Sequence[Finding]) -> list[str]:
    figures = dict.fromkeys(finding.figure for finding in found)
    return [
        f"{{ref}}`{claim} <claim-{claim.lower()}>`",
        CLAIMS[claim],
        ", ".join(f"{{doc}}`/{page}`" for page in CHAPTERS[claim]),
        ", ".join(f"{{numref}}`Figure %s <{figure}>`" for figure in figures),
        f"{sum(finding.supports for finding in found)} of {len(found)}",
        f"**{verdict(found)}**",
    ]
