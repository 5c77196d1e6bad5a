"""The table, the exit code and the file of the benchmark, with measurements that a test makes up."""

from __future__ import annotations

import json

import pytest

from aggdist.bench import estimators, report, start_up, timing
from aggdist.bench.figure import Figure

GOOD = Figure("Group", "an error", 1e-15, 1e-13, "error")
SLOW = Figure("Group", "a time", 120.0, 100.0, "time", "ms")
RATIO = Figure("Other", "faster than that", 1234.5, 1000.0, "ratio", "times")
WRONG = Figure("Other", "another error", 1e-3, 1e-6, "error")


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """Run the benchmark with the given figures in place of all measurements."""
    for module, name in (
        (report.accuracy, "large_sums"),
        (report.accuracy, "closed_form_divergences"),
        (report.node_laws, "figures"),
        (report.node_divergences, "figures"),
        (report.node_divergences, "by_channels"),
        (report.estimators, "nearest_neighbour"),
        (report.estimators, "gamma_fit"),
        (report.start_up, "figures"),
    ):
        monkeypatch.setattr(module, name, lambda *args: [])
    monkeypatch.setattr(timing, "yardsticks", lambda: {"log, ns a number": 6.5})

    def run(*figures):
        monkeypatch.setattr(report.accuracy, "reference_sums", lambda folder: list(figures))
        return report.run(tmp_path), json.loads((tmp_path / "build" / "bench.json").read_text())

    return run


def test_a_slow_machine_does_not_fail_it(measured, capsys):
    code, written = measured(GOOD, SLOW, RATIO)
    assert code == 0
    assert [figure["verdict"] for figure in written["figures"]] == ["reached", "slower", "reached"]
    assert written["threads"] == 1
    assert written["yardsticks"] == {"log, ns a number": 6.5}
    out = capsys.readouterr().out
    assert "2 of 3 figures reached." in out
    assert "not reached: Group: a time (a time or ratio, which may be the machine's load)" in out
    assert ">= 1000 times" in out
    assert "numpy" in out


def test_a_missed_accuracy_fails_it(measured, capsys):
    code, written = measured(GOOD, WRONG)
    assert code == 1
    assert written["figures"][1]["verdict"] == "MISSED"
    assert "not reached: Other: another error (the benchmark fails)" in capsys.readouterr().out


def test_estimators_agree_with_other_packages(monkeypatch):
    for name, size in {"SAMPLE": 400, "SMALL": 300, "CHANNELS": 3, "OBSERVATIONS": 500}.items():
        monkeypatch.setattr(estimators, name, size)
    monkeypatch.setattr(estimators, "least_ms", lambda function, *budget: timing.once_ms(function))
    figures = [*estimators.nearest_neighbour(), *estimators.gamma_fit()]
    assert not any(figure.fails for figure in figures)
    assert sum(figure.kind == "error" for figure in figures) == 2


def test_times_are_positive_and_repeated():
    calls = []
    assert timing.least_ms(lambda: calls.append(sum(range(1000))), budget=0.0) > 0
    assert len(calls) == 4
    assert set(timing.yardsticks()) == {"log, ns a number", "arctan, ns a number", "matrix product, Gflop/s"}


def test_start_up_is_a_difference_to_an_empty_interpreter(monkeypatch):
    monkeypatch.setattr(start_up, "interpreter_ms", lambda code: 10.0 if code == "pass" else 30.0)
    assert [figure.measured for figure in start_up.figures()] == [20.0] * 3
    assert timing.interpreter_ms("pass", repetitions=1) > 0
