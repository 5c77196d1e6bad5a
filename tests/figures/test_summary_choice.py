"""The choice of the default model, leaving one dataset out, and the figures to reach."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.figures import summary_chapter as chapter
from aggdist.figures import summary_choice as choice
from aggdist.figures import summary_targets as targets
from aggdist.figures.summary_records import load_records
from aggdist.paths import repository_root
from aggdist.prediction import COSTLY_MODELS, DEFAULT_MODEL, FEATURE_MODELS


@pytest.fixture
def split(make_record):
    """Two datasets on which different models are best, and a third that says nothing."""
    best_here, best_there = {DEFAULT_MODEL: 0.03, "normal": 0.06}, {DEFAULT_MODEL: 0.09, "normal": 0.05}
    return [
        *(make_record(name, errors=best_here) for name in ("avg", "max", "gem")),
        *(
            make_record(name, dataset="cifar10", network="colourcnn", errors=best_there)
            for name in ("avg", "max")
        ),
        make_record(dataset="mnist", saturated=4),
    ]


class TestChoice:
    def test_the_criterion_is_the_geometric_mean_over_runs_sizes_and_errors(self, make_record):
        errors = [0.02, 0.05, 0.2]
        runs = [
            make_record(name, errors={"normal": error})
            for name, error in zip(("avg", "max", "gem"), errors, strict=True)
        ]
        # With 50 images the made errors are twice as large, and raw errors twice the matched ones.
        assert choice.score(runs, "normal") == pytest.approx(2 * np.prod(errors) ** (1 / 3))
        # A run that does not reach 50 images counts with the most; an error of 0 says nothing by ratio.
        assert choice.score([make_record(few=(), errors={"normal": 0.03})], "normal") == pytest.approx(
            0.03 * np.sqrt(2)
        )
        assert choice.score([make_record(errors={"normal": 0.0})], "normal") is None
        assert choice.score([], "normal") is None

    def test_a_run_that_cannot_reach_few_images_counts_for_the_most(self, make_record):
        runs = [make_record(errors={"normal": 0.02}), make_record(few=(), errors={"normal": 0.1})]
        assert choice.score(runs, "normal") == pytest.approx((0.02**4 * 0.1**2 * 2**5) ** (1 / 6))

    def test_each_dataset_is_judged_by_a_model_that_it_had_no_say_in(self, split):
        found = {one.left_out: one for one in choice.choices(split)}
        assert found["fashionmnist"].model == "normal"
        assert found["cifar10"].model == DEFAULT_MODEL
        assert found["cifar10"].errors["most"] == pytest.approx(0.09)
        assert found["cifar10"].errors["50"] == pytest.approx(0.18)
        assert found["fashionmnist"].errors["most"] == pytest.approx(0.06)
        assert found["cifar10"].floors["most"] == pytest.approx(0.04)
        assert found["mnist"].model == DEFAULT_MODEL  # 0.045 and 0.0575 in the medians over five runs
        assert found["mnist"].errors == {"50": None, "most": None}
        model = choice.model_for(split)
        assert [model(run) for run in split] == ["normal"] * 3 + [DEFAULT_MODEL] * 3

    def test_costly_models_are_no_candidates_however_good(self, make_record):
        good = dict.fromkeys(COSTLY_MODELS, 0.001)
        runs = [make_record(errors=good), make_record(dataset="mnist", errors=good)]
        assert set(choice.candidates(runs)) == set(FEATURE_MODELS) - set(COSTLY_MODELS)
        assert choice.chosen_model(runs) == DEFAULT_MODEL
        assert FEATURE_MODELS[COSTLY_MODELS[0]].title in chapter.choice_sentence(runs)

    def test_the_model_that_is_chosen_most_often(self, split):
        assert choice.chosen_model(split) == DEFAULT_MODEL
        assert "This is the library's default model" in chapter.choice_sentence(split)

    def test_of_two_chosen_equally_often_the_one_that_is_better_over_all(self, split):
        two = split[:5]
        scores = {name: choice.score(two, name) for name in ("normal", DEFAULT_MODEL)}
        assert choice.chosen_model(two) == min(scores, key=scores.get)

    def test_another_model_than_the_default_is_said_in_bold(self, make_record):
        runs = [make_record(dataset=name, errors={"normal": 0.01}) for name in ("mnist", "cifar10")]
        assert choice.chosen_model(runs) == "normal"
        assert "**This is not the library's default model**" in chapter.choice_sentence(runs)

    def test_one_dataset_alone_chooses_nothing(self, make_record):
        runs = [make_record(), make_record("max")]
        assert choice.chosen_model(runs) is None
        assert choice.candidates([]) == []
        assert choice.model_for(runs)(runs[0]) == DEFAULT_MODEL
        assert "chooses no model" in chapter.choice_sentence(runs)
        assert "none: no other dataset says anything" in chapter.left_out_table(runs)

    def test_the_default_model_is_the_rule_s_or_the_chapter_says_that_it_is_not(self):
        records = load_records(repository_root() / "results")
        if not records:
            pytest.skip("no record is committed")
        agrees = choice.chosen_model(records) == DEFAULT_MODEL
        assert agrees == ("This is the library's default model" in chapter.choice_sentence(records))
        assert agrees != ("**This is not the library's default model**" in chapter.choice_sentence(records))


class TestTargets:
    def found(self, records, text):
        (target,) = [t for t in targets.error_targets(records) if text in t.figure]
        return target

    @pytest.fixture
    def several(self, make_record):
        """Three datasets, so that the default model is chosen everywhere."""
        errors = {"fashionmnist": 0.03, "mnist": 0.05, "cifar10": 0.1}
        others = {name: 0.4 for name in FEATURE_MODELS if name not in COSTLY_MODELS}
        return [
            make_record(dataset=name, errors=others | {DEFAULT_MODEL: error})
            for name, error in errors.items()
        ]

    def test_errors_are_medians_over_runs(self, several):
        one = self.found(several, "Matched error, 500")
        assert one.reached == pytest.approx(0.05)
        assert one.attainable == pytest.approx(0.05)
        assert one.independent == pytest.approx(0.777)
        assert one.met is False
        assert self.found(several, "Raw error, 50 of").reached == pytest.approx(2 * 2 * 0.05)

    def test_floors_are_divided_by_within_each_run(self, several):
        for run, floor in zip(several, (0.03, 0.025, 0.04), strict=True):
            run["nodes"]["models"][DEFAULT_MODEL]["floor"] = floor
        one = self.found(several, "Matched error in floors, 500")
        assert one.reached == pytest.approx(np.median([0.03 / 0.03, 0.05 / 0.025, 0.1 / 0.04]))
        assert one.met is False

    def test_counting_in_the_same_images(self, several):
        one = self.found(several, "that of counting")
        assert one.reached == pytest.approx(np.median([0.06, 0.1, 0.2]) / 0.2)
        assert one.attainable == pytest.approx(0.5)
        assert one.met is True

    def test_area_under_the_curve_in_floors_of_the_chosen_model(self, several):
        one = self.found(several, "area under the ROC")
        assert (one.reached, one.met) == (pytest.approx(1.0), True)
        assert one.independent == pytest.approx(20.0)

    def test_the_worst_dataset_decides_the_rank_correlation(self, several):
        several[1]["nodes"]["models"][DEFAULT_MODEL]["kl"] = [5.0, 4.0, 3.0, 9.0]
        one = self.found(several, "Rank correlation")
        assert (one.reached, one.met) == (pytest.approx(-1.0), False)

    def test_a_model_is_judged_where_it_was_not_chosen(self, split):
        # normals on Fashion-MNIST (three runs), the default model on CIFAR-10 (two runs)
        one = self.found(split, "Matched error, 500")
        assert one.reached == pytest.approx(np.median([0.06] * 3 + [0.09] * 2))

    def test_runs_that_say_nothing_are_in_no_median_and_no_run_is_no_verdict(self, make_record):
        runs = [make_record(saturated=4), make_record(dataset="digits", few=())]
        assert self.found(runs, "Matched error, 50 of").reached is None
        assert self.found(runs, "Matched error, 50 of").met is None
        assert self.found(runs, "Matched error, 500").reached == pytest.approx(0.05)

    def test_distances_by_aggregation(self, make_record):
        runs = [make_record("avg", excess=e) for e in (0.001, 0.02, 0.03)] + [
            make_record("gem", excess=0.014)
        ]
        average, power = targets.distance_targets(runs)
        assert "average" in average.figure
        assert (average.reached, average.met) == (pytest.approx(0.02), False)
        assert (power.reached, power.met) == (pytest.approx(0.014), True)

    def test_accuracy_of_the_best_aggregation_of_the_larger_network(self, make_record):
        runs = [
            make_record("avg", accuracy=0.90),
            make_record("max", accuracy=0.92),
            make_record("avg", network="greycnnhalf", accuracy=0.99),
        ]
        found = {t.figure: t for t in targets.accuracy_targets(runs)}
        fashion = next(t for name, t in found.items() if "Fashion-MNIST" in name)
        assert (fashion.reached, fashion.met) == (0.92, True)
        assert [t.met for t in found.values()].count(None) == len(targets.ACCURACIES) - 1

    @pytest.mark.parametrize(
        ("at_least", "reached", "met"), [(True, 0.9, False), (True, 1.0, True), (False, 1.1, False)]
    )
    def test_verdicts(self, at_least, reached, met):
        assert targets.Target("f", "x", 1.0, at_least, reached).met is met
