"""Checks of chapter T10: the Kullback-Leibler divergence of output nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist.distributions import Affine, Distribution, Gamma, WeightedGammaSum, ZeroInflatedGamma
from aggdist.divergence import (
    bayes_error,
    bretagnolle_huber_bound,
    chernoff_bound,
    cramer_rate,
    exact_node_kl,
    kl_divergence,
    kl_quadrature,
    mixture_bounds,
    node_kl,
    pinsker_bound,
    random_classifier,
    random_nodes,
    registered_pairs,
)
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation
from aggdist.equations.t10_laws import column, copies, examples, gamma_pairs, law_of, one_channel

Array = NDArray[np.float64]
_CHAPTER = "10_kl_divergence"
_SPREAD = "shapes 0.05 to 300, means 0.1 to 20 apart"


def _grid(law: Distribution) -> tuple[Array, Array]:
    """Points and steps of a trapezium rule in log X: integrands are analytic there and decay at both ends."""
    x = np.exp(np.arange(-700.0, 12.0, 0.04)).reshape(-1, *(1,) * len(law.batch_shape))
    return x, 0.04 * x


def _by_trapezium(p: Distribution, q: Distribution) -> Array:
    """E_p log(p/q) for laws on the positive numbers."""
    x, step = _grid(p)
    mass = np.exp(p.logpdf(x) + np.log(step))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sum(np.where(mass > 0, mass * (p.logpdf(x) - q.logpdf(x)), 0.0), axis=0))


@equation(
    "T10.1", "D(p||q) = int (q - p + p log(p/q)) >= 0, the integrand nowhere negative", chapter=_CHAPTER
)
def _not_negative() -> Evidence:
    """The closed form against the integral of something that is nowhere negative; 0 for equal laws."""
    p, q = gamma_pairs()
    x, step = _grid(p)
    mass_p, mass_q = (np.exp(law.logpdf(x) + np.log(step)) for law in (p, q))
    with np.errstate(invalid="ignore"):
        share = mass_q - mass_p + np.where(mass_p > 0, mass_p * (p.logpdf(x) - q.logpdf(x)), 0.0)
    value, same = kl_divergence(p, q), (p.shape == q.shape) & (p.scale == q.scale)
    errors = [
        absolute_error(share.sum(axis=0) / (1 + value), value / (1 + value)),
        violation(0.0, share),
        violation(0.0, value),
        absolute_error(value[same], 0.0),
    ]
    return Evidence(max(errors), 1e-9, f"closed form and trapezium rule, {_SPREAD}; equal laws give 0")


@equation("T10.2", "an affine map of both laws leaves their divergence alone", chapter=_CHAPTER)
def _affine() -> Evidence:
    """The densities of w X + b by the change of variables, integrated over y = w x + b."""
    p, q = law_of(Gamma, [1.4, 3.0, 3.0], [1.0, 2.0, 0.5]), law_of(Gamma, [1.7, 2.0, 9.0], 1.0)
    values, (x, step) = [], _grid(p)
    x, step = x[17_000:], step[17_000:]  # from exp(-20) on: shapes above 1 have no mass below
    for b, w in ((5.0, 2.0), (-1.0, -0.3), (0.0, 1e3)):
        mapped = [law_of(lambda loc, factor, law=law: Affine(law, loc, factor), b, w) for law in (p, q)]
        log_p, log_q = (law.logpdf(w * x + b) for law in mapped)
        values.append(
            np.sum(np.exp(log_p) * np.where(log_p > -700, log_p - log_q, 0) * abs(w) * step, axis=0)
        )
    return Evidence(
        relative_error(np.stack(values), kl_divergence(p, q)),
        1e-9,
        "three affine maps, and the closed form for X",
    )


@equation("T10.3", "atoms add sum_a p_a log(p_a/q_a)", chapter=_CHAPTER)
def _atoms() -> Evidence:
    """Zero-inflated gammas: closed form, quadrature, and infinity where only p has the atom."""
    p = law_of(ZeroInflatedGamma, [0.8, 0.3, 1.0, 0.6], 2.0, 1.5)
    q = law_of(ZeroInflatedGamma, [0.5, 0.9, 0.2, 0.6], 3.0, 1.0)
    a, b = p.active, q.active
    continuous = a * _by_trapezium(p.positive_part, q.positive_part)
    expected = continuous + a * np.log(a / b) + special.xlogy(1 - a, (1 - a) / (1 - b))
    missing = kl_divergence(p[:2], law_of(ZeroInflatedGamma, 1.0, 3.0, 1.0))
    error = max(relative_error(kl_divergence(p, q), expected), relative_error(kl_quadrature(p, q), expected))
    return Evidence(
        error if np.all(np.isposinf(missing)) else np.inf,
        1e-10,
        "closed form and quadrature against the sum of both parts; infinite for an atom that q lacks",
    )


@equation("T10.4", "the divergence of two gamma laws in closed form", chapter=_CHAPTER)
def _gamma_gamma() -> Evidence:
    """Against the trapezium rule; relative to 1 + the value."""
    p, q = gamma_pairs()
    value, integral = kl_divergence(p, q), _by_trapezium(p, q)
    return Evidence(
        absolute_error(value / (1 + value), integral / (1 + value)), 1e-10, f"trapezium rule, {_SPREAD}"
    )


@equation("T10.5", "D = a2 g(m1/m2) + g(a2/a1)/2 + remainder, g(v) = v - 1 - log v", chapter=_CHAPTER)
def _by_means() -> Evidence:
    """Against the textbook arrangement; the remainder is (u - 1)^2 / (12 a2) to leading order, u = a2/a1."""
    p, q = gamma_pairs()
    a, b, s, t = p.shape, q.shape, p.scale, q.scale
    textbook = (a - b) * special.digamma(a) - special.gammaln(a) + special.gammaln(b)
    textbook = textbook + b * np.log(t / s) + a * (s - t) / t
    value = kl_divergence(p, q)
    error = absolute_error(value / (1 + np.abs(textbook)), textbook / (1 + np.abs(textbook)))
    first, second = law_of(Gamma, [300.0, 500.0], 1.0), law_of(Gamma, [400.0, 400.0], 1.0)
    two_terms = node_kl(one_channel(first.shape), one_channel(second.shape)).two_terms
    leading = (second.shape / first.shape - 1) ** 2 / (12 * second.shape)
    limit = relative_error(kl_divergence(first, second) - two_terms, leading)
    return Evidence(max(error, limit * 1e-7), 1e-9, f"{_SPREAD}; remainder at shapes 300 to 500 within 1 %")


@equation("T10.6", "every registered closed form equals quadrature", chapter=_CHAPTER)
def _registry() -> Evidence:
    """All pairs of the registry; reflected and shifted gammas stand for Affine."""
    laws, errors = examples(), []
    for pair in registered_pairs():
        if pair.p is Affine:
            laws[Affine] = Affine(laws[Gamma], np.array(1.0), np.array(-2.0))
        p, q = laws[pair.p][:, None], laws[pair.q]
        if pair.p is Affine:
            p = laws[Affine][::-1]
        closed, integral = kl_divergence(p, q, method="closed"), kl_quadrature(p, q)
        # Shares of 1 + the value; infinite ones become 1, and have to be infinite on both sides.
        shares = [1 - 1 / (1 + v) for v in (closed, integral)]
        errors.append(absolute_error(*shares))
    return Evidence(max(errors), 1e-9, f"tanh-sinh quadrature, {len(registered_pairs())} ordered pairs")


@equation("T10.7", "log q(y) = log q_c(y) + K_q(c) - c y, in the far tails too", chapter=_CHAPTER)
def _tails() -> Evidence:
    """512 channels of one scale, whose sum is a gamma law: log densities down to 1e-200 of the mode."""
    law, exact = law_of(WeightedGammaSum, np.ones(512), 0.4, 1.0), law_of(Gamma, 0.4 * 512, 1.0)
    y = np.array([20.0, 60.0, 204.8, 500.0, 900.0])
    found = cramer_rate(law, y)
    tilted = law_of(WeightedGammaSum, np.ones((5, 512)), 0.4, 1 / (1 - found.tilt[:, None]))
    log_q = tilted.logpdf(y) + law.cgf(found.tilt) - found.tilt * y
    return Evidence(
        absolute_error(log_q, exact.logpdf(y)), 1e-9, "a sum of 512 channels and the gamma law that it is"
    )


@equation("T10.8", "D(p||q) = [c m - K_q(c)] + D(p||q_c)", chapter=_CHAPTER)
def _identity() -> Evidence:
    """For every c, not only the one with K'(c) = m: plain and zero-inflated channels."""
    p, q = random_nodes(np.random.default_rng(81), 4, 64, 3.0)
    errors = []
    best = cramer_rate(q, p.mean()).tilt
    for c in (0.3 * best, best, 1.05 * best):
        bracket = c * p.mean() - q.cgf(c)
        errors.append(relative_error(bracket + exact_node_kl(p, q.tilt(c)), exact_node_kl(p, q)))
    p, q = (law_of(WeightedGammaSum, [1.0], 2.0, scale, 0.6) for scale in (1.3, 1.0))
    c = cramer_rate(q, p.mean()).tilt
    tilted = q.tilt(c)
    sparse = [
        law_of(ZeroInflatedGamma, law.active[0], 2.0, law.weights[0] * law.scale[0]) for law in (p, q, tilted)
    ]
    both = c * p.mean() - q.cgf(c) + kl_divergence(sparse[0], sparse[2])
    errors.append(relative_error(both, kl_divergence(sparse[0], sparse[1])))
    return Evidence(
        max(errors), 1e-8, "64 channels by inversion and quadrature, a sparse one in closed form; several c"
    )


