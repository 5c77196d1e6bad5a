"""Where, when and with what a result was computed."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PACKAGES = ("aggdist", "numpy", "scipy", "torch", "torchvision", "scikit-learn", "papermill", "jupyter-book")


def provenance(threads: int) -> dict[str, Any]:
    """Time, machine, versions and commit, as plain JSON types."""
    return {
        "computed": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "packages": {name: version for name in PACKAGES if (version := package_version(name))},
        "commit": _commit(),
    }


def package_version(name: str) -> str | None:
    """The installed version, or None where the package is not there (aggdist needs only numpy and scipy)."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def source_digest(paths: Iterable[Path]) -> str:
    """SHA-256 over the text of source files, independent of where the checkout is and of line ends."""
    total = hashlib.sha256()
    for path in sorted(paths, key=lambda p: (p.parent.name, p.name)):
        total.update(f"{path.parent.name}/{path.name}\n".encode())
        total.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return total.hexdigest()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str | None:
    """The commit of the checkout, with '+' where files have changed since; None outside a checkout."""
    here = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, check=True
        ).stdout

    try:
        commit = git("rev-parse", "--short=12", "HEAD").strip()
        return commit + ("+" if git("status", "--porcelain", "--untracked-files=no").strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return None
