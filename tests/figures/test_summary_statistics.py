"""Every number of the summary against an independent computation, on small records."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aggdist.figures import summary_records
from aggdist.figures import summary_statistics as statistics
from aggdist.prediction import DEFAULT_MODEL


class TestParts:
    def test_sizes_that_a_run_has_and_has_not(self, make_record):
        one = make_record(few=("50",))
        assert summary_records.fitted_on(one, "most") is one["nodes"]
        assert summary_records.fitted_on(one, "50") is one["nodes"]["fewer"]["50"]
        assert summary_records.fitted_on(one, "200") is None

    @pytest.mark.parametrize(("size", "factor"), [("most", 1), ("50", 2), ("200", 0.5)])
    def test_numbers_of_models_counting_and_what_is_attainable(self, make_record, size, factor):
        one = make_record()
        assert statistics.model_number(one, "normal", "matched_error", size) == pytest.approx(0.0712 * factor)
        assert statistics.counting_error(one, size) == pytest.approx(0.1 * factor)
        assert statistics.attainable_error(one, size) == pytest.approx(0.05 * factor)

    def test_a_saturated_run_and_a_small_one_say_nothing(self, make_record):
        for one, size in ((make_record(saturated=4), "most"), (make_record(few=()), "50")):
            assert statistics.model_number(one, DEFAULT_MODEL, "matched_error", size) is None
            assert statistics.counting_error(one, size) is None
            assert statistics.attainable_error(one, size) is None

    def test_what_cannot_be_simulated_is_not_there(self, make_record):
        one = make_record()
        one["nodes"]["attainable"] = {}
        assert statistics.attainable_error(one) is None

    def test_an_infinite_number_is_stored_as_the_word(self, make_record):
        one = make_record()
        one["nodes"]["models"]["gamma"]["matched_error"] = "inf"
        assert statistics.model_number(one, "gamma", "matched_error") == np.inf
        assert list(summary_records.numbers(["inf", 2])) == [np.inf, 2.0]

    def test_a_record_without_a_model_is_an_error(self, make_record):
        one = make_record()
        del one["nodes"]["models"]["normal"]
        with pytest.raises(ValueError, match=r"without the feature model normal.*runs --only fashionmnist-"):
            statistics.model_number(one, "normal", "matched_error")

    @pytest.mark.parametrize(("a", "b", "quotient"), [(1.0, 4.0, 0.25), (None, 1.0, None), (1.0, None, None)])
    def test_a_ratio_of_numbers_that_may_be_missing(self, a, b, quotient):
        assert statistics.ratio(a, b) == quotient

    def test_median_over_the_runs_that_have_a_number(self, records):
        known = [0.3, None, 0.1, 0.2, None, 0.9, None, None, None, None][: len(records)]
        values = dict(zip((r["name"] for r in records), known, strict=True))
        found = summary_records.median_over(records, lambda run: values[run["name"]])
        assert found == pytest.approx(np.median([v for v in known if v is not None]))
        assert summary_records.median_over(records, lambda run: None) is None


class TestRuns:
    def test_which_runs_are_left_out(self, records):
        assert [r["dataset"] for r in statistics.all_saturated(records)] == ["mnist"]
        assert {r["dataset"] for r in statistics.without_size(records, "50")} == {"digits", "fsdd"}

    def test_runs_that_differ_in_the_seed_alone(self, records):
        (group,) = statistics.seed_groups(records)
        assert [r["name"] for r in group] == [f"digits-digitcnn-avg-s{seed}" for seed in range(3)]

    def test_distance_above_the_floor(self, make_record):
        assert statistics.distance_excess(make_record(excess=-0.01), DEFAULT_MODEL) == pytest.approx(-0.01)

    def test_an_exactly_known_law_is_below_the_two_sample_floor(self, make_record):
        one, rng = make_record(), np.random.default_rng(1)
        one["protocol"] |= {"fit": [60] * 4, "judge": [30] * 4}
        two, single = [], []
        for _ in range(400):
            x, y = rng.random(60), rng.random(30)
            two.append(stats.ks_2samp(x, y).statistic)
            single.append(stats.kstest(y, "uniform").statistic)
        one["pooled"]["mean_ks"]["floor"] = float(np.mean(two))
        expected = np.mean(single) - np.mean(two)
        assert statistics.exact_law_excess(one) == pytest.approx(expected, abs=0.012)
        assert statistics.exact_law_excess(one) < -0.03

    def test_errors_of_nodes_and_of_rungs(self, make_record):
        one = make_record(errors={"normal": 0.2})
        assert statistics.node_errors(one, "normal") == pytest.approx([0.2] * 4)
        ladder = one["ladder"]
        ladder["rungs"]["activations_iid"]["matched"] = [4.0, 4.5, 5.0, 800.0]  # the last node is saturated
        assert statistics.rung_error(one, "activations_iid") == pytest.approx(0.5)
        assert statistics.rung_error(make_record(saturated=4), "activations_iid") is None


class TestRanks:
    def test_nodes_are_pooled_by_dataset_with_and_without_saturated_ones(self, make_record):
        runs = [
            make_record("avg", observed=(1.0, 2.0, 5.0, 9.0)),
            make_record("max", observed=(1.5, 2.5, 3.0, 8.0)),
            make_record("avg", dataset="mnist"),
        ]
        predicted = [[1.2, 1.9, 4.0, 30.0], [1.1, 2.6, 6.0, 20.0]]
        for run, kl in zip(runs, predicted, strict=False):
            run["nodes"]["models"][DEFAULT_MODEL]["kl"] = kl
        found = statistics.rank_correlations(runs, lambda run: DEFAULT_MODEL)["fashionmnist"]
        observed = [[1.0, 2.0, 5.0, 9.0], [1.5, 2.5, 3.0, 8.0]]
        ranks = [stats.rankdata(np.ravel(v)) for v in (predicted, observed)]
        assert found.all_nodes == pytest.approx(np.corrcoef(*ranks)[0, 1])
        ranks = [stats.rankdata(np.array(v)[:, :3].ravel()) for v in (predicted, observed)]
        assert found.unsaturated == pytest.approx(np.corrcoef(*ranks)[0, 1])
        assert (found.count, found.count_unsaturated) == (8, 6)

    def test_two_nodes_have_no_rank_correlation(self, make_record):
        found = statistics.rank_correlations([make_record(saturated=2)], lambda run: "normal")
        assert found["fashionmnist"].unsaturated is None
        assert found["fashionmnist"].all_nodes == pytest.approx(1.0)

    def test_an_infinite_prediction_ranks_last(self, make_record):
        one = make_record()
        one["nodes"]["models"][DEFAULT_MODEL]["kl"][3] = "inf"
        found = statistics.rank_correlations([one], lambda run: DEFAULT_MODEL)
        assert found["fashionmnist"].all_nodes == pytest.approx(1.0)


class TestFitting:
    @given(st.floats(0.2, 10.0), st.integers(10, 5000))
    def test_the_mean_of_few_images_moves_a_divergence_of_normals(self, kl, n):
        delta, step = np.sqrt(2 * kl), 1e-4
        slope = ((delta + step) ** 2 - (delta - step) ** 2) / (4 * step)  # of delta^2/2
        assert statistics.mean_shift_error(kl, n) == pytest.approx(slope / np.sqrt(n) / kl, rel=1e-6)

    def test_the_scatter_of_means_is_what_it_says(self):
        rng, delta, n = np.random.default_rng(3), 2.5, 400
        kl = (delta + rng.normal(size=20_000) / np.sqrt(n)) ** 2 / 2
        expected = statistics.mean_shift_error(delta**2 / 2, n)
        assert np.std(kl) / np.mean(kl) == pytest.approx(expected, rel=0.03)

    def test_rough_law_adds_floor_and_fitting_as_independent_normals(self, make_record):
        one, rng = make_record(), np.random.default_rng(4)
        kl = np.median([1.1 * v for v in (2.0, 3.0, 5.0)])  # of the unsaturated nodes
        floor = rng.normal(scale=0.04 / stats.norm.ppf(0.75), size=100_000)
        fitting = rng.normal(scale=statistics.mean_shift_error(kl, 50), size=100_000)
        assert statistics.expected_error(one, "50") == pytest.approx(
            np.median(np.abs(floor + fitting)), rel=0.02
        )
        assert statistics.expected_error(one) < statistics.expected_error(one, "50")
        assert statistics.expected_error(make_record(few=()), "50") is None
        assert statistics.expected_error(make_record(saturated=4)) is None

    def test_predicted_over_observed_is_over_unsaturated_nodes(self, make_record):
        runs = [make_record(saturated=1), make_record("max", saturated=3)]
        assert statistics.predicted_over_observed(runs, "zero_inflated_gamma") == pytest.approx([3.0] * 4)
        assert statistics.predicted_over_observed([], "gamma").size == 0
