"""Statements of equations, which are plain text in the code, as HTML with Greek letters, indices and powers."""

from __future__ import annotations

import html
import re

_LETTERS = {
    "alpha": "α",
    "beta": "β",
    "delta": "δ",
    "Delta": "Δ",
    "eta": "η",
    "kappa": "κ",
    "lambda": "λ",
    "Lambda": "Λ",
    "mu": "μ",
    "phi": "φ",
    "Phi": "Φ",
    "pi": "π",
    "psi": "ψ",
    "rho": "ρ",
    "sigma": "σ",
    "Sigma": "Σ",
    "tau": "τ",
    "theta": "θ",
    "inf": "∞",
    "sqrt": "√",
    "int": "∫",
}
_SIGNS = {"&lt;=": "≤", "&gt;=": "≥", "-&gt;": "→", "||": "‖", "&#x27;": "′"}
_NAMED = re.compile(rf"(?<![A-Za-z])({'|'.join(_LETTERS)})(?![a-z]| method|:)")
_INNER = r"(?:[^()]|\([^()]*\))*"
# An index or power in braces or brackets, else a word of letters and digits.
_PLACED = re.compile(rf"([_^])(?:\{{([^}}]*)\}}|\(({_INNER})\)|(-?[^\W_]+(?:_[^\W_]+)?))")


def readable(statement: str) -> str:
    """A statement as HTML: `kappa_2 <= theta^(r-1)` with κ and ≤, an index and a power."""
    text = html.escape(statement)
    for plain, sign in _SIGNS.items():
        text = text.replace(plain, sign)
    text = _PLACED.sub(_place, _NAMED.sub(lambda found: _LETTERS[found[1]], text))
    return re.sub(r"(?<![^\w)\s>(,=|])-(?=[\w(∞\s])", _minus, text.replace("√ ", "√"))


def _place(found: re.Match[str]) -> str:
    kind = "sub" if found[1] == "_" else "sup"
    inner = next(part for part in found.groups()[1:] if part is not None)
    return f"<{kind}>{_PLACED.sub(_place, inner)}</{kind}>"


def _minus(found: re.Match[str]) -> str:
    """A hyphen between letters of two words stays one."""
    before, after = found.string[: found.start()], found.string[found.end() :]
    word = re.search(r"[A-Za-z]{2,}$", before) and re.match(r"[A-Za-z]{2,}", after)
    return "-" if word else "−"
