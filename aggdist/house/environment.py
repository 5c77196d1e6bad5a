"""The project's own virtual environment, `.venv` in the repository: made once, kept as long as it fits.

The standard library is enough to import this module.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aggdist.house.machine import one_at_a_time
from aggdist.house.terminal import HouseError, duration, say

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
_TORCH_CHOICES = ("cpu", "default")


@dataclass(frozen=True)
class Environment:
    """Where the environment of one checkout is."""

    root: Path

    @property
    def folder(self) -> Path:
        """The virtual environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """Written last: its presence says that the set-up was finished, its text for what."""
        return self.folder / "aggdist-stamp"

    @property
    def choice(self) -> Path:
        """Which PyTorch was asked for; written first, so that an interrupted set-up is redone alike."""
        return self.folder / "aggdist-torch"


def torch_choice(env: Environment, variables: Mapping[str, str] = os.environ) -> str:
    """`cpu` or `default`: what $TORCH says, else what this environment was made with, else `default`.

    Raises
    ------
    HouseError
        If $TORCH is something else.
    """
    wanted = variables.get("TORCH", "").strip()
    if wanted and wanted not in _TORCH_CHOICES:
        raise HouseError(
            f"TORCH={wanted}: expected TORCH=cpu (no CUDA libraries), TORCH=default, or no TORCH at all"
        )
    return wanted or (env.choice.read_text().strip() if env.choice.exists() else "default")


def key(root: Path, torch: str, python: tuple[int, int] | None = None) -> str:
    """Hash of what determines the environment: pyproject.toml, constraints.txt, Python, kind of PyTorch."""
    total = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        total.update((root / name).read_bytes())
    total.update(repr((python or sys.version_info[:2], torch)).encode())
    return total.hexdigest()


def pinned(root: Path, package: str) -> str:
    """`package==version` as constraints.txt pins it."""
    text = (root / "constraints.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(package)}==\S+", text, flags=re.MULTILINE)
    if found is None:
        raise HouseError(f"constraints.txt does not pin {package}: expected a line {package}==VERSION")
    return found[0]


def pip_commands(env: Environment, torch: str) -> list[list[str]]:
    """The pip commands of a set-up: PyTorch first, from its own index if asked, then everything else.

    PyTorch goes first without its dependencies; the second command brings those, at the pinned versions.
    """
    pip = [str(env.python), "-m", "pip", "install", "--no-user"]
    index = ["--index-url", CPU_INDEX] if torch == "cpu" else []
    pins = [pinned(env.root, name) for name in ("torch", "torchvision")]
    return [
        [*pip, "--no-deps", *index, *pins],
        [*pip, "-c", str(env.root / "constraints.txt"), "-e", f"{env.root}[dev]"],
    ]


def check_interpreter() -> None:
    """Raise a HouseError that names the cure if this Python cannot make virtual environments."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise HouseError(
            f"{sys.executable} cannot make a virtual environment: its module {missing[0]} is missing. "
            f"On Debian and Ubuntu: sudo apt-get install python{version}-venv; then run the command again"
        )


def _check_ours(env: Environment) -> None:
    """Raise a HouseError if something else is where the environment would be made."""
    if env.folder.exists() and any(env.folder.iterdir()) and not env.choice.exists():
        raise HouseError(
            f"{env.folder} is there and was not made by aggdist, so it is left alone: remove it (make clean-env), or "
            "install into it what constraints.txt pins and use it with python -m aggdist TASK --here"
        )


def is_ready(env: Environment, torch: str) -> bool:
    """Whether the environment was finished, and for just these files, this Python and this PyTorch."""
    return env.python.exists() and env.stamp.exists() and env.stamp.read_text() == key(env.root, torch)


def ensure(root: Path) -> Environment:
    """Make the environment if it is missing, unfinished or out of date; return it.

    Raises
    ------
    HouseError
        If it cannot be made. Nothing then looks finished, and the next call starts again.
    """
    env = Environment(root)
    with one_at_a_time(root / "build" / "environment.lock", "sets up .venv"):
        torch = torch_choice(env)
        if not is_ready(env, torch):
            _check_ours(env)
            check_interpreter()
            _set_up(env, torch)
    return env


def _set_up(env: Environment, torch: str) -> None:
    started = time.monotonic()
    finished_once = env.stamp.exists() and env.python.exists()
    env.stamp.unlink(missing_ok=True)
    _announce(env, torch, finished_once)
    if not (finished_once and _same_foundation(env, torch)):
        shutil.rmtree(env.folder, ignore_errors=True)
        env.folder.mkdir()
        env.choice.write_text(torch)
        # The base interpreter: this one may live in the folder that was just removed.
        _run([getattr(sys, "_base_executable", sys.executable), "-m", "venv", str(env.folder)])
    for command in pip_commands(env, torch):
        _run(command)
    env.stamp.write_text(key(env.root, torch))
    say(f"The environment is ready ({duration(time.monotonic() - started)}).")


def _same_foundation(env: Environment, torch: str) -> bool:
    """Whether Python and the kind of PyTorch are the same, so that pip can bring the rest up to date."""
    made_with = (env.folder / "pyvenv.cfg").read_text(encoding="utf-8")
    version = re.search(r"^version\s*=\s*(\d+)\.(\d+)", made_with, flags=re.MULTILINE)
    same_python = version is not None and (int(version[1]), int(version[2])) == sys.version_info[:2]
    return same_python and env.choice.exists() and env.choice.read_text() == torch


def _announce(env: Environment, torch: str, finished_once: bool) -> None:
    what = "Bringing up to date" if finished_once else "Setting up"
    version = ".".join(map(str, sys.version_info[:3]))
    say(f"{what} {env.folder} (Python {version}); nothing outside this folder is installed or changed.")
    if torch == "cpu":
        say("PyTorch comes from its CPU index. This takes 1 to 5 minutes and about 2 GB of disk.")
    elif sys.platform == "linux":
        say("On Linux PyTorch brings several GB of CUDA libraries (3 to 10 minutes, 7 GB of disk);")
        say("on a machine without a GPU stop this (Ctrl-C) and put TORCH=cpu before the command.")
    else:
        say("This takes 1 to 5 minutes and about 2 GB of disk.")


def _run(command: Sequence[str]) -> None:
    say("$ " + " ".join(command))
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONNOUSERSITE": "1"}
    code = subprocess.run(command, env=clean_variables() | quiet, check=False).returncode
    if code:
        advice = f" (is {CPU_INDEX} reachable from here?)" if CPU_INDEX in command else ""
        raise HouseError(
            f"the set-up stopped: this command ended with code {code}{advice}; its reason is above.\n  "
            + " ".join(command)
            + "\nMend that and run the same make or aggdist command again; downloads so far are kept by pip"
        )


def clean_variables() -> dict[str, str]:
    """This process's environment variables without those that would let other packages into `.venv`."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
