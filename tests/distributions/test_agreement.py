"""Every family, every quantity, both routes: they must agree, in value, shape and type."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from aggdist.distributions import Distribution

POINTWISE = ["pdf", "logpdf", "cdf", "sf", "quantile", "cf"]
NUMBERS = ["mean", "var", "std", "skewness", "entropy"]

RELATIVE = 2e-8


Array = NDArray[np.float64]


def along(law: Distribution, values: list[float]) -> Array:
    """Values in a leading axis that broadcasts against the batch of the law."""
    return np.reshape(values, (-1, *(1,) * len(law.batch_shape)))


def arguments(law: Distribution, quantity: str, points: Array, unit: Array) -> Array:
    if quantity == "quantile":
        return along(law, [2e-3, 0.08, 0.33, 0.61, 0.94, 0.997])
    return along(law, [-2.0, -0.6, 0.0, 0.2, 1.1]) / unit if quantity == "cf" else points


def absolute(quantity: str, unit: Array) -> Array | float:
    """What the numeric route loses to rounding, in the units of the quantity."""
    return {"pdf": 1e-9 / unit, "logpdf": 1e-7, "quantile": 1e-11 * unit}.get(quantity, 1e-9)


@pytest.mark.parametrize("quantity", POINTWISE)
def test_closed_and_numeric_functions_agree(
    law: Distribution, points: Array, unit: Array, quantity: str
) -> None:
    at = arguments(law, quantity, points, unit)
    numeric = getattr(law, quantity)(at, method="numeric")
    assert numeric.shape == np.broadcast_shapes(at.shape, law.batch_shape)
    assert numeric.dtype == (np.complex128 if quantity == "cf" else np.float64)
    if not law.has_closed_form(quantity):
        with pytest.raises(NotImplementedError, match=f"{type(law).__name__}.{quantity} has no closed form"):
            getattr(law, quantity)(at, method="closed")
        assert_allclose(getattr(law, quantity)(at), numeric)  # documented as numeric by default
        return
    closed = getattr(law, quantity)(at, method="closed")
    assert closed.shape == numeric.shape
    assert closed.dtype == numeric.dtype
    with np.errstate(invalid="ignore"):
        error = np.abs(closed - numeric) - RELATIVE * np.abs(closed)
    if quantity == "logpdf":
        # The difference quotient has no relative accuracy where hardly any density is.
        error = np.where(closed > np.log(1e-8 / unit), error, 0.0)
    assert np.all(error <= absolute(quantity, unit)), f"largest excess {np.max(error)}"


@pytest.mark.parametrize("quantity", NUMBERS)
def test_closed_and_numeric_numbers_agree(law: Distribution, unit: Array, quantity: str) -> None:
    numeric = getattr(law, quantity)(method="numeric")
    assert numeric.shape == law.batch_shape
    assert numeric.dtype == np.float64
    if not law.has_closed_form(quantity):
        with pytest.raises(NotImplementedError, match="has no closed form"):
            getattr(law, quantity)(method="closed")
        assert_allclose(getattr(law, quantity)(), numeric)
        return
    closed = getattr(law, quantity)(method="closed")
    scale = {"mean": unit, "std": unit, "var": unit**2}.get(quantity, 1.0)
    assert closed.shape == law.batch_shape
    error = np.abs(closed - numeric)
    assert np.all(error <= RELATIVE * np.abs(closed) + 1e-9 * scale), f"{closed} against {numeric}"


@pytest.mark.parametrize("r", [1, 2, 3, 4])
def test_closed_and_numeric_moments_and_cumulants_agree(law: Distribution, points: Array, r: int) -> None:
    size = np.maximum(np.abs(law.mean()), law.std())
    for quantity, scale in (("moment", size), ("cumulant", law.std())):
        closed, numeric = (getattr(law, quantity)(r, method=m) for m in ("closed", "numeric"))
        assert closed.shape == law.batch_shape
        # Central moments by quadrature carry the rounding of points of size |mean|.
        rounding = 1e-8 + 1e-14 * (size / law.std()) ** (2 if quantity == "cumulant" else 0)
        assert np.all(np.abs(closed - numeric) <= RELATIVE * np.abs(closed) + rounding * scale**r)


@pytest.mark.parametrize("r", [0.5, 1.7, 3.2])
def test_fractional_moments_agree(law_with_fractional_moments: Distribution, r: float) -> None:
    law = law_with_fractional_moments
    assert_allclose(law.moment(r), law.moment(r, method="numeric"), rtol=1e-8)


def test_points_broadcast_in_leading_axes(law: Distribution, points: Array) -> None:
    batch = law.batch_shape
    x = points.copy()
    for quantity in ("pdf", "logpdf", "cdf", "sf", "cf"):
        function = getattr(law, quantity)
        whole = function(x)
        assert whole.shape == (4, *batch)
        assert function(np.reshape(x, (2, 2, *batch))).shape == (2, 2, *batch)
        assert_allclose(function(x[2]), whole[2], rtol=1e-9, atol=1e-12)
        assert function(float(x.ravel()[0])).shape == batch
    assert law.quantile(0.3).shape == batch


def test_single_precision_points_give_double_results(law: Distribution, points: Array) -> None:
    x = points.copy().astype(np.float32)
    assert law.cdf(x).dtype == np.float64
    assert_allclose(law.cdf(x), law.cdf(x.astype(np.float64)))


@pytest.mark.parametrize("method", [None, "numeric"])
def test_nan_points_stay_nan_and_nothing_else_becomes_nan(
    law: Distribution, points: Array, method: str | None
) -> None:
    x = points.copy()[:3]
    x[1] = np.nan
    for quantity in ("pdf", "logpdf", "cdf", "sf"):
        value = getattr(law, quantity)(x, method=method)
        assert np.all(np.isnan(value[1]))
        assert not np.any(np.isnan(value[[0, 2]]))
    level = along(law, [0.2, np.nan])
    assert np.array_equal(
        np.isnan(law.quantile(level)), np.broadcast_to(np.isnan(level), (2, *law.batch_shape))
    )
    assert np.all(np.isnan(law.cf(along(law, [np.nan]))))


@pytest.mark.parametrize("method", [None, "numeric"])
def test_outside_the_support(law: Distribution, unit: Array, method: str | None) -> None:
    low, high = law.support()
    width = unit
    below = np.where(np.isfinite(low), low - 2 * width, -np.inf)
    above = np.where(np.isfinite(high), high + 2 * width, np.inf)
    for point, cdf in ((below, 0.0), (above, 1.0)):
        assert np.all(law.pdf(point, method=method) == 0)
        assert np.all(law.logpdf(point, method=method) == -np.inf)
        assert_allclose(law.cdf(point, method=method), cdf, atol=1e-14)
        assert_allclose(law.sf(point, method=method), 1 - cdf, atol=1e-14)


def test_end_points(law: Distribution) -> None:
    low, high = law.support()
    assert np.array_equal(law.quantile(0.0), low)
    assert np.array_equal(law.quantile(1.0), high)
    mass_at_low = sum(
        (np.where(a.location == low, a.mass, 0.0) for a in law.atoms()), start=np.zeros(low.shape)
    )
    assert_allclose(law.cdf(low), mass_at_low, atol=1e-15)
    assert_allclose(law.sf(low), 1 - mass_at_low, atol=1e-15)
    assert_allclose(law.cdf(high), 1.0, atol=1e-15)
    assert_allclose(law.sf(high), 0.0, atol=1e-15)


def test_mass_is_one_and_atoms_are_jumps(law: Distribution) -> None:
    total = sum((a.mass for a in law.atoms()), start=np.zeros(law.batch_shape))
    assert np.all((total >= 0) & (total <= 1))
    assert_allclose(law.cdf(law.support()[1], method="numeric"), 1.0, rtol=1e-10)
    for atom in law.atoms():
        before = np.nextafter(atom.location, -np.inf)
        # A density pole beside the atom holds up to spacing^shape, 1e-8 for shape 1/2.
        assert_allclose(law.cdf(atom.location) - law.cdf(before), atom.mass, atol=3e-8)


def test_cdf_and_sf_add_to_one(law: Distribution, points: Array) -> None:
    x = points.copy()
    assert_allclose(law.cdf(x) + law.sf(x), 1.0, rtol=1e-13)
    assert_allclose(np.exp(law.logpdf(x)), law.pdf(x), rtol=1e-12)


def test_unknown_route_is_refused(law: Distribution) -> None:
    for quantity, args in (("pdf", (0.0,)), ("quantile", (0.5,)), ("moment", (1,)), ("entropy", ())):
        with pytest.raises(
            NotImplementedError, match=r"method: got 'quadrature'.*expected 'closed' or 'numeric'"
        ):
            getattr(law, quantity)(*args, method="quadrature")


def test_sample_has_the_right_shape_and_mean(law: Distribution) -> None:
    assert law.sample(np.random.default_rng(1)).shape == law.batch_shape
    assert law.sample(np.random.default_rng(1), 4).shape == (4, *law.batch_shape)
    draws = law.sample(np.random.default_rng(1), (100, 100))
    assert draws.shape == (100, 100, *law.batch_shape)
    assert np.array_equal(draws, law.sample(np.random.default_rng(1), (100, 100)))
    draws = draws.reshape(-1, *law.batch_shape)
    assert np.all(np.abs(draws.mean(axis=0) - law.mean()) <= 5 * law.std() / np.sqrt(len(draws)))
    for atom in law.atoms():
        share = np.mean(np.abs(draws - atom.location) < 1e-300, axis=0)
        error = np.sqrt(atom.mass * (1 - atom.mass) / len(draws))
        assert np.all(np.abs(share - atom.mass) <= 5 * error + 1e-9)


def test_sample_follows_the_cdf(law: Distribution) -> None:
    """Kolmogorov's distance of 4000 draws stays below its 1 - 1e-6 quantile, 2.7/sqrt(n)."""
    draws = np.sort(law.sample(np.random.default_rng(7), 4000), axis=0)
    n = len(draws)
    ranks = np.arange(1, n + 1).reshape(-1, *(1,) * len(law.batch_shape))
    upto = law.cdf(draws)
    # Only the last of equal draws has the rank that the cdf predicts.
    last = np.concatenate([draws[1:] > draws[:-1], np.ones((1, *law.batch_shape), bool)])
    assert np.max(np.where(last, np.abs(upto - ranks / n), 0.0)) < 2.7 / np.sqrt(n)


def test_parts_and_repetition(law: Distribution) -> None:
    first = law[0]
    assert first.batch_shape == law.batch_shape[1:]
    assert_allclose(first.mean(), law.mean()[0])
    wide = law.expand((3, *law.batch_shape))
    assert wide.batch_shape == (3, *law.batch_shape)
    assert_allclose(wide.std()[2], law.std())
