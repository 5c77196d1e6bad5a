"""What the protocol says of a model that is exactly true."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.figures.summary_true_model import TRUE, judge_true_model, normal_world, true_model_table


@pytest.fixture(scope="module")
def analysis():
    return judge_true_model(splits=8, draws=6)


def test_the_world_is_normal_with_variance_one():
    features, labels = normal_world(3)
    for j in range(10):
        own = features[labels == j]
        np.testing.assert_allclose(own.std(axis=0), 1.0, atol=0.12)
        assert own[:, j].mean() == pytest.approx(52.6, abs=0.15)
    assert features.min() > 0


def test_the_true_model_is_near_the_floor_with_many_images_and_not_with_few(analysis):
    nodes = analysis.nodes
    many, few = nodes["models"][TRUE], nodes["fewer"]["50"]["models"][TRUE]
    assert many["all_nodes_matched_error"] < 2.5 * many["all_nodes_floor"]
    assert few["all_nodes_matched_error"] > many["all_nodes_matched_error"]
    assert np.mean(nodes["saturated"]) < 0.3


def test_the_table_has_a_row_for_each_number_of_images(analysis):
    lines = true_model_table(analysis).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["50", "200", "500"]
    assert len({line.count("|") for line in lines}) == 1
