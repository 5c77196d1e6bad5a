"""Datasets by name: train and test arrays, each checked by SHA-256, cached as `.npz` under `data_folder()`.

`load("digits")` always works; the others are fetched once: `fetch("mnist")`, or
`python -m aggdist datasets fetch mnist`. Importing this room imports neither torch nor scikit-learn.
"""

from __future__ import annotations

# Having it
from aggdist.datasets.cache import DatasetError, DatasetMissing, cache_file
from aggdist.datasets.dataset import Dataset, Recordings, is_available, load, status

# Getting it
from aggdist.datasets.fetch import fetch

# What a dataset is
from aggdist.datasets.specification import DATASETS, ArraySpec, Citation, DatasetSpec, specification

# Taking less of it
from aggdist.datasets.subset import with_fewer_examples

__all__ = [
    "DATASETS",
    "ArraySpec",
    "Citation",
    "Dataset",
    "DatasetError",
    "DatasetMissing",
    "DatasetSpec",
    "Recordings",
    "cache_file",
    "fetch",
    "is_available",
    "load",
    "specification",
    "status",
    "with_fewer_examples",
]
