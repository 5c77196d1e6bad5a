"""`python -m aggdist TASK`: the command line. It starts with nothing but the standard library."""

import sys

_running = tuple(sys.version_info[:2])
if not (3, 11) <= _running <= (3, 13):
    sys.exit(
        "aggdist needs Python 3.11, 3.12 or 3.13, and this is Python %d.%d (%s).\n"  # noqa: UP031
        "Run it with another one, for example: python3.12 -m aggdist help"
        % (_running[0], _running[1], sys.executable)
    )

from aggdist.house.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
