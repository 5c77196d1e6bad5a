"""Errors against the reference tables of `tests/reference`, all of them computed in high precision elsewhere."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aggdist import distributions, divergence
from aggdist.bench.figure import Figure
from aggdist.distributions import WeightedGammaSum

Array = NDArray[np.float64]


def read_rows(folder: Path, name: str) -> list[dict[str, str]]:
    """Rows of a reference table."""
    with (folder / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def reference_sums(folder: Path) -> list[Figure]:
    """Imhof's and Davies's quadratic forms, and sums with fractional shapes and mixed signs."""
    worst = {"Q": 0.0, "G": 0.0}
    for row in read_rows(folder, "signed_gamma_sums.csv"):
        terms = np.array([[float(v) for v in term.split(":")] for term in row["terms"].split(";")])
        error = abs(
            float(WeightedGammaSum(terms[:, 0], terms[:, 1], np.ones(len(terms))).cdf(float(row["x"])))
            - float(row["cdf"])
        )
        worst[row["form"][0]] = max(worst[row["form"][0]], error)
    group = "Few terms"
    return [
        Figure(group, "cdf, Imhof and Davies", worst["Q"], 1e-12, "error"),
        Figure(group, "cdf, fractional shapes", worst["G"], 1e-12, "error"),
    ]


def deterministic_sum(n: int) -> WeightedGammaSum:
    """The sum of n terms of the reference table; no random generator is involved."""
    c = np.arange(n)
    shape = 0.3 + 29.7 * np.mod(c * 0.6180339887498949, 1)
    b = np.sin(1.7 * c + 0.3) * (0.2 + np.mod(c * 0.7548776662466927, 1)) / shape
    return WeightedGammaSum(np.round(b, 6), np.round(shape, 6), np.ones(n))


def large_sums(folder: Path) -> list[Figure]:
    """Sums of 8, 64 and 512 terms, far into both tails."""
    rows = read_rows(folder, "deterministic_sums.csv")
    figures = []
    for n in sorted({int(row["n"]) for row in rows}):
        law, own = deterministic_sum(n), [row for row in rows if int(row["n"]) == n]
        x, pdf, cdf, sf = (np.array([float(row[key]) for row in own]) for key in ("x", "pdf", "cdf", "sf"))
        absolute = max(np.max(np.abs(law.pdf(x) - pdf)), np.max(np.abs(law.cdf(x) - cdf)))
        tails = [law.cdf(x, method="contour") / cdf, law.sf(x, method="contour") / sf, law.pdf(x) / pdf]
        relative = np.max(np.abs(np.array(tails) - 1))
        figures.append(Figure(f"{n} terms", "pdf and cdf, absolute", float(absolute), 1e-13, "error"))
        figures.append(Figure(f"{n} terms", "pdf and both tails, relative", float(relative), 1e-10, "error"))
    return figures


def closed_form_divergences(folder: Path) -> list[Figure]:
    """Divergences with a closed form: gammas, generalised gammas, Gumbel laws, zero-inflated gammas."""
    errors = []
    for row in read_rows(folder, "kl_closed_forms.csv"):
        family = getattr(distributions, row["family"])
        p, q = (family(*(float(v) for v in row[key].split(";"))) for key in ("p", "q"))
        errors.append(abs(float(divergence.kl_divergence(p, q)) / float(row["kl"]) - 1))
    return [Figure("Closed forms", f"KL of {len(errors)} pairs, relative", max(errors), 1e-12, "error")]
