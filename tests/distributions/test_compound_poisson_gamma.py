"""The compound Poisson-gamma law in Tweedie's parameters, and its density against special functions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import special

from aggdist.distributions import CompoundPoissonGamma, skewness_ratio

positive = st.floats(0.01, 100)


@given(positive, positive, st.floats(1.02, 1.98))
def test_tweedie_parameters_go_there_and_back(mean: float, dispersion: float, power: float) -> None:
    # Beyond that intensity the family itself refuses.
    if mean ** (2 - power) / (dispersion * (2 - power)) < 1e9:
        law = CompoundPoissonGamma.from_tweedie(mean, dispersion, power)
        assert_allclose([law.mean(), law.dispersion, law.power], [mean, dispersion, power], rtol=1e-10)
        assert_allclose(law.var(), dispersion * mean**power, rtol=1e-10)
        assert_allclose(skewness_ratio(law), power / 2, rtol=1e-10)


def test_averaging_divides_the_dispersion() -> None:
    law = CompoundPoissonGamma.from_tweedie(2.0, 0.7, 1.4)
    n = 5
    average = CompoundPoissonGamma(n * law.intensity, law.shape, law.scale / n)
    assert_allclose([average.mean(), average.power], [2.0, 1.4])
    assert_allclose(average.dispersion, 0.7 / n)


def test_a_batch_broadcasts() -> None:
    law = CompoundPoissonGamma.from_tweedie([1.0, 2.0], 0.5, [[1.2], [1.8]])
    assert law.batch_shape == (2, 2)
    assert law.dispersion.shape == (2, 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0.0, 1.0, 1.5), r"mean: got 0.0, expected a positive finite number"),
        ((1.0, -1.0, 1.5), r"dispersion: got -1.0, expected a positive finite number"),
        ((1.0, 1.0, 2.0), r"power: got 2.0, expected a number strictly between 1 and 2"),
        ((1.0, 1.0, 1.0), r"power: got 1.0, expected a number strictly between 1 and 2"),
        ((1.0, 1.0, np.nan), r"power: got nan, expected a finite number"),
    ],
)
def test_other_tweedie_laws_are_refused(values: tuple[float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CompoundPoissonGamma.from_tweedie(*values)


@given(st.floats(0.01, 60), st.floats(0.1, 4.5), st.floats(0.02, 6))
def test_density_is_wrights_function(intensity: float, shape: float, point: float) -> None:
    x = point * max(intensity, 1.0) * shape
    argument = intensity * x**shape
    if argument < 1e4:  # beyond, SciPy's function has only six digits
        expected = special.log_wright_bessel(shape, 0.0, argument) - intensity - x - np.log(x)
        assert_allclose(CompoundPoissonGamma(intensity, shape, 1.0).logpdf(x), expected, rtol=1e-9, atol=1e-9)
