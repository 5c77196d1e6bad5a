"""pyproject.toml, constraints.txt and environment.yml say the same."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from aggdist.paths import repository_root

ROOT = repository_root()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = ("3.11", "3.12", "3.13")
#: Names that differ between conda-forge and PyPI.
CONDA_NAMES = {"pytorch-cpu": "torch", "playwright-python": "playwright"}
#: What PyTorch brings on Linux with CUDA; it pins these itself.
CUDA = ("nvidia-", "cuda-", "triton")


def declared() -> dict[str, Requirement]:
    """Every requirement of the package and its extras, by name."""
    lines = itertools.chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r for r in found if r.name != PROJECT["name"]}


def pins() -> dict[str, Version]:
    """The versions of constraints.txt by name."""
    lines = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line]
    matches = [re.fullmatch(r"([\w.-]+)==(\S+)", line) for line in lines if not line.startswith("#")]
    assert all(matches), "constraints.txt holds a line that is not name==version"
    names = [canonicalize_name(m[1]) for m in matches]
    assert len(set(names)) == len(names), "constraints.txt pins a package twice"
    return {canonicalize_name(m[1]): Version(m[2]) for m in matches}


def conda() -> dict[str, Requirement]:
    """What environment.yml asks for, by PyPI's name."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    flat = [e for e in entries if isinstance(e, str)]
    flat += [e for group in entries if isinstance(group, dict) for e in group["pip"]]
    found = [Requirement(entry) for entry in flat if not entry.startswith("--")]
    return {canonicalize_name(CONDA_NAMES.get(r.name, r.name)): r for r in found}


@pytest.mark.parametrize("name", sorted(declared()))
def test_each_declared_package_is_pinned_within_its_range(name):
    assert name in pins(), f"constraints.txt does not pin {name}"
    assert declared()[name].specifier.contains(pins()[name]), (
        f"{name}=={pins()[name]} is outside {declared()[name]}"
    )


def test_conda_asks_for_the_same_packages_in_the_same_ranges():
    asked = conda()
    assert set(asked) - {"python", "pip"} == set(declared())
    different = {n: (str(asked[n].specifier), str(r.specifier)) for n, r in declared().items()
                 if asked[n].specifier != r.specifier}  # fmt: skip
    assert not different


def test_the_same_pythons_everywhere():
    assert conda()["python"].specifier == SpecifierSet(PROJECT["requires-python"])
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert [v for v in ("3.10", "3.11", "3.12", "3.13", "3.14") if allowed.contains(f"{v}.0")] == list(
        PYTHONS
    )
    classifiers = [c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d", c)]
    assert classifiers == list(PYTHONS)


def marker_environments() -> list[dict[str, str]]:
    systems = (("linux", "Linux", "x86_64"), ("linux", "Linux", "aarch64"), ("darwin", "Darwin", "arm64"))
    return [
        {
            "python_version": python,
            "python_full_version": f"{python}.4",
            "sys_platform": platform,
            "platform_system": system,
            "platform_machine": machine,
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }
        for python, (platform, system, machine) in itertools.product(PYTHONS, systems)
    ]


def applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    if requirement.marker is None:
        return True
    pairs = itertools.product(marker_environments(), extras or {""})
    return any(requirement.marker.evaluate({**env, "extra": extra}) for env, extra in pairs)


def needed() -> set[str]:
    """Names of all that a set-up brings on any supported system, as far as it is installed here."""
    todo = [(name, frozenset(r.extras)) for name, r in declared().items()]
    seen = set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen or name.startswith(CUDA):
            continue
        seen.add((name, extras))
        try:
            lines = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # of another system or Python
            continue
        found = [r for r in map(Requirement, lines) if applies(r, extras)]
        todo += [(canonicalize_name(r.name), frozenset(r.extras)) for r in found]
    return {name for name, _ in seen}


def test_everything_that_is_needed_is_pinned():
    assert len(needed()) > 100
    missing = needed() - set(pins())
    assert not missing, f"constraints.txt does not pin {', '.join(sorted(missing))}"


def test_cuda_is_left_to_pytorch():
    assert not [name for name in pins() if name.startswith(CUDA)]


@pytest.mark.skipif(Path(sys.prefix) != ROOT / ".venv", reason="not in the project's own environment (.venv)")
@pytest.mark.parametrize("name", sorted(declared()))
def test_the_environment_has_the_pinned_versions(name):
    # +cpu and the like say how PyTorch was built.
    assert Version(importlib.metadata.version(name)).public == pins()[name].public
