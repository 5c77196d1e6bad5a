"""Bad input: each message names what was got and what was expected."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from aggdist.distributions import (
    Affine,
    BinomialGamma,
    CompoundPoissonGamma,
    Exponential,
    Gamma,
    GeneralisedExtremeValue,
    GeneralisedGamma,
    Gumbel,
    Mixture,
    Normal,
    NormalInverseGaussian,
    RectifiedNormal,
    ShiftedGamma,
    SkewNormal,
    ZeroInflatedGamma,
    ZeroInflatedGeneralisedGamma,
    gamma_ratio,
    rectified_normal_ratio,
    zero_inflated_gamma_ratio,
)

NAN = float("nan")
RNG = np.random.default_rng(0)

PARAMETERS: list[tuple[Callable[[], object], str]] = [
    (lambda: Normal(NAN, 1.0), r"location: got nan, expected a finite number"),
    (lambda: Normal(0.0, [1.0, 0.0]), r"scale: got 0.0, expected a positive finite number"),
    (lambda: Exponential(-1.0), r"scale: got -1.0, expected a positive finite number"),
    (lambda: Exponential(np.inf), r"scale: got inf, expected a positive finite number"),
    (lambda: Gamma(1e16, 1.0), r"shape: got 1e\+16, expected a positive number below 1e15; use Normal"),
    (lambda: Gamma(NAN, 1.0), r"shape: got nan, expected a positive number"),
    (
        lambda: Gamma([1.0, 2.0], [1.0, 2.0, 3.0]),
        r"Gamma: got parameters of shapes shape \(2,\), scale \(3,\)",
    ),
    (lambda: ZeroInflatedGamma(1.2, 1.0, 1.0), r"active: got 1.2, expected a probability between 0 and 1"),
    (lambda: ZeroInflatedGamma(NAN, 1.0, 1.0), r"active: got nan, expected a probability"),
    (lambda: RectifiedNormal(0.0, -1.0), r"scale: got -1.0, expected a positive finite number"),
    (lambda: BinomialGamma(0.5, 1.0, 1.0, 2.5), r"positions: got 2.5, expected a whole number >= 1"),
    (lambda: BinomialGamma(0.5, 1.0, 1.0, 0), r"positions: got 0.0, expected a whole number >= 1"),
    (lambda: CompoundPoissonGamma(0.0, 1.0, 1.0), r"intensity: got 0.0, expected a positive finite number"),
    (lambda: CompoundPoissonGamma(1e11, 1.0, 1.0), r"intensity: got 100000000000.0, expected less than 1e10"),
    (lambda: ShiftedGamma(0.0, 1.0, 2e3), r"skew: got 2000.0, expected a skewness between -1000 and 1000"),
    (
        lambda: SkewNormal(0.0, 1.0, 0.995),
        r"skew: got 0.995, expected at most 0.99 in modulus; see ShiftedGamma",
    ),
    (lambda: SkewNormal(0.0, 1.0, [0.3, -1.0]), r"skew: got -1.0, expected at most 0.99 in modulus"),
    (lambda: SkewNormal(0.0, 1.0, NAN), r"skew: got nan, expected a finite number"),
    (lambda: SkewNormal(0.0, 0.0, 0.1), r"scale: got 0.0, expected a positive finite number"),
    (
        lambda: NormalInverseGaussian(0.0, 1.0, 0.0, [1.0, 9e-5]),
        r"kurtosis: got 9e-05, expected an excess kurtosis between 1e-4 and 1e6; use Normal below",
    ),
    (lambda: NormalInverseGaussian(0.0, 1.0, 0.0, 2e6), r"kurtosis: got 2000000.0, expected an excess kurt"),
    (
        lambda: NormalInverseGaussian(0.0, 1.0, [0.1, 3.0], 15.0),
        r"kurtosis: got 15.0, expected more than 5/3 skew\^2; raise it",
    ),
    (lambda: NormalInverseGaussian(0.0, 1.0, 1e200, 15.0), r"kurtosis: got 15.0, expected more than 5/3"),
    (lambda: NormalInverseGaussian(0.0, 1.0, NAN, 1.0), r"skew: got nan, expected a finite number"),
    (lambda: NormalInverseGaussian(0.0, 0.0, 0.1, 1.0), r"scale: got 0.0, expected a positive finite number"),
    (lambda: GeneralisedGamma(1.0, 0.0, 1.0), r"d: got 0.0, expected a positive finite number"),
    (lambda: GeneralisedGamma(1.0, 1e9, 1e-9), r"d/power: got .*, expected a positive number below 1e15"),
    (
        lambda: ZeroInflatedGeneralisedGamma(1.2, 1.0, 1.0, 1.0),
        r"active: got 1.2, expected a probability between 0 and 1",
    ),
    (
        lambda: ZeroInflatedGeneralisedGamma(0.5, 1.0, 1.0, 0.0),
        r"power: got 0.0, expected a positive finite number",
    ),
    (
        lambda: ZeroInflatedGeneralisedGamma(0.5, 1.0, [1.0, 1e-5], 0.01),
        r"scale: got 1e-05, expected scale\*\*\(1/power\) in the range of doubles",
    ),
    (lambda: Gumbel(0.0, 0.0), r"scale: got 0.0, expected a positive finite number"),
    (
        lambda: GeneralisedExtremeValue(0.0, 1.0, 11.0),
        r"shape: got 11.0, expected a number between -10 and 10",
    ),
    (lambda: Affine(Normal(0.0, 1.0), 0.0, 0.0), r"factor: got 0.0, expected a factor that is not 0"),
    (
        lambda: Mixture(Normal([0.0, 1.0], 1.0), [0.5, 0.6]),
        r"weights: got 1.1, expected weights that sum to 1",
    ),
    (lambda: Mixture(Normal([0.0, 1.0], 1.0), [1.5, -0.5]), r"weights: got -0.5, expected numbers >= 0"),
    (
        lambda: Mixture(Normal([0.0, 1.0], 1.0), [1.0]),
        r"weights: got shape \(1,\) for components of batch \(2,\)",
    ),
    (lambda: Mixture(Normal(np.zeros(0), 1.0), []), r"weights: got shape \(0,\).*at least 1"),
    (lambda: Mixture(Normal(0.0, 1.0), [1.0]), r"weights: got shape \(1,\) for components of batch \(\)"),
    (lambda: gamma_ratio(1.0, 0.0, 1.0), r"kappa2: got 0.0, expected a positive finite number"),
    (lambda: rectified_normal_ratio(np.inf), r"d: got inf, expected a finite number"),
    (lambda: zero_inflated_gamma_ratio(-0.1, 1.0), r"active: got -0.1, expected a probability"),
]

TYPES: list[tuple[Callable[[], object], str]] = [
    (lambda: Normal("0", 1.0), r"location: got values of type <U1, expected real numbers"),
    (lambda: Gamma(1 + 2j, 1.0), r"shape: got values of type complex128, expected real numbers"),
    (lambda: Affine(3.0), r"law: got float, expected a Distribution"),
    (lambda: Mixture(3.0, [1.0]), r"components: got float, expected a Distribution"),
    (lambda: Normal(0.0, 1.0).sample(0), r"rng: got int, expected a numpy Generator"),
    (lambda: Normal(0.0, 1.0).cumulant(1.5), r"r: got 1.5, expected a whole number"),
    (lambda: Normal(0.0, 1.0).pdf(1j), r"x: got values of type complex128"),
]

CALLS: list[tuple[Callable[[], object], str]] = [
    (
        lambda: Gamma([1.0, 2.0], 1.0).pdf([0.1, 0.2, 0.3]),
        r"x: got shape \(3,\), expected one that broadcasts",
    ),
    (lambda: Normal(0.0, 1.0).quantile(1.5), r"u: got 1.5, expected a probability between 0 and 1"),
    (lambda: Normal(0.0, 1.0).cumulant(0), r"r: got 0, expected a whole number of at least 1"),
    (lambda: Normal(0.0, 1.0).moment(-1), r"r: got -1, expected an order >= 0"),
    (
        lambda: Normal(0.0, 1.0).moment(0.5),
        r"r: got 0.5, expected a whole number because the support reaches",
    ),
    (lambda: Gamma(1.0, 1.0).expand((3,))[1].expand((0, 2))[5], r"index 5 is out of bounds"),
]

FITS: list[tuple[Callable[[], object], str]] = [
    (
        lambda: Gamma.fit_mle([1.0, 0.0, 2.0]),
        r"x: got 1 observations <= 0, expected positive ones; fit ZeroInfl",
    ),
    (lambda: Gamma.fit_mle([1.0, -2.0, 2.0]), r"x: got 1 observations <= 0, expected positive ones"),
    (lambda: Gamma.fit_mle([2.0, 2.0]), r"log_mean: got 1 samples whose mean logarithm is not below"),
    (lambda: Gamma.fit_mle([2.0]), r"x: got 1 observations along axis 0, expected at least 2"),
    (lambda: Gamma.fit_mle(2.0), r"x: got a single number, expected an array"),
    (lambda: Gamma.fit_mle([1.0, NAN]), r"x: got NaN or infinite observations"),
    (lambda: Gamma.fit_mle([1.0, np.inf, -np.inf]), r"x: got NaN or infinite observations"),
    (lambda: Gamma.from_log_mean(1.0, NAN), r"log_mean: got nan, expected a finite mean logarithm"),
    (lambda: Gamma.from_log_mean(1.0, 0.1), r"log_mean: got 1 samples whose mean logarithm is not below"),
    (lambda: Gamma.fit_moments(1.0, 0.0), r"var: got 0.0, expected a positive finite number"),
    (lambda: SkewNormal.fit_moments(1.0, 0.0, 1.0), r"var: got 0.0, expected a positive finite number"),
    (lambda: SkewNormal.fit_moments(1.0, 1.0, NAN), r"third_cumulant: got nan, expected a finite number"),
    (
        lambda: NormalInverseGaussian.fit_moments(1.0, 0.0, 1.0, 1.0),
        r"var: got 0.0, expected a positive finite number",
    ),
    (
        lambda: NormalInverseGaussian.fit_moments(1.0, 1.0, 1.0, NAN),
        r"fourth_cumulant: got nan, expected a finite number",
    ),
    (lambda: Normal.fit_mle([2.0, 2.0]), r"x: got 1 samples without spread, expected two different values"),
    (lambda: Exponential.fit_mle([-1.0]), r"x: got -1.0, expected observations >= 0"),
    (lambda: Exponential.fit_mle([0.0, 0.0]), r"x: got a sample of zeros only, expected a positive value"),
    (lambda: ZeroInflatedGamma.fit_mle([-1.0, 1.0]), r"x: got -1.0, expected observations >= 0; rectify"),
    (
        lambda: ZeroInflatedGamma.fit_sufficient(3, 4, 1.0, 0.0),
        r"n_positive: got 4.0, expected a count between",
    ),
    (
        lambda: ZeroInflatedGamma.fit_sufficient(3, 0, 1.0, 0.0),
        r"total: got 1.0, expected a positive sum, or 0",
    ),
    (
        lambda: ZeroInflatedGamma.fit_moments(0.5, 1.0, 0.5),
        r"var: got 0.5, expected more than mean\^2 \(1 - act",
    ),
    (
        lambda: ZeroInflatedGamma.fit_moments(0.0, 1.0, 0.5),
        r"active: got 0.0, expected a positive probability",
    ),
    (lambda: RectifiedNormal.fit_mle([-1.0, 1.0]), r"x: got -1.0, expected observations >= 0; rectify"),
    (lambda: RectifiedNormal.fit_mle([0.0, 0.0]), r"x: got 1 samples without a positive value"),
    (
        lambda: RectifiedNormal.fit_mle([2.0, 2.0]),
        r"x: got 2.0, expected observations that are not all equal",
    ),
    (lambda: Gumbel.fit_mle([2.0, 2.0]), r"x: got 0.0, expected observations that are not all equal"),
    (
        lambda: CompoundPoissonGamma.fit_moments(1.0, 1.0, 1.0),
        r"silent: got 1.0, expected a probability strictly",
    ),
    (
        lambda: CompoundPoissonGamma.fit_moments(0.5, 1.0, 1.0),
        r"var: got 1.0, expected more than mean\^2 / -log",
    ),
    (lambda: CompoundPoissonGamma.fit_mle([0.0, -1.0, 1.0]), r"x: got -1.0, expected observations >= 0"),
    (
        lambda: CompoundPoissonGamma.fit_mle([0.0, 1.0, 1.0]),
        r"x: got 1.0, expected a sample with zeros and with",
    ),
    (
        lambda: CompoundPoissonGamma.fit_mle([3.0, 1.0, 2.0]),
        r"x: got 3.0, expected a sample with zeros and with",
    ),
    (lambda: GeneralisedGamma.fit_mle([0.0, 1.0, 2.0]), r"x: got 0.0, expected positive observations"),
    (
        lambda: GeneralisedGamma.fit_mle([1.0, 1.0, 1.0]),
        r"x: got 0.0, expected observations that are not all equ",
    ),
    (
        lambda: GeneralisedGamma.fit_mle([1.0, 1.1, 9.0]),
        r"x: got .*, expected a sample whose logarithms are skew",
    ),
    (
        lambda: ZeroInflatedGeneralisedGamma.fit_powers([-1.0, 1.0]),
        r"x: got -1.0, expected observations >= 0; rectify",
    ),
    (
        lambda: ZeroInflatedGeneralisedGamma.fit_powers([1.0, 2.0], (1.0, 0.5)),
        r"powers: got \(1.0, 0.5\), expected an ascending sequence of positive",
    ),
    (
        lambda: ZeroInflatedGeneralisedGamma.fit_powers([1.0, 2.0], (0.0, 0.5)),
        r"powers: got 0.0, expected a positive finite number",
    ),
    (lambda: GeneralisedGamma.fit_mle([1.0, 9.0, 9.0]), r"x: got 1 samples for which the profile likelihood"),
    (lambda: GeneralisedExtremeValue.fit_moments(1.0, 0.5, 0.3), r"b1: got 0.5, expected more than b0/2"),
    (
        lambda: GeneralisedExtremeValue.fit_moments(1.0, 0.8, 9.0),
        r"b2: got 9.0, expected the weighted moments",
    ),
    (
        lambda: GeneralisedExtremeValue.fit_mle([0.0, 1.0, 1.5]),
        r"x: got 1 samples whose likelihood has no maximum",
    ),
    (
        lambda: BinomialGamma.fit_mle([0.0, 1.0, 2.0]),
        r"positions: got None, expected the number of positions N",
    ),
    (
        lambda: BinomialGamma.fit_mle([0.0, -1.0, 2.0], positions=9),
        r"x: got -1.0, expected observations >= 0",
    ),
    (
        lambda: BinomialGamma.fit_mle([0.5, 1.0, 2.0], positions=9),
        r"x: got 2.0, expected a sample with zeros",
    ),
]

MISSING: list[tuple[Callable[[], object], str]] = [
    (
        lambda: ShiftedGamma.fit_mle([1.0, 2.0]),
        r"ShiftedGamma.fit_mle does not exist: the likelihood is unbounded",
    ),
    (
        lambda: SkewNormal.fit_mle([1.0, 2.0]),
        r"SkewNormal.fit_mle does not exist: for some samples the likelihood rises up to the half-normal",
    ),
    (
        lambda: NormalInverseGaussian.fit_mle([1.0, 2.0]),
        r"NormalInverseGaussian.fit_mle does not exist: for some samples the likelihood rises up to the normal",
    ),
    (lambda: Mixture.fit_mle([1.0, 2.0]), r"Mixture.fit_mle does not exist: the likelihood is unbounded"),
    (
        lambda: ZeroInflatedGeneralisedGamma.fit_mle([1.0, 2.0]),
        r"ZeroInflatedGeneralisedGamma.fit_mle does not exist: .* use fit_powers",
    ),
    (lambda: Affine.fit_mle([1.0, 2.0]), r"Affine.fit_mle does not exist; see the class"),
    (
        lambda: BinomialGamma(0.5, 1.0, 1.0, 2).moment(0.5),
        r"r: got 0.5, fractional moments have no closed form",
    ),
    (
        lambda: GeneralisedExtremeValue(9.0, 1.0, 0.2).moment(0.5),
        r"r: got 0.5, fractional moments have no closed",
    ),
    (
        lambda: Affine(Gamma(1.0, 1.0), 1.0).moment(0.5),
        r"r: got 0.5, fractional moments of a shifted law have no",
    ),
]


@pytest.mark.parametrize(("call", "message"), [*PARAMETERS, *FITS])
def test_values_outside_the_domain(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("call", "message"), CALLS)
def test_calls_that_make_no_sense(call: Callable[[], object], message: str) -> None:
    with pytest.raises((ValueError, IndexError, TypeError), match=message):
        call()


@pytest.mark.parametrize(("call", "message"), TYPES)
def test_wrong_types(call: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(("call", "message"), MISSING)
def test_what_does_not_exist(call: Callable[[], object], message: str) -> None:
    with pytest.raises(NotImplementedError, match=message):
        call()


def test_parameters_are_frozen_copies() -> None:
    shape = np.array([1.0, 2.0])
    law = Gamma(shape, 1.0)
    shape[0] = 9.0
    assert law.shape[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        law.shape[0] = 3.0
    with pytest.raises(AttributeError, match="cannot assign"):
        law.shape = shape  # type: ignore[misc]


def test_single_precision_and_whole_number_parameters_become_double() -> None:
    law = Gamma(np.float32(2.5), 3)
    assert law.shape.dtype == law.scale.dtype == np.float64
