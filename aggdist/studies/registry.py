"""The studies by name, and one study from its parameters to its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aggdist.provenance import provenance, source_digest

SCHEMA = 1
THREADS = 1
"""Of torch, as in the run table: so its checkpoints are the same."""

_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Study:
    """One question.

    Attributes
    ----------
    name
        Also of its module in this room, which has `measure(run, progress=...) -> dict`.
    title
        For tables.
    sources
        The modules of aggdist, apart from those that train and capture, that its numbers come from.
    """

    name: str
    title: str
    sources: tuple[str, ...] = ()

    def digest(self) -> str:
        """SHA-256 of the study's own module, those it names, and what all studies share."""
        own = (f"studies/{self.name}.py", "studies/heads.py", *self.sources)
        return source_digest(_PACKAGE / name for name in own)


_PREDICTION = tuple(
    f"prediction/{name}.py"
    for name in ("comparison", "divergences", "node_laws", "node_samples", "normal_model", "projected_models")
)

STUDIES: Mapping[str, Study] = MappingProxyType(
    {
        study.name: study
        for study in (
            Study(
                "information",
                "Which pooling keeps more class information (T11)",
                (
                    "aggregation/information_efficiency.py",
                    "aggregation/class_information.py",
                    "prediction/activation_pooling.py",
                ),
            ),
            Study(
                "compactness",
                "What N C numbers keep that C numbers lose (C1)",
                ("prediction/compactness.py", "prediction/head_overfitting.py", "divergence/bounded.py"),
            ),
            Study("invariance", "Shifted inputs (T12, C3)", ("aggregation/shift_bounds.py",)),
            Study(
                "overfitting",
                "Few training examples (T13, C2)",
                ("prediction/head_overfitting.py", "divergence/bounded.py"),
            ),
            Study(
                "performance",
                "From node laws to errors of the classifier (C4)",
                ("prediction/argmax_error.py", *_PREDICTION),
            ),
            Study("epochs", "Node laws while training goes on (C4)", _PREDICTION),
        )
    }
)


@dataclass(frozen=True)
class StudyRun:
    """One study of one network on one dataset with one seed: a row of the run table's `studies`."""

    study: str
    dataset: str
    network: str
    seed: int = 0

    def __post_init__(self) -> None:
        if self.study not in STUDIES:
            raise ValueError(f"unknown study {self.study!r}, expected one of {', '.join(STUDIES)}")
        if self.seed < 0:
            raise ValueError(f"seed: got {self.seed}, expected a whole number of at least 0")

    @property
    def name(self) -> str:
        """Name of the study run and of its record."""
        return f"{self.study}-{self.dataset}-{self.network}-s{self.seed}"


def compute(run: StudyRun, *, progress: bool = True) -> dict[str, Any]:
    """Train (or load) the networks of a study and measure: its record.

    Parameters
    ----------
    run : StudyRun
    progress : bool
        Show progress bars on standard error.

    Returns
    -------
    dict of plain JSON types; see `write_study`.
    """
    from aggdist import datasets

    study = STUDIES[run.study]
    results = import_module(f"aggdist.studies.{run.study}").measure(run, progress=progress)
    return {
        "schema": SCHEMA,
        "name": run.name,
        **asdict(run),
        **results,
        "provenance": provenance(THREADS)
        | {
            "sources": study.digest(),
            "training": training_digest(),
            "data": datasets.specification(run.dataset).digest(),
        },
    }


def training_digest() -> str:
    """What stands for the trained networks of a study: the sources that train, and torch's version."""
    import torch

    from aggdist.networks import source_digest as training_sources

    return f"{training_sources()} torch {torch.__version__}"
