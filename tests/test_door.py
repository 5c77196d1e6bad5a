"""The one public door: complete, lazy, and the same for people and for type checkers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import aggdist


def test_every_name_can_be_had_and_is_documented():
    for name in aggdist.__all__:
        value = getattr(aggdist, name)
        if callable(value):
            assert value.__doc__, name
    assert set(dir(aggdist)) == set(aggdist.__all__)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(aggdist.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert seen == {name: f"aggdist.{room}" for name, room in aggdist._ROOM_OF.items()}


def test_importing_it_imports_neither_numpy_nor_torch():
    code = "import sys, aggdist; print(sorted({'numpy', 'torch', 'scipy', 'matplotlib'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_mathematics_does_not_import_torch():
    code = (
        "import sys, aggdist.distributions, aggdist.divergence, aggdist.prediction, aggdist.equations, "
        "aggdist.figures; print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_unknown_names_are_told_what_there_is():
    with pytest.raises(AttributeError, match="no attribute 'predict'; it offers DATASETS"):
        aggdist.predict  # noqa: B018


def test_rooms_import_only_from_rooms_above_them():
    order = [
        "datasets",
        "aggregation",
        "networks",
        "halves",
        "capture",
        "prediction",
        "equations",
        "analysis",
        "analysis_sources",
        "experiment",
        "studies",
        "run_table",
        "extracts",
        "runs",
        "verify",
        "figures",
        "own_network",
        "coursework",
        "pages",
    ]
    shared = {"distributions", "divergence", "paths", "provenance"}
    root = Path(aggdist.__file__).parent
    for path in sorted(root.rglob("*.py")):
        room = path.relative_to(root).parts[0].removesuffix(".py")
        for target in _imports(path):
            if room in {"distributions", "divergence"}:
                assert target in {"distributions", "divergence"}, f"{path}: {target}"
            elif room in order and target in order:
                assert order.index(target) <= order.index(room), f"{path} imports {target} from below"
            elif room in order:
                # Generated pages and assignments report as the house tasks do.
                beside = {"house"} if room in {"pages", "coursework"} else set()
                assert target in shared | {"notebooks"} | beside, f"{path}: {target}"


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aggdist."):
            yield node.module.split(".")[1]
