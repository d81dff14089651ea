"""How a failure is told: the class in brackets, what happened, what to do, and what it means for the tables.

Every exception becomes one message on standard error, with `--json` also one object on standard output, and an exit
code. Keep out: deciding what is a failure; that is `errors.py`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import signal
import sys
import traceback
import uuid
from datetime import datetime
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

import click

from inode_pipeline.errors import ConfigError, PipelineError, WarehouseError

if TYPE_CHECKING:
    from inode_pipeline.warehouse.engine import Warehouse

INTERRUPTED = 130
TERMINATED = 143
"""The exit codes that a shell gives a command ended by Ctrl-C and by SIGTERM."""

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""What an output says that takes no more."""

UNCHANGED = "The tables are unchanged."
UNKNOWN = "The tables are as their last committed load left them; `inode-pipeline status` says which."
OPERATIONS = "docs/operations.md"


class StoppedError(Exception):
    """A failure together with what it means for the tables. Raised only by `Aftermath`, from the failure itself."""

    def __init__(self, problem: BaseException, *, tables: str, data_as_of: datetime | None) -> None:
        super().__init__(type(problem).__name__)
        self.problem = problem
        self.tables = tables
        self.data_as_of = data_as_of


class Aftermath:
    """Surrounds a run that may write: whatever fails inside is raised again as `StoppedError`.

    Which loads a failed run had committed before is asked of the warehouse, never assumed. SIGTERM ends the run as
    Ctrl-C does: the open transaction is undone.
    """

    def __init__(self) -> None:
        self.run_id = str(uuid.uuid4())
        self._warehouse: Warehouse | None = None

    def watch(self, warehouse: Warehouse) -> None:
        """From here on the run may write into this warehouse."""
        self._warehouse = warehouse

    def __enter__(self) -> Self:
        self._handler = signal.signal(signal.SIGTERM, _terminate)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGTERM, self._handler)
        if isinstance(problem, Exception | KeyboardInterrupt):
            tables, data_as_of = self._ask(problem)
            raise StoppedError(problem, tables=tables, data_as_of=data_as_of) from problem

    def _ask(self, problem: BaseException) -> tuple[str, datetime | None]:
        """What the run did to the tables, as a sentence, and the newest data's instant, None if that is unknown."""
        if self._warehouse is None:
            return UNCHANGED, None
        from inode_pipeline.analysis.status import data_as_of, loads_of_run

        try:
            with self._warehouse:
                return _tables_sentence(loads_of_run(self._warehouse, self.run_id)), data_as_of(self._warehouse)
        except PipelineError:
            # Without tables nothing was loaded; without an answer nobody knows whether the last commit arrived.
            return (UNCHANGED if isinstance(problem, WarehouseError) else UNKNOWN), None


class Terminated(KeyboardInterrupt):
    """SIGTERM: someone ended the process on purpose. The name stands in `runs.error`."""


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def _tables_sentence(loads: int) -> str:
    if loads == 0:
        return UNCHANGED
    walks = "1 walk was" if loads == 1 else f"{loads} walks were"
    return f"{walks} loaded before, each of them whole; nothing was written after that."


def debug_option() -> click.Option:
    """`--debug`, for every command: the log of the pipeline and the traceback of a failure on standard error."""
    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, callback=_log_everything, help="Show the log and any traceback."
    )


def _log_everything(_context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        logger = logging.getLogger("inode_pipeline")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(logging.StreamHandler())


def present(problem: Exception, *, as_json: bool, debug: bool) -> int:
    """Tell one failure on standard error (and, for scripts, on standard output); the exit code it means."""
    if isinstance(problem, click.exceptions.NoArgsIsHelpError):
        problem.show()
        return ConfigError.exit_code
    stopped = problem if isinstance(problem, StoppedError) else None
    cause = stopped.problem if stopped else problem
    if (interruption := _interruption(cause)) is not None:
        click.echo(f"Stopped. {stopped.tables if stopped else ''}".rstrip(), err=True)
        return TERMINATED if isinstance(interruption, Terminated) else INTERRUPTED
    known = _as_pipeline_error(cause)
    kind = known.kind if known else type(cause).__name__
    message = clean(known.message if known else f"{kind}: an error that this program did not expect.")
    remedy = clean(known.remedy if known else "Run the same command with --debug and report what it prints.")
    retryable = known is not None and known.retryable
    lines = [f"{click.style(f'[{kind}]', fg='red', bold=True)} {message}"]
    lines.append(f"{remedy} See {OPERATIONS}#{kind.lower()}" if known else remedy)
    if stopped:
        lines.append(stopped.tables)
    click.echo("\n".join(lines), err=True)
    if debug:
        click.echo("".join(traceback.format_exception(cause)), err=True)
    if as_json:
        as_of = stopped.data_as_of.isoformat() if stopped and stopped.data_as_of else None
        told = {"error": kind, "message": message, "remedy": remedy, "retryable": retryable, "data_as_of": as_of}
        with contextlib.suppress(OSError):  # the message stands on standard error already
            click.echo(json.dumps(told))
    return known.exit_code if known else 1


def _interruption(problem: BaseException) -> KeyboardInterrupt | None:
    """The signal behind a failure: a library that is cut off at a bad moment may fail in its turn as it tidies up."""
    if isinstance(problem, click.Abort) and problem.__cause__ is None and sys.stdin.isatty():
        return KeyboardInterrupt()
    behind: BaseException | None = problem
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__cause__ or behind.__context__
    return behind


def _as_pipeline_error(problem: BaseException) -> PipelineError | None:
    """Wrong usage is a `ConfigError` like every other wrong setting; None for what nobody expected."""
    if isinstance(problem, PipelineError):
        return problem
    if isinstance(problem, click.UsageError):
        command = problem.ctx.command_path if problem.ctx else "inode-pipeline"
        return ConfigError(_sentence(problem.format_message()), remedy=f"`{command} --help` shows what it takes.")
    if isinstance(problem, click.Abort):
        return ConfigError(
            "The questions found no answers on standard input.",
            remedy="Run the command in a terminal; or write .env by hand, as .env.example explains.",
        )
    if isinstance(problem, click.ClickException):
        return ConfigError(_sentence(problem.format_message()), remedy="Correct the argument.")
    if isinstance(problem, OSError) and problem.errno in UNWRITABLE and problem.filename is None:
        return PipelineError(
            f"The result could not be written to standard output: {problem.strerror}.",
            remedy="Make room, or send it elsewhere; `inode-pipeline status` says what is loaded.",
        )
    return None


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def clean(text: str) -> str:
    """The text without control and direction characters, which could forge a line or colour a terminal."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)
