"""`python -m aggdist.bench`, started by `make bench` with one thread."""

import sys

from aggdist.bench.report import run
from aggdist.paths import repository_root

if __name__ == "__main__":
    sys.exit(run(repository_root()))
