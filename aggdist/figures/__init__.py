"""Figures and tables in one style, for notebooks and book alike. Needs matplotlib."""

from aggdist.figures.run_figures import (
    plot_distances,
    plot_ladder,
    plot_node_laws,
    plot_pooled_examples,
    plot_predicted_against_observed,
)
from aggdist.figures.run_tables import node_table, provenance_text, summary
from aggdist.figures.style import COLOURS, LINES, MARKERS, use_style

__all__ = [
    "COLOURS",
    "LINES",
    "MARKERS",
    "node_table",
    "plot_distances",
    "plot_ladder",
    "plot_node_laws",
    "plot_pooled_examples",
    "plot_predicted_against_observed",
    "provenance_text",
    "summary",
    "use_style",
]
