"""Conversions between raw moments, central moments and cumulants of any order."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def raw_from_cumulants(cumulants: Sequence[Array]) -> Array:
    """Raw moment of the order `len(cumulants)`, from the cumulants of orders 1 up to it.

    `m_n = sum_{k=1..n} C(n-1, k-1) kappa_k m_{n-k}`, `m_0 = 1`. With `kappa_1 = 0` it gives central moments.
    """
    raw: list[Array] = [np.float64(1.0) * np.ones_like(cumulants[0])]
    for n in range(1, len(cumulants) + 1):
        terms = [comb(n - 1, k - 1) * cumulants[k - 1] * raw[n - k] for k in range(1, n + 1)]
        raw.append(np.asarray(sum(terms[1:], start=terms[0])))
    return raw[-1]


def cumulant_from_raw(raw: Sequence[Array]) -> Array:
    """Cumulant of the order `len(raw)`, from the raw moments of orders 1 up to it (about any origin).

    For orders 2 and more the cumulant does not depend on the origin: pass moments about a point near the
    mean to avoid cancellation. `kappa_n = m_n - sum_{k=1..n-1} C(n-1, k-1) kappa_k m_{n-k}`.
    """
    cumulants: list[Array] = []
    for n in range(1, len(raw) + 1):
        value = np.asarray(raw[n - 1])
        for k in range(1, n):
            value = value - comb(n - 1, k - 1) * cumulants[k - 1] * raw[n - k - 1]
        cumulants.append(value)
    return cumulants[-1]


def bernoulli_cumulants(active: Array, order: int) -> list[Array]:
    """Cumulants 1..order of a coin with P(1) = `active`, without cancellation at either end."""
    rare = np.minimum(active, 1 - active)
    sign = np.where(active > 0.5, -1.0, 1.0)
    values = [cumulant_from_raw([rare] * r) * sign**r for r in range(1, order + 1)]
    return [np.asarray(active, dtype=np.float64), *values[1:]]


def compound_cumulant(outer: Sequence[Array], inner: Sequence[Array]) -> Array:
    """Cumulant of the order `len(inner)` of a sum of M copies of X.

    `outer` are the cumulants of the number M, `inner` those of X. The cumulant generating functions compose,
    `K(s) = K_M(K_X(s))`, so this is Faa di Bruno's formula, with partial Bell polynomials
    `B[n, k] = sum_i C(n-1, i-1) inner_i B[n-i, k-1]`.
    """
    order = len(inner)
    zero = np.zeros_like(inner[0])
    bell: list[list[Array]] = [[zero + 1.0] + [zero] * order]
    for n in range(1, order + 1):
        row = [zero]
        for k in range(1, order + 1):
            terms = [comb(n - 1, i - 1) * inner[i - 1] * bell[n - i][k - 1] for i in range(1, n + 1)]
            row.append(np.asarray(sum(terms[1:], start=terms[0])))
        bell.append(row)
    value = zero
    for k in range(1, order + 1):
        value = value + outer[k - 1] * bell[order][k]
    return np.asarray(value)
