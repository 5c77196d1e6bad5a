"""Studies of trained networks: what aggregation does to information, invariance, overfitting and performance.

A study asks one question of all heads of a network (average, max, GeM, flattening) on one dataset with one seed, and
answers with a small record in `results/studies/`. `make runs` makes those that are out of date; chapters read them.
Importing this room does not import torch.
"""

from aggdist.studies.records import (
    StudyError,
    age_of,
    load_studies,
    read_study,
    study_is_current,
    study_path,
    write_study,
)
from aggdist.studies.registry import STUDIES, Study, StudyRun, compute

__all__ = [
    "STUDIES",
    "Study",
    "StudyError",
    "StudyRun",
    "age_of",
    "compute",
    "load_studies",
    "read_study",
    "study_is_current",
    "study_path",
    "write_study",
]
