"""Report a failure: its class in brackets, what happened, what to do, and the state of the tables.

Every exception becomes a message on standard error and an exit code, and with `--json` an object on standard output.
Not here: the errors themselves, see `errors.py`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import signal
import sys
import traceback
import uuid
from datetime import datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

import click

from inode_pipeline.cli.output import say
from inode_pipeline.errors import ConfigError, PipelineError, WarehouseError
from inode_pipeline.text import visible_lines

if TYPE_CHECKING:
    from inode_pipeline.warehouse.engine import Warehouse

INTERRUPTED = 130
TERMINATED = 143
"""A shell's exit codes for commands ended by Ctrl-C and by SIGTERM."""

OUTPUT_FAILED = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG)
"""Errors of writing to standard output. Errors of a file have a file name as well."""

UNCHANGED = "The tables are unchanged."
UNKNOWN = "The tables are as their last committed load left them; `inode-pipeline status` says which."
OPERATIONS = "docs/operations.md"


class StoppedError(Exception):
    """A failure and the state of the tables after it. Raised only by `GuardedRun`, from the failure itself."""

    def __init__(self, problem: BaseException, *, tables: str, data_as_of: datetime | None) -> None:
        super().__init__(type(problem).__name__)
        self.problem = problem
        self.tables = tables
        self.data_as_of = data_as_of


class GuardedRun:
    """Context of a run that may write: re-raises any failure as `StoppedError`.

    It reads from the warehouse which loads a failed run has committed. SIGTERM ends the run like Ctrl-C: the open
    transaction is rolled back.
    """

    def __init__(self) -> None:
        self.id = str(uuid.uuid4())
        self._warehouse: Warehouse | None = None

    def watch(self, warehouse: Warehouse) -> None:
        """Set the warehouse to which the run may write."""
        self._warehouse = warehouse

    def __enter__(self) -> Self:
        self._handler = signal.signal(signal.SIGTERM, _terminate)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGTERM, self._handler)
        if isinstance(problem, Exception | KeyboardInterrupt):
            tables, data_as_of = self._effect(problem)
            raise StoppedError(problem, tables=tables, data_as_of=data_as_of) from problem

    def _effect(self, problem: BaseException) -> tuple[str, datetime | None]:
        """What the run did to the tables, in a sentence, and the time of the newest data, None if unknown."""
        if self._warehouse is None:
            return UNCHANGED, None
        from inode_pipeline.analysis.status import data_as_of, loads_of_run

        try:
            with self._warehouse:
                return _tables_sentence(loads_of_run(self._warehouse, self.id)), data_as_of(self._warehouse)
        except PipelineError:
            # Without tables nothing was loaded; if the database is unreachable, the last commit may have succeeded.
            return (UNCHANGED if isinstance(problem, WarehouseError) else UNKNOWN), None


class Terminated(KeyboardInterrupt):
    """The process was ended by SIGTERM. The class name is stored in `runs.error`."""


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def _tables_sentence(loads: int) -> str:
    if loads == 0:
        return UNCHANGED
    walks = "1 walk was" if loads == 1 else f"{loads} walks were"
    return f"{walks} loaded completely before the failure; nothing was written after that."


def debug_option() -> click.Option:
    """The option `--debug` of every command: show the log and a failure's traceback on standard error."""
    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, callback=_log_everything, help="Show the log and any traceback."
    )


