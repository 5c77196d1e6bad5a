"""What the house tasks say on the terminal."""

from __future__ import annotations

import re
import sys

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class HouseError(RuntimeError):
    """A task cannot go on; the message says what was found, what was expected and what to do."""


def say(text: str) -> None:
    """One line on standard output, at once (a pipe or a log would otherwise show it late)."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """One line on standard error, at once."""
    sys.stdout.flush()
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def without_colours(text: str) -> str:
    """The text without the escape sequences that colour it on a terminal."""
    return _COLOUR.sub("", text)


def last_lines(text: str, count: int) -> str:
    """The last `count` lines that are not empty, indented by two spaces."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join("  " + line for line in lines[-count:])


def duration(seconds: float) -> str:
    """A duration in words: 8 s, 3 min 20 s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
