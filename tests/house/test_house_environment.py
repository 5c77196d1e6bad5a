"""The set-up of .venv: what it runs, when it is redone, and what it says when it cannot be made."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from aggdist.house import environment, machine
from aggdist.house.environment import Environment
from aggdist.house.terminal import HouseError


class Shell:
    """Stands in for subprocess: notes the commands, makes what `venv` makes, fails or stops where told."""

    def __init__(self):
        self.commands = []
        self.fails_at = self.stops_at = None

    def run(self, command, env, check):
        self.commands.append(command)
        if self.stops_at and self.stops_at in command:
            raise KeyboardInterrupt
        if command[1:3] == ["-m", "venv"]:
            folder = Path(command[3])
            (folder / "bin").mkdir(parents=True, exist_ok=True)
            (folder / "bin" / "python").write_text("")
            version = ".".join(map(str, sys.version_info[:3]))
            (folder / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n")
        failed = self.fails_at is not None and self.fails_at in command
        return subprocess.CompletedProcess(command, 1 if failed else 0)


@pytest.fixture
def shell(monkeypatch):
    monkeypatch.delenv("TORCH", raising=False)
    stand_in = Shell()
    monkeypatch.setattr(environment.subprocess, "run", stand_in.run)
    return stand_in


@pytest.fixture
def root(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("numpy==2.4.6\ntorch==2.14.1\ntorchvision==0.29.1\n")
    return tmp_path


def test_a_set_up_makes_the_environment_then_pytorch_then_the_rest_at_the_pinned_versions(root, shell):
    env = environment.ensure(root)
    python = str(root / ".venv" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--no-user"]
    base = getattr(sys, "_base_executable", sys.executable)
    assert shell.commands == [
        [base, "-m", "venv", str(root / ".venv")],
        [*pip, "--no-deps", "torch==2.14.1", "torchvision==0.29.1"],
        [*pip, "-c", str(root / "constraints.txt"), "-e", f"{root}[dev]"],
    ]
    assert env == Environment(root)
    assert environment.is_ready(env, "default")


def test_torch_cpu_takes_pytorch_from_its_cpu_index_and_nothing_else_from_there(root, shell, monkeypatch):
    monkeypatch.setenv("TORCH", "cpu")
    environment.ensure(root)
    assert shell.commands[1][5:] == [
        "--no-deps",
        "--index-url",
        "https://download.pytorch.org/whl/cpu",
        "torch==2.14.1",
        "torchvision==0.29.1",
    ]
    assert "--index-url" not in shell.commands[2]


def test_an_environment_that_fits_is_left_alone(root, shell):
    environment.ensure(root)
    done = len(shell.commands)
    environment.ensure(root)
    assert len(shell.commands) == done


def test_without_torch_the_kind_it_was_made_with_is_kept(root, shell, monkeypatch):
    monkeypatch.setenv("TORCH", "cpu")
    environment.ensure(root)
    monkeypatch.delenv("TORCH")
    done = len(shell.commands)
    environment.ensure(root)
    assert len(shell.commands) == done
    monkeypatch.setenv("TORCH", "default")
    environment.ensure(root)
    assert [command[1:3] for command in shell.commands[done:]] == [
        ["-m", "venv"],
        ["-m", "pip"],
        ["-m", "pip"],
    ]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_file_brings_the_packages_up_to_date_in_place(root, shell, name):
    environment.ensure(root)
    done = len(shell.commands)
    (root / name).write_text((root / name).read_text() + "# changed\n")
    environment.ensure(root)
    assert [command[1:3] for command in shell.commands[done:]] == [["-m", "pip"], ["-m", "pip"]]


def test_another_python_makes_it_anew(root, shell, monkeypatch):
    environment.ensure(root)
    (root / ".venv" / "litter").write_text("")
    monkeypatch.setattr(environment.sys, "version_info", (3, 99, 0))
    environment.ensure(root)
    assert not (root / ".venv" / "litter").exists()


@pytest.mark.parametrize("where", ["venv", "torch==2.14.1", "-c"])
def test_an_interrupted_set_up_is_redone_from_the_start_with_the_same_pytorch(
    root, shell, monkeypatch, where
):
    monkeypatch.setenv("TORCH", "cpu")
    shell.stops_at = where
    with pytest.raises(KeyboardInterrupt):
        environment.ensure(root)
    assert not Environment(root).stamp.exists()
    monkeypatch.delenv("TORCH")
    shell.stops_at, shell.commands = None, []
    environment.ensure(root)
    assert shell.commands[0][1:3] == ["-m", "venv"]
    assert environment.CPU_INDEX in shell.commands[1]


def test_an_interrupted_update_is_redone_from_the_start(root, shell):
    environment.ensure(root)
    (root / "constraints.txt").write_text((root / "constraints.txt").read_text() + "# changed\n")
    shell.stops_at = "-c"
    with pytest.raises(KeyboardInterrupt):
        environment.ensure(root)
    assert not Environment(root).stamp.exists()
    shell.stops_at, shell.commands = None, []
    environment.ensure(root)
    assert shell.commands[0][1:3] == ["-m", "venv"]


def test_a_failed_command_is_named_and_leaves_nothing_that_looks_finished(root, shell, monkeypatch):
    monkeypatch.setenv("TORCH", "cpu")
    shell.fails_at = "torch==2.14.1"
    with pytest.raises(
        HouseError, match=r"(?s)ended with code 1 \(is https://download.*reachable.*pip install"
    ):
        environment.ensure(root)
    assert not Environment(root).stamp.exists()


def test_a_wrong_kind_of_pytorch_is_an_error(root, shell, monkeypatch):
    monkeypatch.setenv("TORCH", "gpu")
    with pytest.raises(HouseError, match=r"TORCH=gpu: expected TORCH=cpu .*TORCH=default"):
        environment.ensure(root)


def test_a_missing_pin_is_an_error(root, shell):
    (root / "constraints.txt").write_text("torch==2.14.1\n")
    with pytest.raises(HouseError, match=r"constraints.txt does not pin torchvision"):
        environment.ensure(root)


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_names_the_package_to_install(root, shell, monkeypatch, module):
    real = environment.importlib.util.find_spec
    monkeypatch.setattr(
        environment.importlib.util, "find_spec", lambda name: None if name == module else real(name)
    )
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    with pytest.raises(
        HouseError, match=rf"its module {module} is missing.*apt-get install python{version}-venv"
    ):
        environment.ensure(root)
    assert shell.commands == []


def test_an_environment_of_somebody_else_is_left_alone(root, shell):
    theirs = root / ".venv" / "bin" / "python"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("")
    with pytest.raises(HouseError, match=r"was not made by aggdist, so it is left alone: remove it"):
        environment.ensure(root)
    assert theirs.exists()
    assert shell.commands == []


def test_other_packages_are_kept_out(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    assert not {"PYTHONPATH", "PYTHONHOME"} & set(environment.clean_variables())


def test_tasks_that_start_together_take_turns(tmp_path, capsys):
    order = []

    def second():
        with machine.one_at_a_time(tmp_path / "build" / "x.lock", "sets up .venv"):
            order.append("second")

    with machine.one_at_a_time(tmp_path / "build" / "x.lock", "sets up .venv"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join(timeout=10)
    assert order == ["first", "second"]
    assert "Waiting for another process that sets up .venv" in capsys.readouterr().out


@pytest.mark.slow
def test_the_real_commands_make_an_interpreter_that_runs(root, monkeypatch):
    """Without pip's two steps, which need a connection."""
    monkeypatch.setattr(
        environment, "pip_commands", lambda env, torch: [[str(env.python), "-c", "import pip"]]
    )
    monkeypatch.delenv("TORCH", raising=False)
    env = environment.ensure(root)
    text = subprocess.run(
        [env.python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True
    )
    assert Path(text.stdout.strip()).resolve() == env.folder.resolve()
