"""Draws from the laws of output nodes, fast enough for thousands of simulated test sets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggdist.distributions import Distribution, WeightedGammaSum
from aggdist.prediction.node_laws import NodeLaws

Array = NDArray[np.float64]

_POINTS = 512
_NATS = 21.0  # tails left out hold 1e-9


class NodeSampler:
    """Inverse-transform sampling from the tabulated distribution function of each node given each label.

    Between the points the density is taken as constant. They are a few hundredths of a standard deviation apart, which
    no estimate from some thousand values can see. Nodes are drawn one by one: what is sampled is the law of each node,
    not the joint law of all nodes of one image.

    Parameters
    ----------
    laws : NodeLaws
        Of K nodes given J labels.
    """

    def __init__(self, laws: NodeLaws) -> None:
        law = laws.law
        if isinstance(law, WeightedGammaSum):
            table = law.tabulate(_POINTS)
            x, cdf = table.x, table.cdf
        else:
            low, high = law.bulk(_NATS)
            x = low + (high - low) * np.linspace(0, 1, _POINTS)[:, None, None]
            cdf = law.cdf(x)
        self._place, self._mass = _joint_atom(law)
        # The atom is drawn by itself: what is tabulated is the distribution function of the rest.
        rest = np.maximum(1 - self._mass, np.finfo(float).tiny)
        cdf = (cdf - self._mass * (x >= self._place)) / rest
        self._x = np.ascontiguousarray(np.moveaxis(x, 0, -1))
        # Rounding can make it fall by 1e-16, and interpolation needs an order.
        self._cdf = np.maximum.accumulate(np.moveaxis(cdf, 0, -1), axis=-1)

    def draw(self, node: int, label: int, size: int | tuple[int, ...], rng: np.random.Generator) -> Array:
        """Values of one node given one label."""
        values = np.interp(rng.random(size), self._cdf[node, label], self._x[node, label])
        mass = self._mass[node, label]
        return np.where(rng.random(size) < mass, self._place[node, label], values) if mass > 0 else values

    def in_and_out(
        self, node: int, counts: NDArray[np.integer], draws: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """`draws` samples in class (D, n) and out of class (D, m) with `counts[j]` images of label j."""
        parts = [self.draw(node, j, (draws, int(count)), rng) for j, count in enumerate(counts)]
        inside = parts.pop(node)
        return inside, np.concatenate(parts, axis=1)

    def by_label(self, counts: NDArray[np.integer], rng: np.random.Generator) -> list[Array]:
        """One simulated sample of every node given every label: arrays (counts[j], K), nodes independent."""
        nodes = range(self._x.shape[0])
        return [
            np.stack([self.draw(k, j, int(count), rng) for k in nodes], axis=1)
            for j, count in enumerate(counts)
        ]


def _joint_atom(law: Distribution) -> tuple[Array, Array]:
    """Place and mass of the one atom that each law may have, of the shape of the batch."""
    atoms = law.atoms()
    if not atoms:
        return np.zeros(law.batch_shape), np.zeros(law.batch_shape)
    place, mass = (np.broadcast_to(part, law.batch_shape) for part in (atoms[0].location, atoms[0].mass))
    return place, mass
