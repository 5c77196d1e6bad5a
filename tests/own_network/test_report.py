"""The report: table, file, page, figures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import aggdist
from aggdist.own_network import Report, ReportError

FIGURES = ["divergences", "errors", "node_laws", "pooled_features", "distances"]


@pytest.fixture(scope="module")
def reports(make_bare, make_maps):
    """One with the usual models and enough images for a second size, one of signed features."""
    choices = {
        "progress": False,
        "splits": 1,
        "draws": 2,
        "class_names": ["cat", "<dog>", "cow"],
        "name": "R&D",
    }
    positive = aggdist.analyse(make_bare(channels=12), make_maps(per_class=120, channels=12), **choices)
    with pytest.warns(UserWarning, match="features are negative"):
        signed = aggdist.analyse(make_bare(), make_maps(per_class=60, signed=True), **choices)
    return {"positive": positive, "signed": signed}


def test_table(reports):
    table = reports["positive"].to_dataframe()
    assert list(table.index) == ["cat", "<dog>", "cow"]
    assert list(table.columns[:3]) == ["images", "fit", "judge"]
    assert table["images"].tolist() == [120, 120, 120]
    assert (table["observed_raw_low"] <= table["observed_raw_high"]).all()
    models = ("shrunk_tails", "zero_inflated_gamma", "normal")
    ends = ("kl", "matched", "bounded", "auc", "saturated", "kl_50_images", "kl_all_images")
    assert list(table.columns[9:]) == [f"{name}_{end}" for name in models for end in ends]
    assert (table["observed_bounded"] <= np.log(3) + 0.1).all()  # log of one over the share of a class


def test_errors_by_number_of_fitting_images(reports):
    few, most = reports["positive"].fitting_rows()
    assert (few["images"], most["images"]) == (50, 60)
    nodes = reports["positive"].record["nodes"]
    for row, found in ((few, nodes["fewer"]["50"]), (most, nodes)):
        assert row["counted"] == found["counted"]["all_nodes_matched_error"]
        assert row["attainable"] == found["attainable"]["all_nodes_matched_error"]
        for name in reports["positive"].models:
            assert row[name] == found["models"][name]["all_nodes_matched_error"]
    assert len(reports["signed"].fitting_rows()) == 1


def test_an_attainable_error_that_is_not_known(reports):
    record = json.loads(json.dumps(reports["signed"].record))
    record["nodes"]["attainable"] = {}
    assert Report(record).fitting_rows()[0]["attainable"] is None
    assert "<td></td>" in Report(record).to_html()


def test_in_words(reports):
    text = repr(reports["signed"])
    assert text.startswith("Report on R&D: avg of trunk (4 channels, 9 positions), then fc\n  verified to ")
    assert "180 images of 3 classes, accuracy among them " in text
    first, second = (
        text.index(f"  {name}: median relative error of the KL ") for name in ("shrunk_tails", "normal")
    )
    assert first < second
    assert "  counting in the fitting images: " in text
    assert "  note: features are negative" in text
    assert "images of each class" not in text
    assert "  from 50 images of each class: shrunk_tails " in repr(reports["positive"])


def test_file(reports, tmp_path):
    path = reports["positive"].save(tmp_path / "sub" / "report.json")
    again = Report.load(path)
    assert again.record == json.loads(json.dumps(reports["positive"].record))
    assert again.to_dataframe().equals(reports["positive"].to_dataframe())
    assert [p.name for p in path.parent.iterdir()] == ["report.json"]


def test_reading_needs_no_torch(reports, tmp_path):
    path = reports["positive"].save(tmp_path / "report.json")
    code = f"import sys, aggdist; r = aggdist.Report.load({str(path)!r}); r.rows(); print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_bad_files(tmp_path):
    with pytest.raises(ReportError, match=r"none\.json cannot be read"):
        Report.load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(ReportError, match=r"bad\.json cannot be read"):
        Report.load(tmp_path / "bad.json")
    for text, found in (("{}", "None"), ("[]", "list"), ('{"report": 1}', "1")):
        (tmp_path / "other.json").write_text(text, encoding="utf-8")
        with pytest.raises(ReportError, match=f"of schema {found}, expected 2"):
            Report.load(tmp_path / "other.json")


@pytest.mark.parametrize("kind", ["positive", "signed"])
def test_figures(reports, kind):
    before = mpl.rcParams["font.size"], mpl.rcParams["axes.grid"]
    figures = reports[kind].figures()
    assert list(figures) == FIGURES
    legend = [t.get_text() for t in figures["pooled_features"].legends[0].get_texts()]
    laws = {
        "positive": ["zero-inflated generalised gamma", "zero-inflated gamma", "normal"],
        "signed": ["normal"],  # of the default model too
    }[kind]
    assert legend == ["held-out images", *laws]
    rows = [t.get_text() for t in figures["distances"].axes[0].get_yticklabels()]
    assert rows == ["two-sample floor", *laws]
    bars = [t.get_text() for t in figures["errors"].axes[0].get_yticklabels()]
    assert len(bars) == len(reports[kind].models)
    assert "normal-inverse Gaussians, shrunk" in bars
    for figure in figures.values():
        figure.draw_without_rendering()
        plt.close(figure)
    assert (mpl.rcParams["font.size"], mpl.rcParams["axes.grid"]) == before


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.labels, self.loads = [], [], [], []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.labels += [given["aria-label"]] if tag == "svg" else []
        self.loads += [given[k] for k in ("src", "href", "xlink:href") if k in given and given[k][0] != "#"]


@pytest.mark.parametrize("kind", ["positive", "signed"])
def test_page(reports, kind, tmp_path):
    text = reports[kind].to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == text
    page = _Page()
    page.feed(text)
    assert page.tags.count("svg") == len(FIGURES)
    assert all(len(label) > 60 for label in page.labels)
    assert not page.loads
    assert len(set(page.ids)) == len(page.ids)
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', text)) <= set(page.ids)
    assert "&lt;dog&gt;" in text
    assert "R&amp;D" in text
    assert (
        text.count("normal-inverse Gaussians, shrunk</th>") == 2
    )  # of the nodes, and of the numbers of images
    assert (kind == "signed") == ('class="notes"' in text)
    assert not plt.get_fignums()
