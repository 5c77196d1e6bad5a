"""Divergences of any two laws by quadrature: known values, atoms, poles, heavy tails, several crossings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from aggdist.distributions import (
    Affine,
    Exponential,
    Gamma,
    GeneralisedExtremeValue,
    Mixture,
    Normal,
    RectifiedNormal,
    ShiftedGamma,
    WeightedGammaSum,
    ZeroInflatedGamma,
)
from aggdist.divergence import (
    area_under_roc,
    bayes_error,
    divergences,
    jensen_shannon,
    kl_quadrature,
    overlap,
)


def test_normals_of_equal_width_have_known_relatives():
    away = np.array([0.0, 0.5, 2.0, 8.0])
    got = divergences(Normal(away, 1.0), Normal(0.0, 1.0))
    np.testing.assert_allclose(got.kl, away**2 / 2, atol=1e-12)
    np.testing.assert_allclose(got.reverse_kl, away**2 / 2, atol=1e-12)
    np.testing.assert_allclose(got.auc, stats.norm.cdf(away / np.sqrt(2)), rtol=1e-12)
    np.testing.assert_allclose(got.overlap, 2 * stats.norm.cdf(-away / 2), rtol=1e-10)
    np.testing.assert_allclose(got.bayes_error, stats.norm.cdf(-away / 2), rtol=1e-10)
    assert got.jensen_shannon[0] == pytest.approx(0, abs=1e-14)
    assert got.jensen_shannon[-1] == pytest.approx(np.log(2), abs=1e-3)


@pytest.mark.parametrize("prior", [0.5, 0.1, 0.93])
def test_jensen_shannon_equals_its_definition(prior):
    p, q = stats.gamma(2.0, scale=1.5), stats.gamma(3.0)

    def integrand(x):
        m = prior * p.pdf(x) + (1 - prior) * q.pdf(x)
        return prior * p.pdf(x) * np.log(p.pdf(x) / m) + (1 - prior) * q.pdf(x) * np.log(q.pdf(x) / m)

    expected = integrate.quad(integrand, 0, 60, epsabs=1e-13, limit=200)[0]
    assert jensen_shannon(Gamma(2.0, 1.5), Gamma(3.0, 1.0), prior=prior) == pytest.approx(expected, rel=1e-9)


def test_exponentials_have_a_rational_area():
    scale = np.array([0.1, 1.0, 7.0])
    np.testing.assert_allclose(
        area_under_roc(Exponential(scale), Exponential(2.0)), scale / (scale + 2.0), rtol=1e-12
    )


def test_overlap_with_two_crossings():
    p, q = stats.norm(0, 1), stats.norm(0.3, 2.5)
    expected = integrate.quad(
        lambda x: min(p.pdf(x), q.pdf(x)), -30, 30, points=[-1.5, 1.3], limit=500, epsabs=1e-12
    )[0]
    assert overlap(Normal(0.0, 1.0), Normal(0.3, 2.5)) == pytest.approx(expected, rel=1e-9)


def test_bayes_error_with_six_crossings_equals_counting_of_probabilities():
    weights = np.full(3, 1 / 3)
    p, q = Mixture(Normal([-4.0, 0.0, 4.0], 0.5), weights), Mixture(Normal([-2.0, 2.0, 6.0], 0.5), weights)
    # By symmetry they cross midway between neighbouring peaks: at -3, -1, 1, 3 and 5.
    ends = np.array([-np.inf, -3.0, -1.0, 1.0, 3.0, 5.0, np.inf])
    shares = [np.diff([0.0, *law.cdf(ends[1:-1]), 1.0]) for law in (p, q)]
    assert bayes_error(p, q) == pytest.approx(np.minimum(*shares).sum() / 2, rel=1e-9)


def test_a_prior_moves_the_threshold():
    # prior N(1, 1) against (1 - prior) N(0, 1): threshold at 1/2 - log(prior / (1 - prior)).
    for prior in (0.02, 0.5, 0.8):
        cut = 0.5 - np.log(prior / (1 - prior))
        expected = prior * stats.norm.cdf(cut - 1) + (1 - prior) * stats.norm.sf(cut)
        assert bayes_error(Normal(1.0, 1.0), Normal(0.0, 1.0), prior=prior) == pytest.approx(
            expected, rel=1e-9
        )


def test_atoms_count_everywhere():
    p, q = ZeroInflatedGamma(0.7, 2.0, 1.5), ZeroInflatedGamma(0.4, 3.0, 0.5)
    rng = np.random.default_rng(1)
    x, y = p.sample(rng, 400_000), q.sample(rng, 400_000)
    counted = np.mean(x > y) + np.mean(x == y) / 2
    assert area_under_roc(p, q) == pytest.approx(counted, abs=4 * 0.5 / np.sqrt(400_000))
    common = 0.3
    inner = integrate.quad(
        lambda t: min(0.7 * stats.gamma.pdf(t, 2, scale=1.5), 0.4 * stats.gamma.pdf(t, 3, scale=0.5)),
        0, 40, points=[2.0], limit=300,
    )[0]  # fmt: skip
    assert overlap(p, q) == pytest.approx(common + inner, rel=1e-7)
    assert kl_quadrature(p, Gamma(2.0, 1.0)) == np.inf
    assert np.isfinite(kl_quadrature(Gamma(2.0, 1.0), p))
    assert jensen_shannon(p, Gamma(2.0, 1.0)) < np.log(2)


def test_atoms_at_different_places():
    p, q = ZeroInflatedGamma(0.5, 2.0, 1.0), Affine(ZeroInflatedGamma(0.5, 2.0, 1.0), 1.0)
    assert kl_quadrature(p, q) == np.inf
    # The two atoms tell the laws apart whenever they occur.
    assert overlap(p, q) < 0.5
    mixed = Mixture(p, [1.0]) if p.batch_shape else p
    assert kl_quadrature(mixed, p) == pytest.approx(0, abs=1e-12)


def test_laws_without_common_support():
    p, q = Gamma(2.0, 1.0), Affine(Gamma(2.0, 1.0), 0.0, -1.0)
    got = divergences(p, q)
    assert (got.kl, got.reverse_kl, got.overlap, got.auc) == (np.inf, np.inf, 0.0, 1.0)
    assert got.jensen_shannon == pytest.approx(np.log(2), rel=1e-12)


def test_poles_at_end_points_away_from_zero():
    # x - loc has lost its digits there: the distance to the end point has to be kept.
    for shape in (0.1, 0.5):
        p, q = Affine(Gamma(shape, 1.0), 10.0), Affine(Gamma(0.7, 2.0), 10.0)
        plain = kl_quadrature(Gamma(shape, 1.0), Gamma(0.7, 2.0))
        assert kl_quadrature(p, q) == pytest.approx(float(plain), rel=1e-9)


def test_a_common_shift_changes_nothing():
    shape = np.array([0.05, 0.3, 300.0])
    first, second = Gamma(shape, 1 / shape), Gamma(shape[::-1].copy(), 1.5 / shape[::-1])
    # The last pair has end points that differ: it must not keep the others from being moved to 0.
    moved = Affine(first, 7.0), Affine(second, np.array([7.0, 7.0, 6.5]))
    for relative in (kl_quadrature, jensen_shannon, area_under_roc):
        np.testing.assert_allclose(relative(*moved)[:2], relative(first, second)[:2], rtol=1e-9)
    areas = []
    for bias in (0.0, -40.0):
        inside = WeightedGammaSum([1.0, -0.5], [20.0, 30.0], 0.1, 1.0, bias)
        areas.append(area_under_roc(inside, WeightedGammaSum([1.0, -0.5], 25.0, 0.09, 1.0, bias + 0.3)))
    np.testing.assert_allclose(areas[1], areas[0], rtol=1e-11)


def test_an_end_point_inside_the_other_law():
    p, q = ShiftedGamma(1.0, 1.0, 1.2), Normal(0.5, 1.5)
    a = 4 / 1.2**2
    law = stats.gamma(a, loc=1 - 2 / 1.2, scale=1 / np.sqrt(a))
    expected = integrate.quad(
        lambda x: law.pdf(x) * (law.logpdf(x) - stats.norm.logpdf(x, 0.5, 1.5)), 1 - 2 / 1.2, 30, limit=300
    )[0]
    assert kl_quadrature(p, q) == pytest.approx(expected, rel=1e-8)
    assert kl_quadrature(q, p) == np.inf


def test_heavy_tails_make_it_infinite():
    with_variance, without = GeneralisedExtremeValue(0.0, 1.0, 0.3), GeneralisedExtremeValue(0.0, 1.0, 0.7)
    normal = Normal(0.0, 1.0)
    assert np.isfinite(kl_quadrature(with_variance, normal))
    assert kl_quadrature(without, normal) == np.inf
    with pytest.raises(ArithmeticError, match="decays too slowly to tell its integral from an infinite one"):
        kl_quadrature(GeneralisedExtremeValue(0.0, 1.0, 0.49), normal)


def test_batches_broadcast():
    p, q = Gamma(np.array([1.0, 2.0, 0.5])[:, None], 1.0), Normal(np.array([1.0, 2.0]), 1.0)
    got = divergences(p, q)
    for value in (got.kl, got.reverse_kl, got.jensen_shannon, got.auc, got.overlap):
        assert value.shape == (3, 2)
    alone = divergences(Gamma(2.0, 1.0), Normal(2.0, 1.0))
    assert got.kl[1, 1] == pytest.approx(float(alone.kl), rel=1e-12)
    assert got.auc[1, 1] == pytest.approx(float(alone.auc), rel=1e-12)


def test_weighted_sums_and_mixtures_of_them():
    # One channel is a gamma law; the offset drops out.
    p, q = WeightedGammaSum([2.0], 2.0, 0.75, offset=3.0), WeightedGammaSum([1.0], 3.0, 1.0, offset=3.0)
    assert kl_quadrature(p, q) == pytest.approx(0.05396752113698502409, rel=1e-9)
    mixture = Mixture(WeightedGammaSum(np.array([[1.0], [2.0]]), 3.0, 1.0, offset=3.0), [0.4, 0.6])
    gammas = Mixture(Gamma(3.0, np.array([1.0, 2.0])), [0.4, 0.6])
    expected = float(kl_quadrature(Gamma(2.0, 1.5), gammas))
    assert kl_quadrature(p, mixture) == pytest.approx(expected, rel=1e-8)
    assert kl_quadrature(WeightedGammaSum([1.0, -1.0], 2.0, 1.0), q) == np.inf


def test_rectified_normals_have_an_area():
    p, q = RectifiedNormal(0.5, 1.0), RectifiedNormal(-0.5, 1.0)
    rng = np.random.default_rng(2)
    x, y = p.sample(rng, 300_000), q.sample(rng, 300_000)
    assert area_under_roc(p, q) == pytest.approx(
        np.mean(x > y) + np.mean(x == y) / 2, abs=4 * 0.5 / np.sqrt(300_000)
    )


parameters = st.tuples(st.floats(0.2, 30), st.floats(0.1, 10))


@given(parameters, parameters)
def test_relations_between_the_relatives(first, second):
    p, q = Gamma(*first), Gamma(*second)
    got = divergences(p, q)
    assert got.auc + area_under_roc(q, p) == pytest.approx(1, abs=1e-10)
    assert 0 <= got.overlap <= 1 + 1e-12
    assert 0 <= got.jensen_shannon <= np.log(2) * (1 + 1e-12)
    # Total variation is at least the Gini coefficient |2 AUC - 1|, and Pinsker's inequality holds.
    variation = 1 - got.overlap
    assert variation >= abs(2 * got.auc - 1) / 2 - 1e-10
    assert variation <= np.sqrt(min(got.kl, got.reverse_kl) / 2) + 1e-10
    assert got.jensen_shannon <= np.log(2) * variation + 1e-10


@pytest.mark.parametrize("prior", [0.0, 1.0, -1.0, np.nan])
@pytest.mark.parametrize("function", [jensen_shannon, bayes_error])
def test_bad_prior(function, prior):
    with pytest.raises(ValueError, match=r"prior: got .*, expected a frequency strictly between 0 and 1"):
        function(Normal(0.0, 1.0), Normal(1.0, 1.0), prior=prior)
