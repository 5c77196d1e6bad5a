"""The assignments: solved ones get full marks, starters none, a wrong answer loses its own task's points."""

from __future__ import annotations

import json
import re

import nbformat
import numpy as np
import pytest

from aggdist.coursework import check as checking
from aggdist.coursework.inside import plain
from aggdist.coursework.registry import NUMBERS, assignment
from aggdist.coursework.starters import solutions_of, solved, starter, task_of, write_solutions
from aggdist.coursework.task import CourseworkError, compared
from aggdist.house.coursework_command import table
from aggdist.paths import repository_root

ROOT = repository_root()
# Each as a student might have it: an answer, and what goes wrong in it.
WRONG = {
    1: {
        "cumulants": ("m2 - m1**2", "m2"),
        "ratio": ("(2 * k2**2)", "k2**2"),
        "block_average": ("(1 - q) ** (n // m)", "(1 - q) ** n"),
        "max_cdf": ("** n", "** (n - 1)"),
        "max_mean": ("c * k + 1", "c * k + 2"),
        "kl": ("return inf", "return how_often"),
        "efficiency": ("(n * (shape", "((shape"),
    },
    2: {
        "pooled_sample": ("np.mean(active", "np.sum(active"),
        "ks_with_atom": ("cdf(np.nextafter(x, -np.inf))", "cdf(x)"),
        "ratios_with_errors": ("(n - 1) * np.var", "np.var"),
        "matched_distance": ("- mean**2) / positions", ") / positions"),
        "rate": ("(len(x) - 2)", "len(x)"),
    },
    3: {
        "pooled_features": ("torch.cat(seen).numpy()", "2 * torch.cat(seen).numpy()"),
        "channel_table": ("(2 * second**2)", "second**2"),
        "quantities": ("observed_matched", "observed_raw"),
        "my_network": ("range(80)", "range(0)"),
        "my_answers": ("return quantities(", "return dict(best_model='none') and quantities("),
    },
}
del WRONG[3]["my_answers"]  # it has no formula; see the test of its judge


def notebook_of(tmp_path, number, change):
    book = solved(ROOT, number)
    for cell in book.cells:
        if task_of(cell):
            cell.source = change(task_of(cell), cell.source)
    path = tmp_path / "work.ipynb"
    nbformat.write(book, path)
    return path


def points(checked):
    return {mark.task.name: mark.points for mark in checked.marks}


@pytest.mark.parametrize("number", NUMBERS)
def test_the_solved_notebook_of_the_command_gets_full_marks(tmp_path, number):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "assignments").symlink_to(ROOT / "notebooks" / "assignments")
    (path,) = write_solutions(tmp_path, (number,))
    checked = checking.check(number, path, seed=11)
    assert checked.points == checked.full == 20, "\n".join(table(checked))
    assert checked.notes == ()


@pytest.mark.parametrize("number", NUMBERS)
def test_the_starter_gets_nothing_and_names_what_is_missing(number):
    checked = checking.check(number, starter(ROOT, number), seed=0)
    names = [task.name for task in assignment(number).tasks]
    assert checked.points == 0
    assert list(checked.unfinished) == names
    assert checked.notes == ()
    lines = table(checked)
    assert f"Not written yet: {', '.join(names)}" in lines
    assert not any("Traceback" in line for line in lines)


@pytest.mark.parametrize("number", [1, 2])
def test_a_wrong_answer_loses_exactly_its_own_points(number):
    names: dict = {}
    book = solved(ROOT, number)
    for cell in book.cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
    for task in assignment(number).tasks:
        old, new = WRONG[number][task.name]
        code = solutions_of(number)[task.name][1]
        assert old in code, task.name
        mine = dict(names)
        exec(code.replace(old, new), mine)
        for other in assignment(number).tasks:
            # A wrong helper may spoil what calls it; students' functions are called one by one here.
            function = mine[other.name] if other is task else names[other.name]
            cases = other.arguments(3)
            right = all(other.judge(arguments, plain(function(*arguments))).right for arguments in cases)
            assert right == (other is not task), (task.name, other.name)


def test_a_wrong_notebook_loses_exactly_that_task_s_points(tmp_path):
    old, new = WRONG[1]["max_mean"]
    path = notebook_of(tmp_path, 1, lambda name, code: code.replace(old, new) if name == "max_mean" else code)
    wanted = {task.name: task.points for task in assignment(1).tasks} | {"max_mean": 0}
    assert points(checking.check(1, path, seed=2)) == wanted


def test_tools_for_networks_are_judged():
    names: dict = {}
    for cell in solved(ROOT, 3).cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
    for name in ("pooled_features", "channel_table", "my_network"):
        task = next(task for task in assignment(3).tasks if task.name == name)
        old, new = WRONG[3][name]
        code = solutions_of(3)[name][1]
        assert old in code
        mine = dict(names)
        exec(code.replace(old, new), mine)
        for function, expected in ((names[name], True), (mine[name], False)):
            verdicts = []
            for arguments in task.arguments(5):
                value = function(*arguments)
                value = plain(task.first(arguments, value) if task.first else value)
                verdicts.append(task.judge(arguments, value).right)
            assert all(verdicts) == expected, name