@equation("T10.9", "D(p||q) >= I_q(m) for every law p of mean m", chapter=_CHAPTER)
def _lower_bound() -> Evidence:
    """Nodes of 6 to 512 channels; equality for p = q_c; the rate of a gamma is a g(m / (a theta))."""
    errors = []
    for channels, separation in ((12, 6.0), (64, 2.0), (512, 4.0)):
        p, q = random_nodes(np.random.default_rng(91), 12, channels, separation)
        exact = exact_node_kl(p, q)
        errors.append(violation(cramer_rate(q, p.mean()).rate / exact, 1.0))
    tilt = 0.3 * q.cgf_domain()[1]
    attained = exact_node_kl(q.tilt(tilt), q)
    errors.append(relative_error(cramer_rate(q, q.tilt(tilt).mean()).rate, attained))
    m = np.array([0.1, 1.0, 30.0])
    closed = 1.5 * (m / 3.0 - 1 - np.log(m / 3.0))
    errors.append(relative_error(cramer_rate(law_of(WeightedGammaSum, [1.0], 1.5, 2.0), m).rate, closed))
    return Evidence(max(errors), 1e-8, "exact divergences of random nodes; equality for p = q_c")


def _left_over(n: int) -> tuple[float, float]:
    """What rate and residual leave over, and the correction."""
    p, q = copies(n)
    parts = node_kl(p, q)
    return float(exact_node_kl(p, q) - parts.two_terms), float(parts.correction)


