"""The one style of all figures, and the one colour of each thing that recurs."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

import matplotlib as mpl
import matplotlib.pyplot as plt

COLOURS = {
    "observed": "#8c8c8c",
    "in class": "#0072B2",
    "out of class": "#D55E00",
    "gamma": "#D55E00",
    "zero_inflated_gamma": "#009E73",
    "normal": "#CC79A7",
    "exact": "#000000",
    "simulated": "#56B4E9",
}
"""Okabe and Ito's colours, told apart by colour-blind readers."""

MARKERS = {"gamma": "^", "zero_inflated_gamma": "s", "normal": "o"}
LINES: dict[str, Literal["--", "-", ":"]] = {"gamma": "--", "zero_inflated_gamma": "-", "normal": ":"}


def use_style() -> None:
    """Set the style for this session: vector figures whose files are the same at every run."""
    plt.style.use(str(files("aggdist.figures") / "aggdist.mplstyle"))
    shell = _shell()
    if shell is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # No date and no random identifiers: a figure that has not changed is the same file.
        formats = {"bbox_inches": "tight", "metadata": {"Date": None}}
        set_matplotlib_formats("svg", **formats)  # type: ignore[no-untyped-call]
    mpl.rcParams["svg.hashsalt"] = "aggdist"


def _shell() -> object | None:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell: object | None = get_ipython()
    return shell
