"""Every failure is reported with one message and one exit code."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from inode_pipeline import errors
from inode_pipeline.cli import failure

KNOWN = errors.PasswordRejectedError("iNode refused the password.", remedy="Check INODE_PASSWORD.")


def leaves() -> list[type[errors.PipelineError]]:
    classes = [thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, Exception)]
    return [kind for kind in classes if issubclass(kind, errors.PipelineError)]


def present(capsys, problem, **options) -> tuple[int, str, str]:
    code = failure.report_failure(problem, **{"as_json": False, "debug": False, **options})
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize("kind", leaves())
def test_each_kind_begins_with_its_class_and_names_its_anchor(capsys, kind):
    """The class in brackets, message, remedy and section of the docs; the exit code is that of the class."""
    code, out, err = present(capsys, kind("It broke.", remedy="Mend it."))

    expected = f"[{kind.__name__}] It broke.\nMend it. See docs/operations.md#{kind.__name__.lower()}\n"
    assert (kind.exit_code, "", expected) == (code, out, err)


def test_a_run_that_wrote_nothing_says_that_the_tables_are_unchanged(capsys):
    """The last line is about the tables."""
    stopped = failure.StoppedError(KNOWN, tables=failure.UNCHANGED, data_as_of=None)

    assert present(capsys, stopped)[2].endswith("\nThe tables are unchanged.\n")


def test_json_puts_the_failure_on_standard_output(capsys):
    """One object with error, message, remedy, retryable and data_as_of; the message is also on standard error."""
    as_of = datetime(2026, 11, 22, 9, 30, 0, 5, tzinfo=UTC)
    code, out, err = present(capsys, failure.StoppedError(KNOWN, tables="x", data_as_of=as_of), as_json=True)

    assert code == 1
    assert err.startswith("[PasswordRejectedError] ")
    assert json.loads(out) == {
        "error": "PasswordRejectedError",
        "message": "iNode refused the password.",
        "remedy": "Check INODE_PASSWORD.",
        "retryable": False,
        "data_as_of": "2026-11-22T09:30:00.000005+00:00",
    }


def test_a_transient_failure_is_retryable(capsys):
    """Exit 3 and `retryable` go together."""
    code, out, _ = present(capsys, errors.LockedError("Locked.", remedy="Wait."), as_json=True)

    assert (code, json.loads(out)["retryable"]) == (3, True)


def test_an_error_that_nobody_expected_shows_its_class_only(capsys):
    """Its text could contain a secret, so there is one line, exit 1, and how to see more."""
    code, _, err = present(capsys, ValueError("canary"))

    assert code == 1
    assert "canary" not in err
    assert "Traceback" not in err
    assert "[ValueError] ValueError: an unexpected error." in err
    assert "--debug" in err


def test_debug_adds_the_traceback(capsys):
    """With `--debug` the text and the place of the error are shown as well."""
    with pytest.raises(ValueError, match="the text") as caught:
        int("the text")
    _, _, err = present(capsys, caught.value, debug=True)

    assert "Traceback (most recent call last)" in err
    assert "'the text'" in err


def test_m46_a_message_cannot_forge_lines_or_colours(capsys):
    """Control and bidirectional characters are replaced."""
    _, _, err = present(capsys, errors.ApiError("a\x1b[31mred\r\u202eb\x00", remedy="c\x07"))

    assert "[ApiError] a?[31mred??b?\nc? See" in err


@pytest.mark.parametrize("argument", [["sink"], ["sync", "--date", "tomorrow"], ["sync", "--nonsense"], ["replay"]])
def test_wrong_usage_is_a_config_error(run, argument):
    """Exit 2 with one message that says how to see the allowed options."""
    ended = run(*argument)

    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("[ConfigError] ")
    assert "--help` shows what it takes." in ended.stderr


def test_choices_are_listed_in_a_line(run):
    """Whatever the library's layout."""
    ended = run("baselines", "freeze")

    assert "Missing option '--method'. Choose from: configured, p85_offpeak_speed.\n" in ended.stderr


@pytest.mark.parametrize("command", [["sync", "--date"], ["replay", "--to", "2026-11-27", "--from"]])
def test_a_wrong_date_shows_the_form_of_a_date(run, command):
    """The message shows an example instead of a strptime format."""
    assert "'27.11.2026' is not a date written as 2026-11-27.\n" in run(*command, "27.11.2026").stderr


@pytest.mark.parametrize("command", [["status"], ["sync", "--json"], ["report"], ["corridors", "import", "x.csv"]])
def test_every_command_warns_of_a_variable_that_is_no_setting(run, monkeypatch, command):
    """A misspelt setting has no effect, so every command that reads settings warns of it."""
    monkeypatch.setenv("INODE_WAREHOUSE_URI", "sqlite:///x.db")
    ended = run(*command)

    warning = "warning: INODE_WAREHOUSE_URI is set but is not a known setting. Did you mean INODE_WAREHOUSE_URL?\n"
    assert ended.stderr.startswith(warning)


