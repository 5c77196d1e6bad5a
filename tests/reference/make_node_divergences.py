"""Make `node_divergences.csv`: divergences of random output nodes, by a slow and plain route.

    python tests/reference/make_node_divergences.py

For each node the trapezium rule on 384 points over the bulk of p (1e-16 left out on either side). The density of p
comes from one Fourier inversion, that of q on each sixth of the points from an inversion tilted to their middle,
`log q(x) = log q_c(x) + K(c) - c x`; steps and lengths of the Fourier sums are generous, and every characteristic
function is summed term by term. It shares no code with `exact_node_kl`, which it judges (the problems themselves
come from `random_nodes`). About 0.2 s a node. The file says to 12 digits what it found.
"""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aggdist.divergence import random_nodes

Array = NDArray[np.float64]

CHANNELS, NODES, SEEDS = 512, 10, range(20, 30)
SEPARATIONS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
POINTS, PANELS = 384, 6


class Law:
    """A sum of b_c Gamma(a_c, 1)."""

    def __init__(self, b: Array, a: Array) -> None:
        self.b, self.a = b, a
        far = 1 - np.geomspace(1.0, 1e-4, 300)
        tilts = np.concatenate([(far / np.min(b))[:0:-1], far / np.max(b)])
        part = b / (1 - tilts[:, None] * b)
        self.tilts, self.means = tilts, np.sum(a * part, axis=1)
        self.rates = tilts * self.means - self.cgf(tilts)

    def cgf(self, s: Array) -> Array:
        return -np.sum(self.a * np.log1p(-np.multiply.outer(s, self.b)), axis=-1)

    def bulk(self, nats: float) -> tuple[float, float]:
        """Where Cramer's rate, negative below the mean here, passes -nats and nats."""
        signed = np.sign(self.tilts) * self.rates
        return float(np.interp(-nats, signed, self.means)), float(np.interp(nats, signed, self.means))

    def tilted_to(self, mean: float) -> tuple[Law, float]:
        c = float(np.interp(mean, self.means, self.tilts))
        return Law(self.b / (1 - c * self.b), self.a), c

    def density(self, x: Array) -> Array:
        low, high = self.bulk(42.0)
        step = 2 * np.pi / (1.3 * max(high - x.min(), x.max() - low))
        total, start = np.zeros(x.size), 0
        while True:
            t = (np.arange(start, start + 64) + 0.5) * step
            bt = np.multiply.outer(t, self.b)
            modulus = np.exp(-0.5 * np.log1p(bt * bt) @ self.a)
            total += modulus @ np.cos(np.arctan(bt) @ self.a - np.multiply.outer(x, t)).T
            if modulus[-1] < 1e-19:
                return total * step / np.pi
            start += 64


def divergence(p: Law, q: Law) -> float:
    low, high = p.bulk(37.0)
    x = np.linspace(low, high, POINTS)
    density = p.density(x)
    log_q = np.empty(POINTS)
    for rows in np.array_split(np.arange(POINTS), PANELS):
        tilted, c = q.tilted_to(float(np.mean(x[rows])))
        log_q[rows] = np.log(tilted.density(x[rows])) + q.cgf(np.array(c)) - c * x[rows]
    # p is known to 1e-16 of its mode; what is cut off here is worth less than 1e-13.
    use = density > 1e-15 * density.max()
    return float(np.sum(density[use] * (np.log(density[use]) - log_q[use])) * (x[1] - x[0]))


def main() -> None:
    """Write the file."""
    with Path(__file__).with_name("node_divergences.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["low_shapes", "separation", "seed", "channels", "node", "kl"])
        for low_shapes, separation, seed in itertools.product((False, True), SEPARATIONS, SEEDS):
            rng = np.random.default_rng(seed)
            p, q = random_nodes(rng, NODES, CHANNELS, separation, low_shapes=low_shapes)
            for k in range(NODES):
                laws = [Law(v.weights[k] * v.scale[k], np.array(v.shape[k])) for v in (p, q)]
                value = f"{divergence(*laws):.12g}"
                writer.writerow([int(low_shapes), separation, seed, CHANNELS, k, value])


if __name__ == "__main__":
    main()
