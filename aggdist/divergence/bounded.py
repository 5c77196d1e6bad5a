"""A divergence that cannot run away: from the law in class to the law of the *pooled* sample.

With n values `x ~ p`, m values `y ~ q` and the share `pi = n/(n+m)` of the first in the pooled sample,

    D = KL(p || pi p + (1-pi) q)  <=  min(log(1/pi), (1-pi) KL(p || q)),

for all laws: the pooled law contains p. (`pi D`, and the same for the y, add up to the Jensen-Shannon divergence, the
mutual information of value and label.) Unlike KL(p || q) it can be estimated at every separation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from aggdist.distributions.base import Distribution
from aggdist.divergence.panels import atom_masses, joint_nodes
from aggdist.divergence.partition import Counts, checked_bins, count_in_bins, default_bins, edges_at_ranks
from aggdist.divergence.quadrature import checked_prior
from aggdist.divergence.samples import checked_sample

Array = NDArray[np.float64]


def bounded_kl(
    x: ArrayLike, y: ArrayLike, bins: int | None = None, *, edges: ArrayLike | None = None
) -> float:
    """Estimate `D = KL(p || pi p + (1-pi) q)`, pi = n/(n+m), from `x ~ p` and `y ~ q`, in nats.

    Both samples are counted in bins that hold equally many values of the pooled sample. With `a_b` of the n
    values x among the `s_b` values in bin b, of which A bins hold at least one x,

        sum_b (a_b/n) log(a_b (n+m) / (n s_b))  -  (sum over those A bins of (1 - a_b/s_b) - (1-pi)) / (2n);

    the second term removes the bias of counting to leading order.

    Parameters
    ----------
    x, y : array_like, shapes (n,) and (m,)
        Samples of any laws, atoms and ties included; at least two values each.
    bins : int, optional
        At least 2; `default_bins(n + m, n)` if not given.
    edges : array_like, shape (bins-1,), optional
        Fixed inner borders of the bins instead, such as `pooled_edges(x, y)` (for resampling).

    Returns
    -------
    float
        The corrected estimate; at most `log(1/pi)`, up to the correction of about 1/(2n).

    Raises
    ------
    ValueError
        For wrong shapes, values that are not finite, fewer than two values, or bad bins or edges.
    """
    first, second = checked_sample(x, "x", 2), checked_sample(y, "y", 2)
    borders = pooled_edges(first, second, bins) if edges is None else edges
    a, c = count_in_bins(borders, first), count_in_bins(borders, second)
    n, total = first.size, first.size + second.size
    held = a > 0
    share = a[held] / (a + c)[held]  # of the x in each bin that has some
    raw = float(np.sum(a[held] / n * np.log(share * total / n)))
    return raw - pooled_counting_bias(share, n, second.size)


def pooled_counting_bias(share: Array, n: int, m: int) -> float:
    """What counting adds on average, to leading order; `share` is that of the x in each bin that holds one."""
    return float(np.sum(1 - share) - m / (n + m)) / (2 * n)


def pooled_edges(x: ArrayLike, y: ArrayLike, bins: int | None = None) -> Array:
    """Inner borders of bins that hold equally many values of the pooled sample, shape (bins-1,).

    The borders nearest to the ranks n and m are moved there: where two samples do not overlap they meet at
    one of these ranks, and a bin that straddles it would mix them.
    """
    first, second = checked_sample(x, "x", 2), checked_sample(y, "y", 2)
    s = np.sort(np.concatenate([first, second]))
    count = checked_bins(default_bins(s.size, first.size) if bins is None else bins, s.size)
    ranks: Counts = np.arange(1, count) * s.size // count
    for meeting in (first.size, second.size):
        ranks[np.argmin(np.abs(ranks - meeting))] = meeting
    return edges_at_ranks(s, ranks)


def bounded_divergence(p: Distribution, q: Distribution, *, prior: float) -> Array:
    """`KL(p || prior p + (1 - prior) q)` of two laws by quadrature, atoms included; at most `log(1/prior)`.

    Parameters
    ----------
    p, q : Distribution
        Laws whose batches broadcast.
    prior : float
        Share of p in the pooled law, strictly between 0 and 1.
    """
    log_prior, log_rest = np.log(checked_prior(prior)), np.log1p(-prior)

    def integrand(log_p: Array, log_q: Array) -> Array:
        held = np.isfinite(log_p)
        gap = np.where(held, log_q, 0.0) - np.where(held, log_p, 0.0)
        return np.where(held, -np.exp(log_p) * np.logaddexp(log_prior, log_rest + gap), 0.0)

    total = joint_nodes(p, q, over="p").integrate(integrand)
    for mass_p, mass_q in atom_masses(p, q):
        total = total + special.rel_entr(mass_p, prior * mass_p + (1 - prior) * mass_q)
    return np.asarray(np.maximum(total, 0.0))