@equation("T10.10", "D(p||q) = I_q(m) + (R - 1 - log R)/2 + O(1/n) for n-fold sums", chapter=_CHAPTER)
def _two_terms() -> Evidence:
    """What is left over halves when the number of channels doubles."""
    left = [_left_over(n)[0] for n in (50, 100, 200)]
    return Evidence(
        absolute_error(np.array(left[:2]) / np.array(left[1:]), 2.0),
        0.05,
        "ratio of remainders, 200 to 800 channels",
    )


@equation("T10.11", "what is left over is the shape correction + O(1/n^2)", chapter=_CHAPTER)
def _third_term() -> Evidence:
    """The correction explains all but 1/n of the remainder; for one gamma channel it is (u-1)^2/(12 a2)."""
    left, correction = _left_over(200)
    a1, a2 = np.array([100.0, 300.0]), np.array([150.0, 200.0])
    one = node_kl(one_channel(a1), one_channel(a2))
    gamma = relative_error(one.correction, (a2 / a1 - 1) ** 2 / (12 * a2))
    return Evidence(
        max(abs(left / correction - 1), gamma * 1e4),
        0.02,
        "remainder over correction at 800 channels, and one gamma",
    )


@equation("T10.12", "lower <= D(p||sum pi q_j) <= -log sum pi e^{-D_j} <= sum pi D_j", chapter=_CHAPTER)
def _mixture_chain() -> Evidence:
    """The middle by mixing densities; with one component the upper bounds are equalities."""
    worst = 0.0
    for separation in (0.5, 3.0, 6.0):
        law = random_classifier(np.random.default_rng(121), 5, 64, separation)
        p, q, pi = law[0, 0], law[0, 1:], np.array([0.1, 0.2, 0.3, 0.4])
        exact = exact_node_kl(p, q, pi)
        each = exact_node_kl(column(p), q)
        bounds = mixture_bounds(p, q, pi, each)
        for smaller, larger in ((bounds.lower, exact), (exact, bounds.upper), (bounds.upper, bounds.convex)):
            worst = max(worst, violation(smaller / exact, larger / exact))
        alone = mixture_bounds(p, q[:1], [1.0], each[:1])
        worst = max(worst, relative_error([alone.upper, alone.convex], each[0]))
    return Evidence(worst, 1e-8, "64 channels, five labels, three separations; one component")


