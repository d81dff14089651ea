"""Help and version."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

import inode_pipeline
from inode_pipeline.cli.commands import commands

EVERY = [
    "init", "demo", "doctor", "inspect", "sync", "replay", "status", "query", "report", "corridors", "calendar",
    "baselines", "migrate", "emulator",
]  # fmt: skip


def options() -> Iterator[tuple[str, click.Option]]:
    for name, command in commands.commands.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield name, parameter


def test_the_commands_are_listed_in_the_order_of_first_use():
    """`--help` lists the commands from the first one needed to the last."""
    assert list(commands.commands) == EVERY


def test_every_command_and_every_option_is_explained():
    """No command and no option lacks a help text that ends like a sentence."""
    assert [name for name, command in commands.commands.items() if not command.help or not command.short_help] == []
    assert [(name, option.name) for name, option in options() if not (option.help or "").endswith(".")] == []


@pytest.mark.parametrize("name", EVERY)
def test_help_of_a_command_runs(run, name):
    """Each command has `--help`, which lists `--debug`."""
    ended = run(name, "--help")

    assert (ended.code, ended.stderr) == (0, "")
    assert "--debug" in ended.stdout


@pytest.mark.parametrize(
    ("argument", "expected"), [("--help", "Usage: inode-pipeline"), ("--version", "inode-pipeline")]
)
def test_help_and_version_answer_at_once(process, argument, expected):
    """Both take less than half a second of CPU, because they import nothing heavy."""
    best_s = float("inf")
    for _ in range(3):  # CPU time, and the best of three, because other processes may be running
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended = process(argument)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best_s = min(best_s, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)

    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith(expected)
    assert best_s < 0.5


def test_the_console_script_and_the_module_are_the_same_command(process):
    """`inode-pipeline` and `python -m inode_pipeline` print the same version."""
    expected = f"inode-pipeline {inode_pipeline.__version__}\n"

    assert expected == process("--version").stdout
    assert expected == process("--version", module=False).stdout


def test_s19_no_core_is_dumped():
    """The process disables core dumps first, because they would contain its secrets."""
    limit = (
        "import resource, sys\n"
        "from inode_pipeline.__main__ import main\n"
        "sys.argv = ['inode-pipeline', '--version']\n"
        "try:\n    main()\nfinally:\n    print(resource.getrlimit(resource.RLIMIT_CORE)[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", limit], capture_output=True, text=True, check=False, timeout=30)

    assert done.stdout.splitlines()[-1] == "0"


def test_help_is_quick():
    """None of the packages that take long to import is imported before a command needs it."""
    shown = "import sys, inode_pipeline.__main__; print({'dagster', 'httpx', 'pandas', 'sqlalchemy'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True).stdout == "set()\n"
