"""The assignments by number."""

from __future__ import annotations

from aggdist.coursework.task import Assignment

NUMBERS = (1, 2, 3)


def assignment(number: int) -> Assignment:
    """One assignment; the third imports torch.

    Raises
    ------
    ValueError
        For a number that no assignment has.
    """
    if number == 1:
        from aggdist.coursework.derive import DERIVE

        return DERIVE
    if number == 2:
        from aggdist.coursework.verify_numerically import VERIFY

        return VERIFY
    if number == 3:
        from aggdist.coursework.apply_to_network import APPLY

        return APPLY
    raise ValueError(f"assignment {number}: expected one of {', '.join(map(str, NUMBERS))}")
