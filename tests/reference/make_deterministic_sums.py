"""Make `deterministic_sums.csv`: density, cdf and survival function of three sums of gammas, in high precision.

    python tests/reference/make_deterministic_sums.py

The sums `sum_c b_c Gamma(a_c, 1)` need no random generator (`terms`). Density and tails are
`(1 / 2 pi i) int exp(K(s) - s x) ds`, divided by s for a tail, along two vertical lines: right of the pole at 0
this gives the density and the survival function, left of it the density again and the cdf. Midpoint sums in 75
digits; both densities, and one minus the sum of the tails, agree to 28 digits or the file is not written. This
shares nothing with the library, neither code nor contour nor arithmetic.
"""

from __future__ import annotations

import csv
from pathlib import Path

import mpmath as mp
import numpy as np

PLACES = (-10, -6, -3, -1, 0.5, 2, 4, 8, 15)
"""Standard deviations from the mean."""
DIGITS = 28


def terms(n: int) -> tuple[list[mp.mpf], list[mp.mpf]]:
    """Scales b and shapes a: doubles, taken as exact from there on."""
    c = np.arange(n)
    a = np.round(0.3 + 29.7 * np.mod(c * 0.6180339887498949, 1), 6)
    raw = 0.3 + 29.7 * np.mod(c * 0.6180339887498949, 1)
    b = np.round(np.sin(1.7 * c + 0.3) * (0.2 + np.mod(c * 0.7548776662466927, 1)) / raw, 6)
    return [mp.mpf(float(v)) for v in b], [mp.mpf(float(v)) for v in a]


def line(
    b: list[mp.mpf], a: list[mp.mpf], crossing: mp.mpf, step: mp.mpf
) -> tuple[list[mp.mpc], list[mp.mpc]]:
    """Points of a vertical line and exp K there, up to where it has fallen by 70 digits."""
    points, values = [], []
    while not values or abs(values[-1]) > mp.mpf(10) ** -70 * abs(values[0]):
        s = mp.mpc(crossing, (len(points) + mp.mpf(1) / 2) * step)
        points.append(s)
        values.append(mp.exp(-mp.fsum(ac * mp.log(1 - bc * s) for bc, ac in zip(b, a, strict=True))))
    return points, values


def inverted(points: list[mp.mpc], values: list[mp.mpc], step: mp.mpf, x: mp.mpf) -> tuple[mp.mpf, mp.mpf]:
    """Density at x, and the tail that the line gives."""
    waves = [v * mp.exp(-s * x) for s, v in zip(points, values, strict=True)]
    scale = step / mp.pi
    tail = mp.fsum((w / s).real for s, w in zip(points, waves, strict=True))
    return scale * mp.fsum(w.real for w in waves), abs(scale * tail)


def rows(n: int) -> list[list[str]]:
    """Rows n, x, pdf, cdf, sf of one sum."""
    b, a = terms(n)
    mean = mp.fsum(x * y for x, y in zip(a, b, strict=True))
    std = mp.sqrt(mp.fsum(x * y * y for x, y in zip(a, b, strict=True)))
    right = min(mp.mpf("0.8") / std, mp.mpf("0.5") / max(b))
    left = max(-mp.mpf("0.8") / std, mp.mpf("0.5") / min(b))
    step = min(right, -left) / 26
    lines = [line(b, a, crossing, step) for crossing in (right, left)]
    found = []
    for place in PLACES:
        x = mp.mpf(round(float(mean + place * std), 3))
        (pdf, sf), (again, cdf) = (inverted(*one, step, x) for one in lines)
        if abs(pdf / again - 1) > mp.mpf(10) ** -DIGITS or abs(cdf + sf - 1) > mp.mpf(10) ** -DIGITS:
            raise ArithmeticError(f"n = {n}, x = {x}: the two lines differ; take a smaller step")
        found.append([str(n), f"{float(x):g}", *(mp.nstr(v, 17) for v in (pdf, cdf, sf))])
    return found


if __name__ == "__main__":
    with mp.workdps(75), Path(__file__).with_name("deterministic_sums.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["n", "x", "pdf", "cdf", "sf"])
        for size in (8, 64, 512):
            writer.writerows(rows(size))