def test_answers_must_fit_each_other():
    task = assignment(3).tasks[-1]
    good = {
        "images": 80, "classes": 2, "accuracy": 0.9, "observed": [1.0, 2.0], "best_model": "a",
        "median_error": {"a": 0.1, "b": 0.2}, "saturated": [],
    }  # fmt: skip
    assert task.judge((), good).right
    for change in ({"best_model": "b"}, {"classes": 3}, {"accuracy": 1.2}, {"median_error": {}}):
        assert not task.judge((), good | change).right
    assert "no saturated" in task.judge((), {k: v for k, v in good.items() if k != "saturated"}).got
    assert not task.judge((), [1]).right


def test_whatever_students_do_is_a_row_of_the_table(tmp_path):
    bodies = {
        "cumulants": "raise ValueError('mine')",
        "ratio": "return float('nan')",
        "block_average": "return [1.0, 2.0]",
        "max_cdf": "return 'text'",
        "max_mean": "\n    while True: pass",
        "kl": "return None",
    }

    def change(name, code):
        if name == "efficiency":
            return "1 / 0\n"
        return f"{code.split(':', 1)[0]}: {bodies[name]}"

    path = notebook_of(tmp_path, 1, change)
    checked = checking.check(1, path, seed=0)
    got = {mark.task.name: mark.got for mark in checked.marks}
    assert checked.points == 0
    assert got["cumulants"] == "case 1 of 4: ValueError: mine"
    assert got["ratio"] == "case 1 of 4: nan"
    assert got["block_average"] == "case 1 of 4: shape (2,)"
    assert "str 'text'" in got["max_cdf"]
    assert got["max_mean"] == "case 1 of 4: no answer within 10 s"
    assert got["efficiency"] == "there is no function efficiency in the notebook"
    assert len(checked.notes) == 1
    assert re.fullmatch(r"cell \d+ raised ZeroDivisionError: division by zero", checked.notes[0])


def test_a_slow_cell_and_a_kernel_that_stops_are_notes(tmp_path):
    book = solved(ROOT, 1)
    book.cells.insert(0, nbformat.v4.new_code_cell("while True: pass"))
    nbformat.write(book, tmp_path / "slow.ipynb")
    slow = checking.check(1, tmp_path / "slow.ipynb", seed=0, cell_seconds=3)
    assert "cell 1 raised KeyboardInterrupt:  (its time was over)" in slow.notes
    assert slow.points == slow.full

    book.cells[0].source = "import os; os._exit(1)"
    nbformat.write(book, tmp_path / "dead.ipynb")
    dead = checking.check(1, tmp_path / "dead.ipynb", seed=0)
    assert dead.points == 0
    assert "the kernel stopped" in dead.notes[0]


def test_files_that_are_no_notebooks_are_told(tmp_path):
    with pytest.raises(CourseworkError, match="there is no notebook"):
        checking.check(1, tmp_path / "none.ipynb", 0)
    (tmp_path / "a.ipynb").write_text("text", encoding="utf-8")
    with pytest.raises(CourseworkError, match="expected a Jupyter notebook"):
        checking.check(1, tmp_path / "a.ipynb", 0)


def test_seeds_give_other_inputs_and_the_same_seed_the_same():
    for number in (1, 2):
        for task in assignment(number).tasks:
            fresh = [json.dumps(plain(task.cases(np.random.default_rng(s))), default=repr) for s in (0, 0, 1)]
            if task.name != "ks_with_atom":  # its law is an object, whose text has an address
                assert fresh[0] == fresh[1] != fresh[2]
    with pytest.raises(ValueError, match="assignment 4: expected one of 1, 2, 3"):
        assignment(4)


def test_values_are_compared_in_shape_and_size():
    assert compared([1.0, 2.0], [1.0, 2.0], 1e-6).right
    assert not compared([1.0, 2.1], [1.0, 2.0], 1e-6).right
    assert not compared([[1.0, 2.0]], [1.0, 2.0], 1e-6).right
    assert not compared(float("nan"), float("nan"), 1e-6).right
    assert compared(float("inf"), float("inf"), 1e-6).right


@pytest.mark.parametrize("number", NUMBERS)
def test_starters_hold_every_task_and_no_solution(number):
    book = nbformat.read(starter(ROOT, number), as_version=4)
    tagged = [task_of(cell) for cell in book.cells if task_of(cell)]
    assert tagged == [task.name for task in assignment(number).tasks]
    text = "\n".join(cell.source for cell in book.cells)
    for task in assignment(number).tasks:
        assert f"`{task.name}` | {task.points} |" in text
    for words, code in solutions_of(number).values():
        lines = [line.strip() for line in (words + "\n" + code).splitlines()]
        assert [x for x in lines if len(x) > 30 and not x.startswith("def ") and x in text] == []