def test_no_colour_is_obeyed(monkeypatch):
    """On a terminal the class of a failure is red unless NO_COLOR is set."""
    for value, expected in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", value)
        ours, theirs = os.openpty()
        with open(theirs, "w", encoding="utf-8") as terminal, contextlib.redirect_stderr(terminal):  # noqa: PTH123
            failure.report_failure(KNOWN, as_json=False, debug=False)
        assert expected == (b"\x1b[" in os.read(ours, 10_000))
        os.close(ours)


def test_wrong_usage_with_json_is_an_object_too(run):
    """A script reads it from standard output."""
    assert run("sync", "--json", "--date", "tomorrow").json["error"] == "ConfigError"


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_with_one_line_and_its_own_code(capsys, number, expected):
    """Ctrl-C and SIGTERM stop the run like an error and report the state of the tables."""
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(failure.StoppedError) as caught, failure.GuardedRun():
        signal.raise_signal(number)

    code, out, err = present(capsys, caught.value)
    assert (expected, "", "Stopped. The tables are unchanged.\n") == (code, out, err)
    assert before == [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]


def test_a_library_that_fails_while_it_is_cut_off_is_no_error(capsys):
    """An exception during the cleanup after a signal is reported as the signal."""
    problem = AssertionError()
    problem.__context__ = failure.Terminated()
    stopped = failure.StoppedError(problem, tables=failure.UNCHANGED, data_as_of=None)

    assert present(capsys, stopped) == (143, "", "Stopped. The tables are unchanged.\n")


@pytest.mark.parametrize("group", [[], ["corridors"], ["calendar"], ["baselines"]])
def test_a_name_without_a_command_shows_the_help(run, group):
    """A group without a command shows its help instead of an error."""
    ended = run(*group)

    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"Usage: {' '.join(['inode-pipeline', *group])} [OPTIONS] COMMAND [ARGS]...")
    assert "Error]" not in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_result_that_cannot_be_written_is_reported_without_a_traceback(account, options):
    """The load is committed; the only message says how to see what is loaded."""
    program = [sys.executable, "-m", "inode_pipeline", "sync", *options]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith(
        "[PipelineError] The result could not be written to standard output: No space left on device.\n"
        "Free some space, or send it elsewhere; `inode-pipeline status` says what is loaded."
    )
    assert "Traceback" not in done.stderr


def test_a_terminal_without_utf_8_gets_every_message(process):
    """Characters that it cannot show are escaped in ASCII; JSON stays valid."""
    variables = {"PYTHONIOENCODING": "latin-1", "INODE_TIMEZONE": "北京"}
    told = process("doctor", variables=variables)
    assert (told.code, told.stderr) == (2, "")
    assert "INODE_TIMEZONE='\\u5317\\u4eac': not a time zone" in told.stdout

    ended = process("sync", "--json", variables=variables)
    assert "INODE_TIMEZONE='北京': not a time zone" in ended.json["message"]
    assert "INODE_TIMEZONE='\\u5317\\u4eac': not a time zone" in ended.stderr


def test_an_answer_cut_off_by_ctrl_c_is_no_error(capsys):
    """Ctrl-C at a question ends with one line and no remedy."""
    problem = click.Abort()
    problem.__cause__ = KeyboardInterrupt()

    assert present(capsys, problem) == (130, "", "Stopped.\n")


@pytest.mark.parametrize("command", ["status", "doctor", "query"])
def test_a_settings_file_in_another_encoding_is_reported(run, command):
    """By the commands that read it."""
    Path(".env").write_bytes("INODE_PASSWORD=\u00fc\n".encode("latin-1"))
    ended = run(command)

    told = f"{Path.cwd()}/.env is not written in UTF-8."
    assert (ended.code, told in ended.stdout + ended.stderr) == ((0, False) if command == "query" else (2, True))


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (RuntimeError("Could not determine home directory."), "[ConfigError] ~ cannot be expanded: its user has no"),
        (RuntimeError("can't start new thread"), "[PipelineError] This machine allows no more threads."),
        (MemoryError(), "[PipelineError] This machine has no memory left."),
        (OSError(30, "x", "/some/file"), "[PipelineError] /some/file cannot be used: Read-only file system."),
        (OSError(9, "x"), "[PipelineError] The result could not be written to standard output: Bad file descriptor."),
        (FileNotFoundError(2, "No usable temporary directory found"), "[PipelineError] The operating system refused:"),
    ],
)
def test_m79_what_the_machine_refuses_is_no_unexpected_error(capsys, problem, expected):
    """Each has a message and a remedy; only a bug in this program asks for a report."""
    _, _, err = present(capsys, problem)

    assert err.startswith(expected)
    assert "unexpected error" not in err


def test_a_damaged_sqlite_file_is_reported(run, account):
    """Not as a file of another program or version; the remedy is a backup, or what SQLite can still read."""
    assert run("sync").code == 0
    file = Path("data/inode.db")
    content = bytearray(file.read_bytes())
    content[8192:] = b"\x5a" * (len(content) - 8192)
    file.write_bytes(content)

    for command in ("status", "sync"):
        ended = run(command)
        assert ended.code == 1
        assert f"The SQLite file {Path.cwd()}/data/inode.db is damaged" in ended.stderr
        assert "Restore it from a backup, or save what can be read with .recover" in ended.stderr
