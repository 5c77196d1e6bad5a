"""The report as one page of HTML that needs no other file, and its figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from importlib.resources import files
from io import StringIO
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from aggdist.figures.run_figures import (
    plot_distances,
    plot_ladder,
    plot_node_laws,
    plot_pooled_examples,
    plot_predicted_against_observed,
)
from aggdist.figures.style import MODEL_TITLES

if TYPE_CHECKING:
    from aggdist.own_network.report import Report

Record = Mapping[str, Any]
_STYLE = str(files("aggdist.figures") / "aggdist.mplstyle")

_FIGURES: dict[str, tuple[Callable[[Any], Figure], str, str]] = {
    "divergences": (
        plot_predicted_against_observed,
        "Divergences, predicted and observed",
        "KL (in || out) of every output node in nats. Left the predicted value against the nearest-neighbour estimate "
        "(k = 1) with its 95 % interval, right the same estimator (k = 5) on predicted draws and on the judging "
        "images. On the line the prediction is perfect; hollow marks are saturated: the estimator cannot see so far. "
        "Of many models those of independent channels, of normals and the first are shown.",
    ),
    "errors": (
        plot_ladder,
        "Error by feature model",
        "Median of the relative error of the divergence (matched), over all nodes and over those that are not "
        "saturated. The black line is what a perfect prediction would still show with as many images.",
    ),
    "node_laws": (
        plot_node_laws,
        "Output nodes in class and out of class",
        "Densities of output nodes from the least to the most separated: histograms of the judging images, lines "
        "of the predicted laws.",
    ),
    "pooled_features": (
        plot_pooled_examples,
        "Pooled features",
        "Pooled features given the label, from the best described to the worst: histograms of the judging images, "
        "lines of the fitted laws.",
    ),
    "distances": (
        plot_distances,
        "Fit of the pooled features",
        "Kolmogorov-Smirnov distance of the fitted laws on the judging images, over all classes and channels: median, "
        "quartiles, 5 % and 95 %. The two-sample floor is the distance between both halves of the images.",
    ),
}

_CSS = """
:root{color-scheme:light dark;--ink:#1b1b1b;--paper:#fff;--line:#d8d8d8;--soft:#f4f4f4}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--paper:#191919;--line:#444;--soft:#242424}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;overflow-wrap:anywhere}h2{font-size:1.2rem;margin-top:2rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .7rem;border-bottom:1px solid var(--line);text-align:right}
th:first-child{text-align:left}tbody th{font-weight:inherit}
.narrow td{white-space:nowrap}
figure{margin:1rem 0;padding:.5rem;background:#fff;border-radius:6px}figure svg{max-width:100%;height:auto}
figcaption{color:#333;font-size:.9rem}.notes{background:var(--soft);border-left:4px solid #D55E00;padding:.5rem 1rem}
"""


def figures(record: Record) -> dict[str, Figure]:
    """Every figure of a report by name; matplotlib's settings are left as they were."""
    with plt.style.context(_STYLE):
        return {name: plot(record) for name, (plot, _, _) in _FIGURES.items()}


def page(report: Report) -> str:
    """The page's text."""
    title = f"Output nodes of {report.record['name']}"
    body = [
        f"<h1>{escape(title)}</h1>",
        _notes(report.notes),
        "<h2>The network and the images</h2>",
        _table(("", report.record["name"]), _facts(report)),
        "<h2>Output nodes</h2>",
        _table(*_nodes(report), kind="narrow"),
        "<p>KL (in || out) in nats; observed with a 95 % interval, from the judging images. * marks a saturated node: "
        "at this predicted divergence the estimate is too low.</p>",
        "<h2>How many images are needed</h2>",
        _table(*_sizes(report), kind="narrow"),
        "<p>Median relative error of the divergence over all nodes (matched), by the number of fitting images of each "
        "class. Counting: the estimate from the fitting images themselves, without a model. Attainable: what the first "
        "model shows where it is the truth, from as many images.</p>",
        *_sections(report.record),
        f"<p><small>{escape(_origin(report.record))}</small></p>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _notes(notes: list[str]) -> str:
    if not notes:
        return ""
    return '<ul class="notes">' + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>"


def _facts(report: Report) -> Iterable[tuple[str, ...]]:
    record = report.record
    path, protocol = record["path"], record["protocol"]
    yield "Linear layer", path["head"]
    yield "Maps", f"{path['maps']}: {path['channels']} channels, {path['positions']} positions"
    yield "Aggregation", path["aggregation"]
    yield "Verified", f"to {path['error']:.1e} relative, allowed {path['tolerance']:.0e}"
    yield (
        "Activations",
        f"{100 * path['active']:.0f} % positive, {100 * path['negative']:.0f} % negative (first images)",
    )
    yield "Images", f"{sum(record['counts'])}, {min(record['counts'])} to {max(record['counts'])} per class"
    smallest = f"{min(protocol['fit'])} and {min(protocol['judge'])} of the smallest class"
    yield "Fitting and judging images", f"{smallest}; random halvings: {protocol['splits']}"
    yield "Accuracy among these classes", f"{100 * record['accuracy']:.1f} %"
    yield "Feature models", ", ".join(MODEL_TITLES[name] for name in report.models)
    if "normal" in report.models:
        yield "Covariance of the normals", record["covariance"]


def _nodes(report: Report) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    header = (
        "Class",
        "images",
        "fitted on",
        "judged on",
        "observed",
        *(MODEL_TITLES[n] for n in report.models),
        "AUC",
    )
    rows = []
    for row in report.rows():
        interval = (
            f"{row['observed_raw']:.2f} ({row['observed_raw_low']:.2f} to {row['observed_raw_high']:.2f})"
        )
        cells = [f"{row[f'{n}_kl']:.2f}" + "*" * row[f"{n}_saturated"] for n in report.models]
        sizes = (str(row[key]) for key in ("images", "fit", "judge"))
        rows.append((row["class"], *sizes, interval, *cells, f"{row['observed_auc']:.4f}"))
    return header, rows


def _sizes(report: Report) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    names = [*report.models, "counted", "attainable"]
    header = ("Images", *(MODEL_TITLES[n] for n in report.models), "counting", "attainable")
    rows = [
        (str(row["images"]), *("" if row[n] is None else f"{100 * row[n]:.0f} %" for n in names))
        for row in report.fitting_rows()
    ]
    return header, rows


def _table(header: Iterable[str], rows: Iterable[tuple[str, ...]], kind: str = "wide") -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    lines = [
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    ]
    table = f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="scroll"><table class="{kind}">{table}</table></div>'


def _sections(record: Record) -> Iterable[str]:
    for name, figure in figures(record).items():
        _, title, text = _FIGURES[name]
        yield (
            f"<h2>{escape(title)}</h2><figure>{_svg(figure, name, f'{title}. {text}')}"
            f"<figcaption>{escape(text)}</figcaption></figure>"
        )
        plt.close(figure)


def _svg(figure: Figure, prefix: str, text: str) -> str:
    """The figure as SVG with an alternative text; names get a prefix, for they must be unique on a page."""
    out = StringIO()
    with plt.style.context(_STYLE):
        figure.savefig(out, format="svg", metadata={"Date": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(text)}"', 1)


def _origin(record: Record) -> str:
    origin = record["provenance"]
    packages = ", ".join(f"{name} {version}" for name, version in origin["packages"].items())
    return f"Computed {origin['computed'][:10]} with Python {origin['python']}, {packages}."
