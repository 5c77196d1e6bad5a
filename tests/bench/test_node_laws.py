"""The problem of a thousand nodes in small: three independent routes, the table's errors, what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.bench import node_laws, peers
from aggdist.distributions import WeightedGammaSum


@pytest.fixture
def small(monkeypatch):
    """The benchmark with few nodes, features and points."""
    sizes = {"NODES": 20, "CHANNELS": 48, "POINTS": 32, "INFLATED_NODES": 4, "JUDGED": 2, "_QUAD_POINTS": 1}
    for name, size in sizes.items():
        monkeypatch.setattr(node_laws, name, size)
    monkeypatch.setattr(node_laws, "least_ms", lambda function, *budget: node_laws.once_ms(function))


needs_openturns = pytest.mark.skipif(not peers.has_openturns(), reason="OpenTURNS has no wheel here")


@needs_openturns
@pytest.mark.filterwarnings("ignore")  # what OpenTURNS says about itself
def test_the_routes_agree(small):
    law = node_laws.plain_problem()[np.arange(2)]
    terms, table = node_laws.terms_of(law, 1), law.tabulate(9)
    x, std = table.x[1:-1, 1], law.std()[1]
    fine = peers.plain_sums(terms, x)
    np.testing.assert_allclose(table.pdf[1:-1, 1] * std, fine[0] * std, atol=1e-13)
    np.testing.assert_allclose(table.cdf[1:-1, 1], fine[1], atol=1e-13)
    for other, error in ((peers.quad_sums, 1e-9), (peers.openturns_sums, 1e-12)):
        pdf, cdf = other(terms, x)
        np.testing.assert_allclose(pdf * std, fine[0] * std, atol=error)
        np.testing.assert_allclose(cdf, fine[1], atol=error)


@needs_openturns
@pytest.mark.filterwarnings("ignore")
def test_figures_of_the_small_problem(small):
    lines = []
    figures = node_laws.figures(lines.append)
    assert [figure.kind for figure in figures].count("error") == 5
    assert not any(figure.fails for figure in figures)
    assert len(lines) == 2


def test_without_openturns_it_is_left_out_and_said_so(small, monkeypatch):
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    lines = []
    figures = node_laws.figures(lines.append)
    assert "OpenTURNS is not installed, so it is left out: pip install" in lines[1]
    assert not any("OpenTURNS" in figure.name for figure in figures)


def test_a_slightly_wrong_table_is_caught(small, monkeypatch):
    right = WeightedGammaSum.tabulate

    def wrong(self, *args):
        table = right(self, *args)
        return table._replace(pdf=table.pdf * (1 + 1e-10), cdf=table.cdf + 1e-12)

    monkeypatch.setattr(WeightedGammaSum, "tabulate", wrong)
    for law in (node_laws.plain_problem(), node_laws.inflated_problem()):
        assert min(node_laws.errors(law, 32)) > 1e-13
