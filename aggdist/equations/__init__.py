"""Checks of the principal equations; importing this package registers all of them."""

from aggdist.equations import (  # the modules register their checks
    t02_zero_inflated_gamma,
    t03_average_pooling,
    t04_gamma_ratio,
    t09_node_models,
    t09_output_nodes,
)
from aggdist.equations.registry import (
    CheckResult,
    Equation,
    EquationError,
    Evidence,
    absolute_error,
    check,
    equation,
    equations,
    relative_error,
    violation,
)

__all__ = [
    "CheckResult",
    "Equation",
    "EquationError",
    "Evidence",
    "absolute_error",
    "check",
    "equation",
    "equations",
    "relative_error",
    "t02_zero_inflated_gamma",
    "t03_average_pooling",
    "t04_gamma_ratio",
    "t09_node_models",
    "t09_output_nodes",
    "violation",
]
