"""Kullback-Leibler divergences in closed form: a registry over ordered pairs of families.

`KL(p || q) = E_p log(p/q)` in nats, with respect to Lebesgue measure plus counting measure on the atoms. A pair
without a closed form can be computed by quadrature (`quadrature.py`); both routes agree where both exist, and
the tests iterate over this registry to see that they do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist.distributions.affine import Affine
from aggdist.distributions.base import Distribution
from aggdist.distributions.exponential import Exponential
from aggdist.distributions.gamma import Gamma
from aggdist.distributions.generalised_gamma import GeneralisedGamma
from aggdist.distributions.gumbel import Gumbel
from aggdist.distributions.normal import Normal
from aggdist.distributions.rectified_normal import RectifiedNormal
from aggdist.distributions.special import (
    HALF_LOG_TWO_PI,
    digamma_remainder,
    log1p_remainder,
    stirling_remainder,
)
from aggdist.distributions.zero_inflated_gamma import ZeroInflatedGamma
from aggdist.divergence.quadrature import kl_quadrature

Array = NDArray[np.float64]
Formula = Callable[[Any, Any], Array]
METHODS = ("closed", "quadrature")


class RegisteredPair(NamedTuple):
    """An ordered pair of families with a closed form: the types, the function, and the formula in LaTeX."""

    p: type[Distribution]
    q: type[Distribution]
    function: Formula
    formula: str


_PAIRS: dict[tuple[type[Distribution], type[Distribution]], RegisteredPair] = {}


def register_kl(p: type[Distribution], q: type[Distribution], formula: str) -> Callable[[Formula], Formula]:
    """Register the decorated function of two laws as the closed form of KL(p || q).

    Parameters
    ----------
    p, q : types
        The families, in order.
    formula : str
        The formula in LaTeX, for the table of pairs in the book.

    Raises
    ------
    ValueError
        If the ordered pair has a closed form already.
    """

    def register(function: Formula) -> Formula:
        if (p, q) in _PAIRS:
            raise ValueError(f"got {p.__name__}, {q.__name__} a second time, expected each ordered pair once")
        _PAIRS[p, q] = RegisteredPair(p, q, function, formula)
        return function

    return register


def registered_pairs() -> tuple[RegisteredPair, ...]:
    """All ordered pairs with a closed form, by name."""
    return tuple(sorted(_PAIRS.values(), key=lambda pair: (pair.p.__name__, pair.q.__name__)))


def kl_divergence(p: Distribution, q: Distribution, *, method: str | None = None) -> Array:
    """Kullback-Leibler divergence KL(p || q) in nats.

    Parameters
    ----------
    p, q : Distribution
        Laws whose batches broadcast.
    method : {"closed", "quadrature"}, optional
        ``"closed"`` uses the registered formula, ``"quadrature"`` integrates; without `method` the closed form is
        used where there is one, quadrature elsewhere.

    Returns
    -------
    array of the broadcast shape; infinite where p puts mass where q has none: an atom of p that q lacks,
    or support beyond that of q.

    Raises
    ------
    NotImplementedError
        For method="closed" without a closed form, or an unknown method.
    TypeError
        If p or q is not a Distribution.

    Reference: Kullback and Leibler (1951); Cover and Thomas (2006), chapter 8.
    """
    for name, law in (("p", p), ("q", q)):
        if not isinstance(law, Distribution):
            raise TypeError(
                f"{name}: got {type(law).__name__}, expected a Distribution; samples go to knn_kl"
            )
    if method is not None and method not in METHODS:
        raise NotImplementedError(f"method: got {method!r}, expected 'closed' or 'quadrature'")
    if method == "quadrature":
        return kl_quadrature(p, q)
    try:
        return _closed(p, q)
    except NotImplementedError:
        if method == "closed":
            raise
        return kl_quadrature(p, q)


def _closed(p: Distribution, q: Distribution) -> Array:
    pair = _PAIRS.get((type(p), type(q)))
    if pair is None:
        raise NotImplementedError(
            f"KL({type(p).__name__} || {type(q).__name__}) has no closed form here; pass method='quadrature', or add "
            "one with register_kl"
        )
    with np.errstate(all="ignore"):
        value = np.asarray(pair.function(p, q), dtype=np.float64)
    # Rounding can leave a tiny negative number for equal laws; a divergence is never below 0.
    return np.array(
        np.maximum(np.broadcast_to(value, np.broadcast_shapes(p.batch_shape, q.batch_shape)), 0.0)
    )


def _excess(ratio: Array) -> Array:
    """`v - 1 - log v` without cancellation near v = 1."""
    away = ratio - 1
    return np.asarray(away * away * log1p_remainder(away))


@register_kl(
    Gamma,
    Gamma,
    r"(a_1-a_2)\psi(a_1)-\ln\Gamma(a_1)+\ln\Gamma(a_2)+a_2\ln\frac{\theta_2}{\theta_1}+a_1\frac{\theta_1-\theta_2}{\theta_2}",
)
def _gamma_gamma(p: Gamma, q: Gamma) -> Array:
    """Arranged by means: `a2 g(m1/m2) + g(a2/a1)/2 + rest`, g(v) = v - 1 - log v, which keeps large shapes exact."""
    a, b = p.shape, q.shape
    rate = b * _excess(p.mean() / q.mean())
    rest = (b - a) * digamma_remainder(1 / a) + stirling_remainder(1 / b) - stirling_remainder(1 / a)
    return np.asarray(rate + 0.5 * _excess(b / a) + rest)


@register_kl(Exponential, Exponential, r"\frac{\theta_1}{\theta_2}-1-\ln\frac{\theta_1}{\theta_2}")
def _exponential_exponential(p: Exponential, q: Exponential) -> Array:
    return _excess(p.scale / q.scale)


@register_kl(Exponential, Gamma, r"\text{gamma with }a_1=1")
def _exponential_gamma(p: Exponential, q: Gamma) -> Array:
    return _gamma_gamma(Gamma(np.array(1.0), p.scale), q)


@register_kl(Gamma, Exponential, r"\text{gamma with }a_2=1")
def _gamma_exponential(p: Gamma, q: Exponential) -> Array:
    return _gamma_gamma(p, Gamma(np.array(1.0), q.scale))


@register_kl(
    Normal,
    Normal,
    r"\ln\frac{\sigma_2}{\sigma_1}+\frac{\sigma_1^2+(\mu_1-\mu_2)^2}{2\sigma_2^2}-\frac12",
)
def _normal_normal(p: Normal, q: Normal) -> Array:
    away = (p.location - q.location) / q.scale
    return 0.5 * _excess((p.scale / q.scale) ** 2) + 0.5 * away**2


@register_kl(
    GeneralisedGamma,
    GeneralisedGamma,
    r"\ln\frac{p_1s_2^{d_2}\Gamma(d_2/p_2)}{p_2s_1^{d_1}\Gamma(d_1/p_1)}"
    r"+\Bigl[\tfrac{\psi(d_1/p_1)}{p_1}+\ln s_1\Bigr](d_1-d_2)"
    r"+\frac{\Gamma((d_1+p_2)/p_1)}{\Gamma(d_1/p_1)}\Bigl(\frac{s_1}{s_2}\Bigr)^{p_2}-\frac{d_1}{p_1}",
)
def _generalised_gamma(p: GeneralisedGamma, q: GeneralisedGamma) -> Array:
    """Bauckhage (2014), arXiv:1401.6853, with both scales divided by s1."""
    k, ratio = p.d / p.power, q.scale / p.scale
    norm = (
        np.log(p.power / q.power) + q.d * np.log(ratio) + special.gammaln(q.d / q.power) - special.gammaln(k)
    )
    power = np.exp(special.gammaln(k + q.power / p.power) - special.gammaln(k) - q.power * np.log(ratio))
    return np.asarray(norm + special.digamma(k) / p.power * (p.d - q.d) + power - k)


@register_kl(
    Gumbel,
    Gumbel,
    r"\ln\frac{\beta_2}{\beta_1}+\gamma\Bigl(\frac{\beta_1}{\beta_2}-1\Bigr)+\frac{\mu_1-\mu_2}{\beta_2}"
    r"+e^{(\mu_2-\mu_1)/\beta_2}\,\Gamma\Bigl(\frac{\beta_1}{\beta_2}+1\Bigr)-1",
)
def _gumbel_gumbel(p: Gumbel, q: Gumbel) -> Array:
    ratio, away = p.scale / q.scale, (p.location - q.location) / q.scale
    tail = np.expm1(special.gammaln(ratio + 1) - away)
    return np.asarray(-np.log(ratio) + np.euler_gamma * (ratio - 1) + away + tail)


def _to_normal(p: Distribution, q: Normal) -> Array:
    """-entropy(p) minus the expectation of the normal log density, which needs two moments of p."""
    away = (p.mean() - q.location) / q.scale
    return np.asarray(
        -p.entropy() + np.log(q.scale) + HALF_LOG_TWO_PI + 0.5 * (p.var() / q.scale**2 + away**2)
    )


@register_kl(
    Gamma,
    Normal,
    r"-\text{entropy}(p)+\tfrac12\ln(2\pi\sigma_2^2)+\frac{a_1\theta_1^2+(a_1\theta_1-\mu_2)^2}{2\sigma_2^2}",
)
def _gamma_normal(p: Gamma, q: Normal) -> Array:
    return _to_normal(p, q)


@register_kl(
    Gumbel,
    Normal,
    r"-\ln\beta_1-\gamma-1+\tfrac12\ln(2\pi\sigma_2^2)+\frac{\pi^2\beta_1^2/6+(\mu_1+\gamma\beta_1-\mu_2)^2}{2\sigma_2^2}",
)
def _gumbel_normal(p: Gumbel, q: Normal) -> Array:
    return _to_normal(p, q)


@register_kl(
    Normal,
    Gumbel,
    r"-\tfrac12\ln(2\pi e\sigma_1^2)+\ln\beta_2+\frac{\mu_1-\mu_2}{\beta_2}"
    r"+e^{-(\mu_1-\mu_2)/\beta_2+\sigma_1^2/(2\beta_2^2)}",
)
def _normal_gumbel(p: Normal, q: Gumbel) -> Array:
    away, width = (p.location - q.location) / q.scale, p.scale / q.scale
    return np.asarray(-0.5 - HALF_LOG_TWO_PI - np.log(width) + away + np.exp(-away + 0.5 * width**2))


def _binary(first: Array, second: Array) -> Array:
    """KL between two Bernoulli laws of a success, infinite where one outcome is impossible for the second only."""
    return np.asarray(special.rel_entr(first, second) + special.rel_entr(1 - first, 1 - second))


@register_kl(
    ZeroInflatedGamma,
    ZeroInflatedGamma,
    r"(1-\alpha_1)\ln\frac{1-\alpha_1}{1-\alpha_2}+\alpha_1\ln\frac{\alpha_1}{\alpha_2}"
    r"+\alpha_1\,D(\text{gamma}\,\|\,\text{gamma})",
)
def _zero_inflated(p: ZeroInflatedGamma, q: ZeroInflatedGamma) -> Array:
    positive = np.where(p.active > 0, p.active * _gamma_gamma(p.positive_part, q.positive_part), 0.0)
    return _binary(p.active, q.active) + positive


@register_kl(Gamma, ZeroInflatedGamma, r"-\ln \alpha_2+D(\text{gamma}\,\|\,\text{gamma})")
def _gamma_zero_inflated(p: Gamma, q: ZeroInflatedGamma) -> Array:
    return _gamma_gamma(p, q.positive_part) - np.log(q.active)


@register_kl(ZeroInflatedGamma, Gamma, r"\infty\text{ where }\alpha_1<1,\text{ else gamma}")
def _zero_inflated_gamma(p: ZeroInflatedGamma, q: Gamma) -> Array:
    return np.where(p.active < 1, np.inf, _gamma_gamma(p.positive_part, q))


@register_kl(
    RectifiedNormal,
    RectifiedNormal,
    r"\Phi(-d_1)\ln\frac{\Phi(-d_1)}{\Phi(-d_2)}+\Phi(d_1)\ln\frac{\sigma_2}{\sigma_1}-\tfrac12S"
    r"+\frac{\sigma_1^2S+2\sigma_1\delta\varphi(d_1)+\delta^2\Phi(d_1)}{2\sigma_2^2},\quad"
    r" S=\Phi(d_1)-d_1\varphi(d_1),\ \delta=\mu_1-\mu_2",
)
def _rectified(p: RectifiedNormal, q: RectifiedNormal) -> Array:
    d, away, width = p.location / p.scale, (p.location - q.location) / q.scale, p.scale / q.scale
    mass, density = special.ndtr(d), np.exp(-0.5 * d * d - HALF_LOG_TWO_PI)
    square = mass - d * density  # E[V^2; V > -d] of a standard normal V
    zero = special.ndtr(-d) * (special.log_ndtr(-d) - special.log_ndtr(-q.location / q.scale))
    spread = 0.5 * (width**2 * square + 2 * width * away * density + away**2 * mass)
    return np.asarray(zero - mass * np.log(width) - 0.5 * square + spread)


@register_kl(Affine, Affine, r"D(\text{law}_1\,\|\,\text{law}_2)\text{ for one and the same map}")
def _affine(p: Affine, q: Affine) -> Array:
    """A one-to-one map changes both densities by the same factor."""
    if not (np.all(p.loc == q.loc) and np.all(p.factor == q.factor)):
        raise NotImplementedError(
            "KL(Affine || Affine) has a closed form for one and the same map only, got different maps; pass "
            "method='quadrature'"
        )
    return _closed(p.law, q.law)