def _three_levels(shape_ratio: float, positions: int = 49) -> tuple[float, float, float]:
    """Divergences of node, joint pooled features, and joint activations of 16 gamma channels."""
    rng = np.random.default_rng(141)
    a, theta, w = rng.uniform(0.5, 2, 16), np.exp(rng.normal(0, 0.3, 16)), rng.normal(size=16)
    a_in, theta_in = a * shape_ratio, theta * np.exp(rng.normal(0, 0.1, 16)) / shape_ratio
    pooled = [(positions * s, t / positions) for s, t in ((a_in, theta_in), (a, theta))]
    inside, outside = (law_of(WeightedGammaSum, w, s, t) for s, t in pooled)
    node = exact_node_kl(inside, outside)
    joint = np.sum(kl_divergence(*(Gamma(s, t) for s, t in pooled)))
    return (
        float(node),
        float(joint),
        float(positions * np.sum(kl_divergence(Gamma(a_in, theta_in), Gamma(a, theta)))),
    )


@equation("T10.13", "D(y) <= D(Z_1..Z_C) <= D(A_11..A_CN)", chapter=_CHAPTER)
def _data_processing() -> Evidence:
    """Joint laws with known divergences; for equal shapes the average keeps everything (equality)."""
    worst = 0.0
    for ratio in (1.0, 1.1, 0.6):
        node, pooled, maps = _three_levels(ratio)
        worst = max(worst, violation(node / maps, pooled / maps), violation(pooled / maps, 1.0))
        if ratio == 1.0:
            worst = max(worst, abs(pooled / maps - 1))
    return Evidence(worst, 1e-9, "16 gamma channels at 49 positions, averaged, then weighted")


@equation("T10.14", "Pinsker, Bretagnolle-Huber <= Bayes error <= Chernoff", chapter=_CHAPTER)
def _bayes_error() -> Evidence:
    """Gamma pairs from equal to far apart, three frequencies; equal laws attain the lower bounds."""
    p, q = law_of(Gamma, [3.0, 3.0, 0.5, 40.0, 3.0], [1.0, 1.1, 3.0, 0.2, 30.0]), law_of(Gamma, 3.0, 1.0)
    worst = 0.0
    for prior in (0.5, 0.1, 0.8):
        error = bayes_error(p, q, prior=prior)
        kl = np.minimum(kl_divergence(p, q), kl_divergence(q, p))
        lower = np.maximum(pinsker_bound(kl, prior=prior), bretagnolle_huber_bound(kl, prior=prior))
        worst = max(worst, violation(lower, error), violation(error, chernoff_bound(p, q, prior=prior)))
        worst = max(
            worst, absolute_error(error[0], min(prior, 1 - prior)), absolute_error(lower[0], error[0])
        )
    return Evidence(worst, 1e-9, "errors by quadrature of the smaller weighted density")
