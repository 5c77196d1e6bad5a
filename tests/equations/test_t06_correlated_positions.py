"""All checks of chapter T6, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aggdist.aggregation import ImageVariation
from aggdist.equations import EquationError, check, equations
from aggdist.equations import t06_correlated_positions as t06
from aggdist.equations import t06_image_laws as laws

TAGS = [f"T6.{k}" for k in range(1, 13)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "06_correlated_positions"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


def expect_failure(tag):
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


@pytest.mark.parametrize("tag", ["T6.1", "T6.2", "T6.3", "T6.4", "T6.5"])
def test_all_pairs_instead_of_pairs_of_two_are_caught(monkeypatch, tag):
    monkeypatch.setattr(t06, "effective_positions", lambda rho, n: n / (1 + n * rho))
    expect_failure(tag)


@pytest.mark.parametrize("end", [-1.0, 1.0])
def test_an_end_that_is_not_attained_is_caught(monkeypatch, end):
    right = t06._mean_correlation
    monkeypatch.setattr(t06, "_mean_correlation", lambda c: right(c) + 1e-3 * (end * right(c) > 0.2))
    expect_failure("T6.1")


def test_a_shuffle_that_forgets_the_means_is_caught(monkeypatch):
    right = t06.shuffled_correlation
    monkeypatch.setattr(t06, "shuffled_correlation", lambda m, c: right(np.full(len(m), m.mean()), c))
    expect_failure("T6.2")


def test_a_grid_that_wraps_around_is_caught(monkeypatch):
    """Each offset counted N times, as on a torus."""

    def wrong(correlation, height, width):
        y, x = np.mgrid[-height + 1 : height, -width + 1 : width]
        values = correlation(np.hypot(y, x))
        return (values.sum() - 1) / (height * width - 1)

    monkeypatch.setattr(t06, "grid_correlation", wrong)
    expect_failure("T6.3")


@pytest.mark.parametrize("field", ["between_third", "covariance", "within_third", "between", "within"])
def test_a_term_that_is_off_is_caught(monkeypatch, field):
    right = ImageVariation.of_laws.__func__

    def wrong(cls, *args, **given):
        found = right(cls, *args, **given)
        return replace(found, **{field: getattr(found, field) * 1.01})

    monkeypatch.setattr(ImageVariation, "of_laws", classmethod(wrong))
    expect_failure("T6.6")


@pytest.mark.parametrize("tag", ["T6.6", "T6.11"])
def test_one_covariance_instead_of_three_is_caught(monkeypatch, tag):
    right = ImageVariation.cumulants

    def wrong(self, n):
        found = right(self, n)
        return found - np.stack([0 * found[0], 0 * found[1], 2 * self.covariance / n + 0 * found[2]])

    monkeypatch.setattr(ImageVariation, "cumulants", wrong)
    expect_failure(tag)


@pytest.mark.parametrize("which", [0, 1])
def test_a_third_cumulant_from_the_effective_number_is_caught(monkeypatch, which):
    right = t06.third_ratios
    monkeypatch.setattr(t06, "third_ratios", lambda n, b: right(n, b)[[1 - which, 1 - which]])
    expect_failure("T6.5")


def test_a_law_that_does_not_tend_to_the_mean_of_the_image_is_caught(monkeypatch):
    right = t06.image_mixture
    monkeypatch.setattr(t06, "image_mixture", lambda law, n, **given: right(law, 1, **given))
    expect_failure("T6.7")


def test_a_wrong_number_of_triples_is_caught(monkeypatch):
    monkeypatch.setattr(
        t06, "third_from_joint", lambda n, a, b, c: (a + 3 * (n - 1) * b + (n - 1) ** 2 * c) / n**2
    )
    expect_failure("T6.11")


@pytest.mark.parametrize("field", laws._FIELDS)
def test_a_biased_estimate_is_caught(monkeypatch, field):
    right = ImageVariation.estimate.__func__

    def wrong(cls, *args, **given):
        found = right(cls, *args, **given)
        return replace(found, **{field: getattr(found, field) + 1e-3})

    monkeypatch.setattr(ImageVariation, "estimate", classmethod(wrong))
    expect_failure("T6.9")


@pytest.mark.parametrize("which", [0, 1])
def test_noise_that_is_counted_once_is_caught(monkeypatch, which):
    right = laws.counted_twice
    monkeypatch.setattr(
        laws,
        "counted_twice",
        lambda n, true: [0.75 * v if i == which else v for i, v in enumerate(right(n, true))],
    )
    expect_failure("T6.10")


def test_a_standard_error_of_positions_instead_of_images_is_caught(monkeypatch):
    right = laws.observed_effective_positions

    def wrong(mean, second, n):
        found = right(mean, second, n)
        return found._replace(log_standard_error=found.log_standard_error / np.sqrt(n))

    monkeypatch.setattr(laws, "observed_effective_positions", wrong)
    expect_failure("T6.12")


@pytest.mark.parametrize("wrong_n", [8, 10])
def test_one_position_too_few_or_too_many_is_caught(monkeypatch, wrong_n):
    right = laws.image_mixture
    monkeypatch.setattr(
        laws, "image_mixture", lambda law, n, *args, **given: right(law, wrong_n, *args, **given)
    )
    expect_failure("T6.8")


def test_enumerated_laws_are_laws():
    for law in (t06._random_joint_law(1), t06.blocks(12, 3), t06.coin(12, 0.3)):
        assert law.chances.sum() == pytest.approx(1)
        assert len(law.maps) == len(law.chances)
