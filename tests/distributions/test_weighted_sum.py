"""Weighted sums against recomputed reference tables, a second route, simulation and an independent package."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from aggdist.distributions import WeightedGammaSum

REFERENCE = Path(__file__).parents[1] / "reference"


def _rows(name):
    with (REFERENCE / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _law(terms):
    pairs = np.array([[float(v) for v in term.split(":")] for term in terms.split(";")])
    return WeightedGammaSum(pairs[:, 0], pairs[:, 1], 1.0)


def _deterministic(n):
    c = np.arange(n)
    raw_shape = 0.3 + 29.7 * np.mod(c * 0.6180339887498949, 1)
    b = np.round(np.sin(1.7 * c + 0.3) * (0.2 + np.mod(c * 0.7548776662466927, 1)) / raw_shape, 6)
    return WeightedGammaSum(b, np.round(raw_shape, 6), 1.0)


# Imhof (1961), Davies (1980) and three sums with fractional shapes; 16 digits recomputed in ball arithmetic.
@pytest.mark.parametrize("row", _rows("signed_gamma_sums.csv"), ids=lambda r: f"{r['form']}-{r['x']}")
@pytest.mark.parametrize("method", ["inversion", "contour"])
def test_reference_rows(row, method):
    law, x = _law(row["terms"]), float(row["x"])
    assert law.cdf(x, method=method) == pytest.approx(float(row["cdf"]), abs=1e-12)
    assert law.sf(x, method=method) == pytest.approx(float(row["sf"]), abs=1e-12)
    assert law.pdf(x, method=method) == pytest.approx(float(row["pdf"]), rel=1e-11)


@pytest.mark.parametrize("row", _rows("deterministic_sums.csv"), ids=lambda r: f"{r['n']}-{r['x']}")
def test_large_deterministic_sums_keep_their_tails(row):
    law, x = _deterministic(int(row["n"])), float(row["x"])
    assert law.cdf(x) == pytest.approx(float(row["cdf"]), abs=1e-13)
    assert law.pdf(x) == pytest.approx(float(row["pdf"]), rel=1e-10)
    for tail in ("cdf", "sf"):
        assert getattr(law, tail)(x, method="contour") == pytest.approx(float(row[tail]), rel=1e-10)


def test_one_term_is_a_gamma():
    x = np.array([1e-3, 0.2, 1.0, 7.0, 60.0])
    law = WeightedGammaSum([2.0], 1.7, 1.5, offset=0.25)
    exact = stats.gamma(1.7, loc=0.25, scale=3.0)
    for method in ("inversion", "contour"):
        np.testing.assert_allclose(
            law.logpdf(x + 0.25, method=method), exact.logpdf(x + 0.25), rtol=1e-11, atol=1e-11
        )
        np.testing.assert_allclose(law.cdf(x + 0.25, method=method), exact.cdf(x + 0.25), atol=1e-13)


def test_a_batch_of_nodes_and_labels_equals_its_parts():
    rng = np.random.default_rng(5)
    weights, shape, scale = (
        rng.normal(size=(3, 1, 40)),
        rng.uniform(0.4, 3, (2, 40)),
        rng.uniform(0.1, 1, (2, 40)),
    )
    active = rng.uniform(0.3, 1, (2, 40))
    together = WeightedGammaSum(weights, shape, scale, active, np.arange(3.0)[:, None])
    assert together.batch_shape == (3, 2)
    x = together.mean() + together.std() * np.linspace(-6, 9, 11)[:, None, None]
    values = together.logpdf(x)
    for k in range(3):
        for j in range(2):
            alone = WeightedGammaSum(weights[k, 0], shape[j], scale[j], active[j], float(k))
            np.testing.assert_allclose(values[:, k, j], alone.logpdf(x[:, k, j]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("active", [0.2, 0.6, 0.95])
def test_zero_inflated_sums_agree_with_simulation(active):
    law = WeightedGammaSum([1.0, 0.5, 2.0, -1.0], 0.7, [1.0, 2.0, 0.5, 1.0], active, 0.3)
    draws = law.sample(np.random.default_rng(1), 200_000)
    x = np.array([-2.0, 0.0, 0.299, 0.3, 0.301, 1.0, 3.0])
    observed = np.mean(draws[:, None] <= x, axis=0)
    np.testing.assert_allclose(law.cdf(x), observed, atol=4 * 0.5 / np.sqrt(200_000))
    (atom,) = law.atoms()
    assert atom.mass == pytest.approx((1 - active) ** 4, rel=1e-12)
    assert law.cdf(0.3) - law.cdf(0.3 - 1e-9) == pytest.approx(atom.mass, abs=2e-5)


def test_density_and_atom_make_one():
    law = WeightedGammaSum([1.0, -0.5, 0.25], [2.0, 3.0, 1.5], 1.0, [0.5, 0.7, 0.9])
    low, high = law.bulk()
    x = np.concatenate([-np.geomspace(-low, 1e-12, 4000), np.geomspace(1e-12, high, 4000)])
    mass = np.trapezoid(law.pdf(x), x)
    assert mass + law.atoms()[0].mass == pytest.approx(1, abs=1e-5)


def test_saddlepoint_is_close_for_many_terms():
    rng = np.random.default_rng(2)
    many = WeightedGammaSum(
        rng.normal(0.01, 0.05, 256), rng.uniform(0.3, 30, 256), rng.uniform(0.1, 0.5, 256)
    )
    # One of the 64 terms dominates the other sum: there the approximation is worse.
    for law, cdf_error, log_error in ((many, 2e-4, 2e-3), (_deterministic(64), 2e-2, 1e-1)):
        x = law.mean() + law.std() * np.array([-4.0, -1.0, 0.0, 0.5, 3.0])
        np.testing.assert_allclose(law.cdf(x, method="saddlepoint"), law.cdf(x), atol=cdf_error)
        np.testing.assert_allclose(law.logpdf(x, method="saddlepoint"), law.logpdf(x), atol=log_error)


def test_agrees_with_gx2_for_fractional_shapes():
    import gx2

    weights, shapes = np.array([0.8, -0.4, 0.3, 1.1]), np.array([0.7, 1.3, 2.2, 0.9])
    law = WeightedGammaSum(weights, shapes, 1.0)
    for x in (-1.0, 0.4, 2.5):
        other = gx2.cdf(x, weights / 2, 2 * shapes, np.zeros(4), 0.0, 0.0, method="imhof")
        assert law.cdf(x) == pytest.approx(float(np.squeeze(other)), abs=1e-8)


def test_positive_weights_have_a_lower_end():
    law = WeightedGammaSum([1.0, 2.0], [1.5, 0.8], 1.0, offset=-1.0)
    low, high = law.support()
    assert (low, high) == (-1.0, np.inf)
    assert law.cdf(-1.5) == 0
    assert law.sf(-1.5) == 1
    assert law.pdf(-1.5) == 0
    mirrored = WeightedGammaSum([-1.0, -2.0], [1.5, 0.8], 1.0, offset=1.0)
    x = np.array([-0.5, 0.0, 3.0])
    np.testing.assert_allclose(mirrored.cdf(-x), law.sf(x), atol=1e-14)
    assert mirrored.cdf(2.0) == 1


def test_nan_points_stay_nan():
    law = WeightedGammaSum([1.0, -1.0], 2.0, 1.0)
    for quantity in (law.pdf, law.cdf, law.sf, law.logpdf):
        assert np.isnan(quantity(np.nan))
        assert not np.isnan(quantity(0.5))


terms = st.lists(
    st.tuples(
        st.floats(-3, 3).filter(lambda w: abs(w) > 1e-2),
        st.floats(0.3, 30),
        st.floats(0.01, 10),
        st.floats(0.05, 1),
    ),
    min_size=1,
    max_size=12,
)


@given(terms, st.floats(-5, 5))
def test_cdf_is_monotone_between_zero_and_one(values, offset):
    w, a, theta, q = map(np.array, zip(*values, strict=True))
    law = WeightedGammaSum(w, a, theta, q, offset)
    x = law.mean() + law.std() * np.linspace(-6, 6, 25)
    cdf = law.cdf(x)
    assert np.all((cdf >= 0) & (cdf <= 1))
    assert np.all(np.diff(cdf) >= -1e-12)
    np.testing.assert_allclose(cdf + law.sf(x), 1, atol=1e-12)


@given(terms, st.floats(0.1, 10), st.floats(-3, 3))
def test_scaling_and_shifting(values, factor, shift):
    w, a, theta, q = map(np.array, zip(*values, strict=True))
    law, scaled = WeightedGammaSum(w, a, theta, q), WeightedGammaSum(factor * w, a, theta, q, shift)
    x = law.mean() + law.std() * np.array([-1.3, 0.4, 2.2])
    np.testing.assert_allclose(scaled.cdf(factor * x + shift), law.cdf(x), atol=1e-9)


def test_a_point_close_to_a_narrow_term_among_wide_ones():
    # The parabola that suits the wide terms grazes the cut of the narrow ones, as far out as x is close to 0.
    weights = np.array([3.0, 1.5, 1.4, 2.0, 1.2, 1.75, 0.8, 0.8, -1.0, -1.0, -2.8, -0.5])
    shape = np.array([0.5, 1.6, 1.5, 27.0, 7.0, 21.5, 1.0, 5.0, 6.0, 20.0, 10.8, 5.0])
    scale = np.array([0.4, 1.4, 1.4, 6.0, 8.6, 5.2, 8.75, 8.0, 0.0156, 0.0156, 8.8, 7.5])
    law = WeightedGammaSum(weights, shape, scale, 0.5)
    x = -0.004 + 1e-4 * np.arange(-1, 2)
    for factor in (1.5, 3.0):
        scaled = WeightedGammaSum(factor * weights, shape, scale, 0.5)
        np.testing.assert_allclose(scaled.cdf(factor * x), law.cdf(x), rtol=1e-12)
        np.testing.assert_allclose(scaled.pdf(factor * x) * factor, law.pdf(x), rtol=1e-9)
    assert (law.cdf(x[2]) - law.cdf(x[0])) / 2e-4 == pytest.approx(float(law.pdf(x[1])), rel=1e-3)


def test_a_plain_term_beside_an_inflated_one_keeps_its_digits_far_out():
    # (1 - b s)^(-a) is 1e-17 and 1e-400 here: 1 - (1 - that) would be 0.
    for shape in (12.0, 286.0):
        law = WeightedGammaSum([0.5, -2.0], [1.0, shape], [0.25, 5.0], [0.5, 1.0])
        expected = np.log(0.5 + 0.5 / (1 - 0.125 * 2.4)) - shape * np.log(25.0)
        assert law.cgf(2.4) == pytest.approx(expected, rel=1e-14)


@given(terms)
def test_tilting_moves_the_mean_to_the_derivative_of_the_cumulant_generating_function(values):
    w, a, theta, q = map(np.array, zip(*values, strict=True))
    law = WeightedGammaSum(w, a, theta, q)
    low, high = law.cgf_domain()
    s = 0.3 * (high if np.isfinite(high) else -low)
    step = 1e-5 * abs(s)
    slope = (law.cgf(s + step) - law.cgf(s - step)) / (2 * step)
    tilted = law.tilt(s)
    assert tilted.mean() == pytest.approx(float(slope), rel=1e-5)
    x = law.mean() + law.std() * np.array([-0.7, 0.3, 1.9])
    expected = np.exp(law.logpdf(x) + s * x - law.cgf(s))
    np.testing.assert_allclose(tilted.pdf(x), expected, rtol=1e-6, atol=1e-9 / float(tilted.std()))


@given(terms, terms)
def test_the_sum_of_two_sums_is_a_sum_of_all_terms(first, second):
    one, two, both = (
        WeightedGammaSum(*map(np.array, zip(*values, strict=True)))
        for values in (first, second, first + second)
    )
    t = np.array([-0.7, 0.2, 1.5]) / both.std()
    np.testing.assert_allclose(both.cf(t), one.cf(t) * two.cf(t), atol=1e-12)
    for r in (1, 2, 3, 4):
        size = both.std() ** r + abs(one.cumulant(r)) + abs(two.cumulant(r))
        assert abs(both.cumulant(r) - one.cumulant(r) - two.cumulant(r)) < 1e-12 * size
    mass = [law.atoms()[0].mass if law.atoms() else 0.0 for law in (one, two, both)]
    assert mass[2] == pytest.approx(mass[0] * mass[1], rel=1e-12)


@given(terms, st.floats(0.05, 0.95))
def test_a_gamma_term_may_be_split_in_two(values, share):
    w, a, theta, _ = map(np.array, zip(*values, strict=True))
    whole = WeightedGammaSum(w, a, theta)
    parts = np.concatenate([share * a, (1 - share) * a])
    split = WeightedGammaSum(np.tile(w, 2), parts, np.tile(theta, 2))
    x = whole.mean() + whole.std() * np.array([-1.3, 0.4, 2.2])
    np.testing.assert_allclose(split.cdf(x), whole.cdf(x), atol=1e-11)
    np.testing.assert_allclose(split.sf(x), whole.sf(x), atol=1e-11)


def test_a_gap_between_two_modes_is_not_an_error():
    # Exp(1), and half of the time Gamma(22, 12) more: at 36 both modes are far away.
    law = WeightedGammaSum([1.0, 12.0], [1.0, 22.0], 1.0, [1.0, 0.5])
    upper = integrate.quad(lambda u: stats.gamma.pdf(36.0 - u, 22, scale=12) * np.exp(-u), 0, 36)[0]
    exact = 0.5 * np.exp(-36.0) + 0.5 * upper
    for method in ("contour", "inversion"):
        assert law.pdf(36.0, method=method) == pytest.approx(exact, rel=0.05, abs=1e-13)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"weights": [np.nan], "shape": 1.0, "scale": 1.0}, "weights: got nan, expected a finite number"),
        (
            {"weights": [1.0], "shape": 0.0, "scale": 1.0},
            "shape: got 0.0, expected a positive number below 1e15",
        ),
        (
            {"weights": [1.0], "shape": 1e16, "scale": 1.0},
            "shape: got 1e\\+16, expected a positive number below",
        ),
        (
            {"weights": [1.0], "shape": 1.0, "scale": -2.0},
            "scale: got -2.0, expected a positive finite number",
        ),
        (
            {"weights": [1.0], "shape": 1.0, "scale": 1.0, "active": 1.5},
            "active: got 1.5, expected a probability",
        ),
        (
            {"weights": [1.0], "shape": 1.0, "scale": 1.0, "offset": np.inf},
            "offset: got inf, expected a finite",
        ),
        ({"weights": [], "shape": 1.0, "scale": 1.0}, "at least one term"),
        ({"weights": [0.0, 0.0], "shape": 1.0, "scale": 1.0}, "sum without spread"),
        ({"weights": [1.0], "shape": 1.0, "scale": 1.0, "active": 0.0}, "sum without spread"),
    ],
)
def test_bad_parameters(kwargs, message):
    with pytest.raises(ValueError, match=message):
        WeightedGammaSum(**kwargs)


def test_unknown_method():
    with pytest.raises(NotImplementedError, match="'inversion', 'contour', 'saddlepoint' and no closed form"):
        WeightedGammaSum([1.0], 1.0, 1.0).cdf(1.0, method="closed")


def test_a_term_that_is_never_active_changes_nothing():
    """Its scale, the largest of all, must not limit the tilts that the others allow."""
    with_dead = WeightedGammaSum([0.3, -0.2, 5.0], [2.0, 3.0, 1.0], 0.1, [0.9, 1.0, 0.0])
    without = WeightedGammaSum([0.3, -0.2], [2.0, 3.0], 0.1, [0.9, 1.0])
    np.testing.assert_allclose(np.stack(with_dead.bulk()), np.stack(without.bulk()), rtol=1e-12)
    y = np.linspace(-0.2, 0.3, 7)
    np.testing.assert_allclose(with_dead.logpdf(y), without.logpdf(y), rtol=1e-9)
