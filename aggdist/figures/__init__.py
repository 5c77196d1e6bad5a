"""Figures and tables in one style, for notebooks and book alike. Needs matplotlib."""

from aggdist.figures.run_figures import (
    plot_assumptions,
    plot_distances,
    plot_ladder,
    plot_node_laws,
    plot_pooled_examples,
    plot_predicted_against_observed,
    plot_sizes,
)
from aggdist.figures.run_tables import (
    assumptions_table,
    models_table,
    node_table,
    provenance_text,
    sizes_text,
    summary,
)
from aggdist.figures.style import COLOURS, LINES, MARKERS, TITLES, use_style

__all__ = [
    "COLOURS",
    "LINES",
    "MARKERS",
    "TITLES",
    "assumptions_table",
    "models_table",
    "node_table",
    "plot_assumptions",
    "plot_distances",
    "plot_ladder",
    "plot_node_laws",
    "plot_pooled_examples",
    "plot_predicted_against_observed",
    "plot_sizes",
    "provenance_text",
    "sizes_text",
    "summary",
    "use_style",
]