def _log_everything(_context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        logger = logging.getLogger("inode_pipeline")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(logging.StreamHandler())


def report_failure(problem: Exception, *, as_json: bool, debug: bool) -> int:
    """Print a failure on standard error and, with `--json`, on standard output; return the exit code."""
    if isinstance(problem, click.exceptions.NoArgsIsHelpError):
        problem.show()
        return ConfigError.exit_code
    stopped = problem if isinstance(problem, StoppedError) else None
    cause = stopped.problem if stopped else problem
    if (interruption := _interruption(cause)) is not None:
        say(f"Stopped. {stopped.tables if stopped else ''}".rstrip())
        return TERMINATED if isinstance(interruption, Terminated) else INTERRUPTED
    known = _as_pipeline_error(cause)
    kind = known.kind if known else type(cause).__name__
    message = visible_lines(known.message if known else f"{kind}: an unexpected error.")
    remedy = visible_lines(known.remedy if known else "Run the same command with --debug and report what it prints.")
    retryable = known is not None and known.retryable
    lines = [f"{click.style(f'[{kind}]', fg='red', bold=True)} {message}"]
    lines.append(f"{remedy} See {OPERATIONS}#{kind.lower()}" if known else remedy)
    if stopped:
        lines.append(stopped.tables)
    say("\n".join(lines))
    if debug:
        say("".join(traceback.format_exception(cause)))
    if as_json:
        as_of = stopped.data_as_of.isoformat() if stopped and stopped.data_as_of else None
        answer = {"error": kind, "message": message, "remedy": remedy, "retryable": retryable, "data_as_of": as_of}
        with contextlib.suppress(OSError):  # the message is already on standard error
            click.echo(json.dumps(answer))
    return known.exit_code if known else 1


def _interruption(problem: BaseException) -> KeyboardInterrupt | None:
    """The interrupt behind a failure: an interrupted library may raise another exception while it cleans up."""
    if isinstance(problem, click.Abort) and problem.__cause__ is None and sys.stdin.isatty():
        return KeyboardInterrupt()
    behind: BaseException | None = problem
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__cause__ or behind.__context__
    return behind


def _as_pipeline_error(problem: BaseException) -> PipelineError | None:
    """Convert errors of the arguments and the machine to pipeline errors; None for an unexpected one."""
    if isinstance(problem, PipelineError):
        return problem
    if isinstance(problem, click.UsageError):
        command = problem.ctx.command_path if problem.ctx else "inode-pipeline"
        message = " ".join(problem.format_message().split())  # click lists choices with line breaks and tabs
        return ConfigError(_sentence(message), remedy=f"`{command} --help` shows what it takes.")
    if isinstance(problem, click.Abort):
        return ConfigError(
            "Standard input ended before all questions were answered.",
            remedy="Run the command in a terminal, or write .env by hand as explained in .env.example.",
        )
    if isinstance(problem, click.ClickException):
        return ConfigError(_sentence(problem.format_message()), remedy="Correct the argument.")
    return _machine_error(problem)


def _machine_error(problem: BaseException) -> PipelineError | None:
    """Convert an error of the operating system, whose messages never contain a secret; None for any other."""
    if isinstance(problem, OSError) and problem.errno is not None:
        return _system_error(problem, os.strerror(problem.errno))
    if isinstance(problem, MemoryError):
        return PipelineError("This machine has no memory left.", remedy="Free some, or raise the limit, and run again.")
    if isinstance(problem, RuntimeError) and "home directory" in str(problem):
        return ConfigError("~ cannot be expanded: its user has no home on this machine.", remedy="Write the full path.")
    if isinstance(problem, RuntimeError) and str(problem) == "can't start new thread":
        return PipelineError("This machine allows no more threads.", remedy="Raise the limit (ulimit -u).")
    return None


def _system_error(problem: OSError, reason: str) -> PipelineError:
    if problem.filename is not None:
        return PipelineError(
            f"{problem.filename} cannot be used: {reason}.",
            remedy="Correct that on this machine, or run the command elsewhere or as another user.",
        )
    if problem.errno in OUTPUT_FAILED:
        return PipelineError(
            f"The result could not be written to standard output: {reason}.",
            remedy="Free some space, or send it elsewhere; `inode-pipeline status` says what is loaded.",
        )
    if problem.errno == errno.ENOENT and _current_folder_is_gone():
        return ConfigError("The current folder has been removed.", remedy="Change to another one.")
    return PipelineError(
        f"The operating system refused: {_sentence(problem.strerror or reason)}",
        remedy="Correct that on this machine, then run the command again.",
    )


def _current_folder_is_gone() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
