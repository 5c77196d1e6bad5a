"""Two records of one run are compared quantity by quantity, within the spread that is measured over seeds."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist import verify
from aggdist.experiment import SCHEMA, RecordError, RunParameters, read_record
from aggdist.verify import (
    DEVIATIONS,
    LEAST,
    QUANTITIES,
    compare_records,
    group_of,
    groups_of,
    value_of,
)

MODEL = "shrunk_tails"
OWN = (0, 1, 2)


def record(aggregation="avg", seed=0, factor=1.0, **changes):
    """A record with the numbers that are compared, all of them proportional to `factor`."""
    parameters = {
        "dataset": "digits", "network": "digitcnn", "aggregation": aggregation, "seed": seed, "fit_per_class": 500,
        "splits": 20, "draws": 10, "epochs": 0, "threads": 1,
    }  # fmt: skip
    model = {
        "kl": [factor * 2, factor * 9, factor * 3],
        "all_nodes_matched_error": 0.05 * factor,
        "all_nodes_raw_error": 0.5 * factor,
        "auc_error": 0.01 * factor,
    }
    return {
        "schema": SCHEMA,
        "name": f"digits-digitcnn-{aggregation}-s{seed}",
        "test_accuracy": 0.5 * factor,
        "parameters": parameters,
        "pooled": {"mean_ks": {"floor": 0.1 * factor, MODEL: 0.2 * factor, "normal": 0.3 * factor}},
        "nodes": {
            "reference": MODEL,
            "observed": {"raw": [4 * factor, 8 * factor]},
            "models": {MODEL: model, "normal": {"all_nodes_matched_error": 0.06 * factor}},
        },
        "provenance": {"analysis": "a", "checkpoint": "c"},
    } | changes


def seeds(aggregation="avg", factors=(1.0, 1.1, 1.2), **changes):
    return [record(aggregation, seed, factor, **changes) for seed, factor in enumerate(factors)]


def changed(original, quantity, value):
    """A copy with another value of one quantity."""
    copied = copy.deepcopy(original)
    place = copied
    keys = [MODEL if key == "@reference" else key for key in quantity.keys]
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = [value] if isinstance(place[keys[-1]], list) else value
    return copied


def test_quantities_are_read_and_lists_give_their_median():
    values = [value_of(record(), quantity, MODEL) for quantity in QUANTITIES]
    assert values == [0.5, 0.1, 0.2, 6.0, 3.0, 0.05, 0.5, 0.01, 0.06]
    assert len({quantity.title for quantity in QUANTITIES}) == len(QUANTITIES)


def test_what_is_not_there_is_none_and_the_word_inf_is_a_number():
    raw = next(q for q in QUANTITIES if q.keys[-1] == "raw")
    error = next(q for q in QUANTITIES if q.keys[-1] == "all_nodes_raw_error")
    assert value_of(record(), error, "gamma") is None
    assert value_of(record() | {"nodes": None}, error, MODEL) is None
    assert value_of(changed(record(), error, None), error, MODEL) is None
    assert value_of(changed(record(), error, "inf"), error, MODEL) == np.inf
    nodes = {"observed": {"raw": ["inf", 1.0, "inf"]}}
    assert value_of({"nodes": nodes}, raw, MODEL) == np.inf


def test_a_group_differs_in_seed_alone():
    odd = record("gem", 2)
    odd["parameters"] = odd["parameters"] | {"splits": 5}
    older = [record("max", 0), record("max", 1), record("max", 2, schema=1)]
    groups = groups_of([*reversed(seeds()), record("gem", 0), record("gem", 1), odd, *older])
    assert [group.title for group in groups] == ["digits-digitcnn-avg (seeds 0, 1, 2)"]
    assert group_of(record(seed=7), groups) == groups[0]
    assert group_of(odd, groups) is None
    assert group_of(record(schema=1), groups) is None


def test_the_same_record_is_confirmed_and_what_is_allowed_is_that_of_its_own_group():
    other = seeds("max", (1.0, 2.0, 3.0))
    compared = compare_records(record(), record(), groups_of([*other, *seeds()]))
    assert all(row.good for row in compared)
    for row in compared:
        # Standard deviation of 1, 1.1 and 1.2 times the value.
        assert row.allowed == pytest.approx(DEVIATIONS * 0.1 * row.committed, rel=1e-12)
        assert row.spread_of == "of digits-digitcnn-avg (seeds 0, 1, 2)"


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.title)
@pytest.mark.parametrize(("factor", "good"), [(1.299, True), (1.301, False), (0.701, True), (0.699, False)])
def test_each_quantity_alone_may_differ_by_three_deviations_and_no_more(quantity, factor, good):
    now = changed(record(), quantity, factor * value_of(record(), quantity, MODEL))
    compared = {row.title: row for row in compare_records(record(), now, groups_of(seeds()))}
    assert compared.pop(quantity.title).verdict == ("ok" if good else "OUT")
    assert all(row.good for row in compared.values())


def test_without_an_own_group_it_is_the_largest_relative_spread():
    groups = groups_of([*seeds("max", (1.0, 1.1, 1.2)), *seeds("gem", (10.0, 10.1, 10.2))])
    compared = compare_records(record(factor=2.0), record(factor=2.0), groups)
    for row in compared:
        assert row.allowed == pytest.approx(DEVIATIONS * (0.1 / 1.1) * row.committed, rel=1e-12)
        assert row.spread_of == "relative to the mean, of digits-digitcnn-max (seeds 0, 1, 2)"


def test_without_a_spread_a_tiny_relative_difference_is_allowed():
    groups = groups_of(seeds(factors=(1.0, 1.0, 1.0)))
    inside, outside = record(factor=1 + LEAST / 2), record(factor=1 + 2 * LEAST)
    assert all(row.allowed == LEAST * row.committed for row in compare_records(record(), record(), groups))
    assert all(row.good for row in compare_records(record(), inside, groups))
    assert {row.verdict for row in compare_records(record(), outside, groups)} == {"OUT"}
    without = compare_records(record("max"), record("max", factor=1 + 2 * LEAST), groups)
    assert {row.verdict for row in without} == {"OUT"}


def test_a_group_that_lacks_a_quantity_does_not_measure_its_spread():
    auc = next(q for q in QUANTITIES if q.keys[-1] == "auc_error")
    own = seeds()
    own[1] = changed(own[1], auc, "inf")
    rows = {row.title: row for row in compare_records(record(), record(), groups_of(own))}
    assert rows[auc.title].allowed is None
    assert rows[auc.title].good  # the very same value needs no spread
    now = changed(record(), auc, 0.0101)
    rows = {row.title: row for row in compare_records(record(), now, groups_of(own))}
    assert rows[auc.title].verdict == "no spread known"
    rows = {row.title: row for row in compare_records(record(), now, groups_of([*own, *seeds("max")]))}
    assert rows[auc.title].spread_of.endswith("digits-digitcnn-max (seeds 0, 1, 2)")
    assert rows[auc.title].good


def test_what_one_of_the_records_lacks_is_not_confirmed():
    groups = groups_of(seeds())
    lost = record()
    del lost["nodes"]["models"]["normal"], lost["nodes"]["models"][MODEL]
    before = [row.verdict for row in compare_records(lost, record(), groups)]
    after = [row.verdict for row in compare_records(record(), lost, groups)]
    assert before == ["ok"] * 4 + ["not in the record"] * 5
    assert after == ["ok"] * 4 + ["not computed now"] * 5
    older = {key: value for key, value in record().items() if key != "nodes"}
    assert not any(row.good for row in compare_records(older, record(), groups)[2:])


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [("inf", "inf", "ok"), ("inf", 0.5, "no spread known"), (0.5, "inf", "OUT"), (0.5, "nan", "OUT")],
)
def test_infinite_values_are_confirmed_by_infinite_ones_only(before, now, verdict):
    error = next(q for q in QUANTITIES if q.keys[-1] == "all_nodes_raw_error")
    records = (changed(record(), error, value) for value in (before, now))
    rows = {row.title: row for row in compare_records(*records, groups_of(seeds()))}
    assert rows[error.title].verdict == verdict


@given(
    st.lists(st.floats(0.5, 2), min_size=3, max_size=6),
    st.floats(0.5, 2),
    st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_the_verdict_does_not_depend_on_the_unit(factors, now, unit):
    def verdicts(scale):
        group = seeds(factors=[scale * factor for factor in factors])
        return [
            row.allowed for row in compare_records(group[0], record(factor=scale * now), groups_of(group))
        ]

    np.testing.assert_allclose(np.array(verdicts(unit)) / unit, verdicts(1.0), rtol=1e-9)


def test_the_made_run_is_written_with_the_parameters_that_were_given(tmp_path, monkeypatch):
    seen = []

    def run(parameters, *, progress):
        seen.append((parameters, progress))
        return record()

    monkeypatch.setattr(verify, "run", run)
    verify.make(json.dumps(record()["parameters"]), str(tmp_path / "x.json"))
    assert seen == [(RunParameters("digits", "digitcnn", "avg"), False)]
    assert read_record(tmp_path / "x.json") == record()
    with pytest.raises(RecordError, match="is missing"):
        read_record(tmp_path / "y.json")
