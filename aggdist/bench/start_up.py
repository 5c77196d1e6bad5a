"""What importing costs: a new interpreter each time, less one that imports nothing."""

from __future__ import annotations

from aggdist.bench.figure import Figure
from aggdist.bench.timing import interpreter_ms

_MATHEMATICS = "import aggdist.distributions, aggdist.divergence, aggdist.prediction"
_BELOW = "import numpy, scipy.special, scipy.optimize"


def figures() -> list[Figure]:
    """Wall-clock times; without torch, which the mathematics does not import."""
    nothing = interpreter_ms("pass")
    named = {
        "import aggdist": "import aggdist",
        "its mathematics (numpy and scipy included)": _MATHEMATICS,
        "numpy and what it needs of scipy, alone": _BELOW,
    }
    return [
        Figure("Start-up", name, interpreter_ms(code) - nothing, None, "time", "ms")
        for name, code in named.items()
    ]
