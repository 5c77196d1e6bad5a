"""All checks of chapter T9, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aggdist.distributions import (
    Atom,
    Normal,
    NormalInverseGaussian,
    ShiftedGamma,
    WeightedGammaSum,
    contour,
    inversion,
    saddlepoint,
)
from aggdist.distributions.gamma_terms import GammaTerms
from aggdist.equations import EquationError, check, equations
from aggdist.equations import t09_few_images as few
from aggdist.equations import t09_node_models as models
from aggdist.equations import t09_output_nodes as nodes
from aggdist.prediction import projected_models

TAGS = [f"T9.{k}" for k in range(1, 20)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == nodes.CHAPTER] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


def scaled(function, factor):
    """The same function, its result off by a factor."""
    return lambda *args, **kwargs: function(*args, **kwargs) * factor


def caught(tag):
    """The check fails, and says that it does."""
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


@pytest.mark.parametrize(
    ("tag", "method"),
    [
        ("T9.1", "cf"),
        ("T9.2", "cumulant"),
        ("T9.4", "cf"),
        ("T9.7", "cgf"),
        ("T9.9", "logpdf"),
        ("T9.11", "cf"),
        ("T9.12", "cumulant"),
    ],
)
def test_a_wrong_law_is_caught(monkeypatch, tag, method):
    monkeypatch.setattr(WeightedGammaSum, method, scaled(getattr(WeightedGammaSum, method), 1.02))
    caught(tag)


def test_a_lost_joint_atom_is_caught(monkeypatch):
    monkeypatch.setattr(WeightedGammaSum, "atoms", lambda law: (Atom(law.offset, np.array(0.1)),))
    caught("T9.3")


def test_aliases_without_alternating_signs_are_caught(monkeypatch):
    right = nodes.midpoint_sums

    def whole_numbers(law, x, step, count):
        order = np.arange(1, count + 1)
        waves = law.cf(order * step) * np.exp(-1j * np.multiply.outer(x, order * step))
        return step / np.pi * (0.5 + np.sum(waves.real, axis=-1)), right(law, x, step, count)[1]

    monkeypatch.setattr(nodes, "midpoint_sums", whole_numbers)
    caught("T9.4")


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_range_that_is_not_chernoffs_is_caught(monkeypatch, factor):
    right = saddlepoint.chernoff_range
    monkeypatch.setattr(saddlepoint, "chernoff_range", lambda terms, nats: right(terms, factor * nats))
    caught("T9.5")


def test_an_aliasing_bound_at_half_the_period_is_caught(monkeypatch):
    right = nodes.midpoint_sums
    monkeypatch.setattr(nodes, "midpoint_sums", lambda law, x, step, n: right(law, x, 2 * step, n))
    caught("T9.5")


def test_a_tilt_that_keeps_the_atoms_is_caught(monkeypatch):
    right = GammaTerms.tilt

    def keeps(terms, s):
        tilted = right(terms, s)
        return GammaTerms(tilted.b, tilted.shape, np.broadcast_to(terms.active, tilted.b.shape))

    monkeypatch.setattr(GammaTerms, "tilt", keeps)
    with pytest.raises((EquationError, ValueError)):
        check("T9.7")


@pytest.mark.parametrize("name", ["contour_log_density", "contour_log_tails"])
def test_a_wrong_contour_is_caught(monkeypatch, name):
    right = getattr(contour, name)

    def wrong(terms, x):
        value = right(terms, x)
        return tuple(v * (1 + 1e-8) for v in value) if isinstance(value, tuple) else value + 1e-8

    monkeypatch.setattr(contour, name, wrong)
    caught("T9.8")


def test_a_wrong_inversion_is_caught(monkeypatch):
    right = inversion.inverted_cdf
    monkeypatch.setattr(inversion, "inverted_cdf", lambda terms, x: right(terms, x) + 1e-8)
    caught("T9.4")


def test_a_tail_without_the_second_term_is_caught(monkeypatch):
    def first_order(terms, x):
        s = saddlepoint.solve_saddlepoint(terms, x)
        w = np.sign(s) * np.sqrt(2 * np.maximum(s * x - terms.log_mgf(s), 0.0))
        standard = Normal(np.array(0.0), np.array(1.0))
        return standard.cdf(w), standard.sf(w)

    monkeypatch.setattr(saddlepoint, "lugannani_rice", first_order)
    caught("T9.10")


def test_a_third_moment_that_is_not_absolute_is_caught(monkeypatch):
    monkeypatch.setattr(models, "_absolute_third", lambda shape, active: 2 * active * shape)
    caught("T9.11")


def test_a_variance_without_covariances_is_caught(monkeypatch):
    right = models._BrightFeatures.covariance
    monkeypatch.setattr(models._BrightFeatures, "covariance", lambda self: np.diag(np.diag(right(self))))
    caught("T9.13")


def test_the_coordinate_axes_are_not_a_basis_for_every_head(monkeypatch):
    right = models.decorrelated
    monkeypatch.setattr(models, "decorrelated", lambda z, weights: right(z, weights, np.eye(z.shape[1])))
    caught("T9.14")


def test_the_labels_own_basis_is_not_a_foreign_one(monkeypatch):
    right = models.decorrelated
    monkeypatch.setattr(models, "decorrelated", lambda z, weights, basis: right(z, weights))
    caught("T9.15")


def test_wrong_joint_cumulants_are_caught(monkeypatch):
    right = models._third_cumulants
    monkeypatch.setattr(models, "_third_cumulants", scaled(right, 1.001))
    caught("T9.16")


def test_an_end_point_on_the_wrong_side_is_caught(monkeypatch):
    right = ShiftedGamma.support
    monkeypatch.setattr(ShiftedGamma, "support", lambda law: (right(law)[0] - 0.1, right(law)[1] + 0.1))
    caught("T9.16")


def test_a_shifted_gamma_without_an_end_is_caught(monkeypatch):
    def everywhere(law, x):
        return np.zeros(np.broadcast_shapes(x.shape, law.batch_shape))

    monkeypatch.setattr(ShiftedGamma, "logpdf", everywhere)
    caught("T9.17")


def test_a_decay_that_is_not_the_laws_own_is_caught(monkeypatch):
    right = WeightedGammaSum.cf
    monkeypatch.setattr(WeightedGammaSum, "cf", lambda law, t: np.sqrt(right(law, t)))
    caught("T9.6")


def test_decorrelated_laws_of_a_degenerate_head():
    rng = np.random.default_rng(5)
    z = rng.gamma(2.0, size=(500, 3))
    with pytest.raises(ValueError, match="sum without spread"):
        models.decorrelated(z, np.zeros((1, 3)))


def test_keeping_the_share_of_the_noise_is_caught(monkeypatch):
    monkeypatch.setattr(few, "share_kept", lambda scatter, noise: noise / (scatter + noise))
    caught("T9.18")


def test_drawing_all_nodes_to_one_mean_is_caught(monkeypatch):
    def one_group(values, noise):
        scatter = max(values.var() - noise.mean(), 0.0)
        return values.mean() + (values - values.mean()) * scatter / (scatter + noise)

    monkeypatch.setattr(few, "drawn_together", one_group)
    caught("T9.18")


def test_noise_that_is_off_is_caught(monkeypatch):
    right = few.drawn_together
    monkeypatch.setattr(few, "drawn_together", lambda values, noise: right(values, 1.001 * noise))
    caught("T9.18")


def test_a_kurtosis_that_is_slightly_off_is_caught(monkeypatch):
    right = few.by_moments
    monkeypatch.setattr(few, "by_moments", lambda skew, kurtosis: right(skew, kurtosis + 1e-4))
    caught("T9.19")


@pytest.mark.parametrize("name", ["cumulant", "logpdf"])
def test_a_wrong_normal_inverse_gaussian_is_caught(monkeypatch, name):
    right = getattr(NormalInverseGaussian, name)
    monkeypatch.setattr(NormalInverseGaussian, name, scaled(right, 1 + 1e-6))
    caught("T9.19")


def test_the_library_shrinks_the_adjusted_skewness_and_kurtosis():
    """The estimates whose variances the chapter proves, G1 and G2, by another implementation."""
    outputs = np.random.default_rng(19).gamma(2.0, size=(30, 4))
    skew = projected_models.projected_moments([outputs], np.eye(4), np.zeros(4))[2]
    excess = projected_models._fourth_cumulant(outputs) / outputs.var(axis=0, ddof=1) ** 2
    np.testing.assert_allclose(skew[:, 0], stats.skew(outputs, bias=False), rtol=1e-12)
    np.testing.assert_allclose(excess, stats.kurtosis(outputs, bias=False), rtol=1e-12)
