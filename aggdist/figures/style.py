"""The one style of all figures, and the one name, colour and mark of each thing that recurs."""

from __future__ import annotations

import base64
import io
import re
from importlib.resources import files
from typing import Literal

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from aggdist.prediction import FEATURE_MODELS
from aggdist.prediction.activation_models import (
    CorrelatedActivations,
    DependentActivations,
    IndependentActivations,
)

MODEL_TITLES = {name: model.title for name, model in FEATURE_MODELS.items()}
"""Feature models as figures and tables call them."""

TITLES = MODEL_TITLES | {
    model.name: model.title for model in (IndependentActivations, DependentActivations, CorrelatedActivations)
}
"""The same, and the models that are fitted on activations."""

LAW_TITLES = {
    **dict.fromkeys(
        ("projected_gammas", "shrunk_gammas", "shrunk_skew_normals", "shrunk_tails"),
        "zero-inflated generalised gamma",
    ),
    **dict.fromkeys(("decorrelated_gammas", "independent_components"), "shifted gamma"),
    "zero_inflated_gamma": "zero-inflated gamma",
    "gamma": "gamma",
    "normal": "normal",
}
"""Laws of single pooled features, where these are not negative, by feature model."""

COLOURS = {
    "observed": "#8c8c8c",
    "in class": "#0072B2",
    "out of class": "#D55E00",
    "gamma": "#D55E00",
    "zero_inflated_gamma": "#009E73",
    "normal": "#CC79A7",
    "decorrelated_gammas": "#882255",
    "independent_components": "#999933",
    "projected_gammas": "#E69F00",
    "shrunk_gammas": "#B8A000",
    "shrunk_skew_normals": "#56B4E9",
    "shrunk_tails": "#0072B2",
    "activations_iid": "#949494",
    "activations_dependent": "#6b6b6b",
    "activations_correlated": "#404040",
    "exact": "#000000",
    "simulated": "#56B4E9",
}
"""Okabe and Ito's colours (their yellow darkened) and two of Tol's, told apart by colour-blind readers; greys for
activations."""

MARKERS = {
    "gamma": "^",
    "zero_inflated_gamma": "s",
    "normal": "o",
    "decorrelated_gammas": "v",
    "independent_components": "<",
    "projected_gammas": "P",
    "shrunk_gammas": "d",
    "shrunk_skew_normals": "X",
    "shrunk_tails": "D",
    "activations_iid": "p",
    "activations_dependent": "h",
    "activations_correlated": "8",
}
"""Markers by feature model, told apart without colour."""

Line = Literal["--", "-", ":", "-."]
_DASHED: dict[str, Line] = {"gamma": "--", "zero_inflated_gamma": "-.", "normal": ":"}
LINES: dict[str, Line] = {name: _DASHED.get(name, "-") for name in FEATURE_MODELS}
"""No curves but those of the dashed models and of the default one are shown together."""


def use_style() -> None:
    """Set the style for this session: vector figures whose files are the same at every run."""
    plt.style.use(str(files("aggdist.figures") / "aggdist.mplstyle"))
    shell = _shell()
    if shell is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg")  # type: ignore[no-untyped-call]
        # Pages show the SVG; the PDF beside it is for readers who take one figure.
        formatters = shell.display_formatter.formatters  # type: ignore[attr-defined]
        formatters["image/svg+xml"].for_type(Figure, as_svg)
        formatters["application/pdf"].for_type(Figure, _as_pdf)
    mpl.rcParams["svg.hashsalt"] = "aggdist"


# Equal marks of one group, one line each.
_MARKS = re.compile(
    r'<g (clip-path="[^"]+")>\n(<use [^>]+ style="([^"]+)"/>\n(?:<use [^>]+ style="\3"/>\n)+)</g>'
)


def as_svg(figure: Figure) -> str:
    """The figure as SVG: without a date, so that what has not changed is the same file."""
    svg = io.StringIO()
    figure.savefig(svg, format="svg", bbox_inches="tight", metadata={"Date": None})
    return compact_svg(svg.getvalue())


def compact_svg(svg: str) -> str:
    """A figure of matplotlib in a fifth fewer bytes.

    No comments or indentation, places to a hundredth of a point, and one style for a group of equal marks, which they
    inherit.
    """
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(?<= d=")[^"]+|(?<= [xy]=")[^"]+', lambda place: _rounded(place[0]), svg)
    return _MARKS.sub(_with_one_style, re.sub(r"\s*\n\s*", "\n", svg))


def _with_one_style(found: re.Match[str]) -> str:
    clip, marks, style = found.groups()
    return f'<g {clip} style="{style}">\n' + marks.replace(f' style="{style}"', "") + "</g>"


def _rounded(places: str) -> str:
    return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), places)


def _as_pdf(figure: Figure) -> str:
    """The figure as PDF without a date, in base64 as notebooks hold it."""
    pdf = io.BytesIO()
    figure.savefig(pdf, format="pdf", bbox_inches="tight", metadata={"CreationDate": None})
    return base64.b64encode(pdf.getvalue()).decode("ascii")


def _shell() -> object | None:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell: object | None = get_ipython()
    return shell
