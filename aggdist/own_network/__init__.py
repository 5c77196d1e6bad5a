"""A person's own network: find where it aggregates, capture, predict, judge and report.

`analyse` does all of it in one call. Reading a saved `Report` needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aggdist.own_network.report import Report, ReportError

if TYPE_CHECKING:
    from aggdist.own_network.diagnosis import PathError
    from aggdist.own_network.find import HeadPath, find_path
    from aggdist.own_network.head import with_head
    from aggdist.own_network.one_call import analyse, analyse_capture
    from aggdist.own_network.one_pass import FeatureCapture, capture_features
    from aggdist.own_network.processes import gather

__all__ = [
    "FeatureCapture",
    "HeadPath",
    "PathError",
    "Report",
    "ReportError",
    "analyse",
    "analyse_capture",
    "capture_features",
    "find_path",
    "gather",
    "with_head",
]

_NEED_TORCH = {
    "FeatureCapture": "one_pass",
    "HeadPath": "find",
    "PathError": "diagnosis",
    "analyse": "one_call",
    "analyse_capture": "one_call",
    "capture_features": "one_pass",
    "find_path": "find",
    "gather": "processes",
    "with_head": "head",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for (PEP 562)."""
    if name not in _NEED_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_NEED_TORCH[name]}"), name)
