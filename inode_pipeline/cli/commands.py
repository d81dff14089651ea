"""The group of all commands, which also reports every failure.

To add a command, write it in a file of this folder and add it to the list below.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

import inode_pipeline
from inode_pipeline.cli import environment, failure
from inode_pipeline.cli.demo import demo
from inode_pipeline.cli.doctor import doctor
from inode_pipeline.cli.emulator import emulator
from inode_pipeline.cli.init import init
from inode_pipeline.cli.inspect import inspect
from inode_pipeline.cli.migrate import migrate
from inode_pipeline.cli.output import say
from inode_pipeline.cli.query import query
from inode_pipeline.cli.report import report
from inode_pipeline.cli.status import status
from inode_pipeline.cli.sync import replay, sync
from inode_pipeline.cli.your_tables import baselines, calendar, corridors

OWN_WARNINGS = ("demo", "doctor")
"""`demo` ignores all settings, and `doctor` lists unknown ones among its findings."""


class Commands(click.Group):
    """A group that lists the commands in the order of first use and reports every failure in the same way."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they were added."""
        del ctx
        return list(self.commands)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command with the option `--debug`."""
        cmd.params.append(failure.debug_option())
        super().add_command(cmd, name)

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> NoReturn:
        """Run, then exit: 0 done, 1 stopped, 2 wrong settings or usage, 3 try again later, 130 interrupted."""
        arguments = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        if os.environ.get("NO_COLOR"):
            extra["color"] = False
        try:
            _warn_of_unknown_variables(arguments)
            code = super().main(arguments, *rest, **extra)
        except Exception as problem:  # noqa: BLE001 - top-level handler: never print a traceback
            code = failure.report_failure(problem, as_json="--json" in arguments, debug="--debug" in arguments)
        sys.exit(code if isinstance(code, int) else 0)


def _warn_of_unknown_variables(arguments: list[str]) -> None:
    if not arguments or arguments[0] in OWN_WARNINGS or not {"-h", "--help", "--version"}.isdisjoint(arguments):
        return
    for text, remedy in environment.unknown_variables():
        say(f"warning: {text} {remedy}")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(inode_pipeline.__version__, prog_name="inode-pipeline", message="%(prog)s %(version)s")
def commands() -> None:
    """Sync the travel-time links of a SMATS iNode account into your own warehouse.

    Begin with `demo`, which needs no account. For your own account run `init`, then `doctor`, then `sync`.
    Exit codes: 0 done, 1 stopped by API, data or warehouse, 2 wrong settings or usage, 3 try again later.
    """


for _command in (
    init, demo, doctor, inspect, sync, replay, status, query, report, corridors, calendar, baselines, migrate, emulator
):  # fmt: skip
    commands.add_command(_command)
