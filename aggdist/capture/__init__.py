"""One pass over (images, labels): mergeable accumulators per class, and the pooled features.

The accumulators need numpy alone; `capture`, `captured` and `capture_key` import torch when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aggdist.capture.activations import ActivationStatistics
from aggdist.capture.extract import Extract, ExtractError, load_extract
from aggdist.capture.images import ImageSums, image_sums
from aggdist.capture.statistics import MarginalStatistics, PooledStatistics
from aggdist.capture.stored import Captured, CaptureError, load_captured

if TYPE_CHECKING:
    from aggdist.capture.cached import capture_folder, capture_key, captured
    from aggdist.capture.forward import capture
    from aggdist.capture.in_halves import CapturedHalves, captured_in_halves

__all__ = [
    "ActivationStatistics",
    "CaptureError",
    "Captured",
    "CapturedHalves",
    "Extract",
    "ExtractError",
    "ImageSums",
    "MarginalStatistics",
    "PooledStatistics",
    "capture",
    "capture_folder",
    "capture_key",
    "captured",
    "captured_in_halves",
    "image_sums",
    "load_captured",
    "load_extract",
]

_NEED_TORCH = {
    "capture": "aggdist.capture.forward",
    "captured": "aggdist.capture.cached",
    "captured_in_halves": "aggdist.capture.in_halves",
    "CapturedHalves": "aggdist.capture.in_halves",
    "capture_folder": "aggdist.capture.cached",
    "capture_key": "aggdist.capture.cached",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for (PEP 562)."""
    if name not in _NEED_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_NEED_TORCH[name]), name)
