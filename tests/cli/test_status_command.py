"""The first line of `status` says what matters most."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from inode_pipeline.analysis.status import SAMPLING_OFF, LastRun, Refused, Status, TableStatus
from inode_pipeline.cli.status import headline
from inode_pipeline.config import Settings
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import open_warehouse

NOW = datetime(2026, 11, 23, 12, 10, tzinfo=UTC)
TORONTO = ZoneInfo("America/Toronto")
NIGHT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TABLE = TableStatus("links", NIGHT, NIGHT.date(), "proven", 300, 0, 300, 2, 9)
RUN = LastRun("schedule", NIGHT.date(), NIGHT, NIGHT + timedelta(seconds=9), "ok", None, None)
GOOD = Status(tables=(TABLE,), last_run=RUN, refused=(), landed_not_loaded=0)


def with_run(**changes) -> Status:
    return dataclasses.replace(GOOD, last_run=dataclasses.replace(RUN, **changes))


def test_a_good_night_is_one_sentence():
    """How complete, as of when in the warehouse's zone, how the last run ended, and that the tables are safe."""
    expected = (
        "Links: complete, 300 rows as of 2026-11-23 04:30 America/Toronto (2 hours ago). The last run succeeded. "
        "The tables are safe to use."
    )
    assert headline(GOOD, TORONTO, NOW) == expected


def test_that_nothing_is_measured_is_said_before_anything_else():
    """The tables may be complete but have no speed or travel time at all."""
    unmeasured = dataclasses.replace(GOOD, tables=(dataclasses.replace(TABLE, warning="Nothing is measured: x."),))
    assert headline(unmeasured, TORONTO, NOW).startswith("Nothing is measured: x. Links: complete, 300 rows")


def test_a_failed_night_says_why_and_that_the_tables_are_safe():
    """The line has the error's message, and the data is as of the previous night."""
    failed = with_run(
        outcome="failed", error="PasswordRejectedError", message="iNode refused it. Check INODE_PASSWORD."
    )
    table = dataclasses.replace(TABLE, snapshot_at=NIGHT - timedelta(days=3))
    line = headline(dataclasses.replace(failed, tables=(table,)), TORONTO, NOW)

    assert "as of 2026-11-20 04:30 America/Toronto (3 days ago)." in line
    assert (
        "The last run (schedule for 2026-11-23, 2026-11-23 04:30 America/Toronto (2 hours ago)) FAILED: "
        "[PasswordRejectedError] iNode refused it. Check INODE_PASSWORD. The tables are safe to use."
    ) in line


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"outcome": "running"}, "is still running."),
        ({"outcome": "killed"}, "was KILLED before it ended; start it again."),
        ({"outcome": "unknown"}, "has not ended; it began on another machine."),
        ({"outcome": "failed", "error": "Terminated"}, "was STOPPED by someone (Terminated); start it again."),
        ({"outcome": "failed", "error": "ValueError"}, "FAILED: [ValueError] an unexpected error."),
    ],
)
def test_every_other_ending_has_its_words(changes, expected):
    """Running, killed, stopped by hand and failed for an unknown reason have different words."""
    assert expected in headline(with_run(**changes), TORONTO, NOW)


def test_an_empty_warehouse_says_what_to_do(run):
    """A migrated but empty warehouse: nothing is loaded, nothing has run, and which warehouse it is."""
    assert run("migrate").code == 0
    ended = run("status")

    expected = (
        "Links: nothing is loaded yet. Nothing has run yet: `inode-pipeline sync` is the first run. "
        "There is nothing to use yet.\n"
        f"  The SQLite file {Path.cwd()}/data/inode.db\n"
    )
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith(expected)


def test_the_wrong_folder_is_no_empty_warehouse(run):
    """Exit 1 with the missing file and the folder without a `.env`; no file is created."""
    ended = run("status", "--json")

    assert (ended.code, ended.json["error"]) == (1, "NotMigratedError")
    assert ended.stderr.startswith(
        f"[NotMigratedError] There is no file {Path.cwd()}/data/inode.db, and no .env in {Path.cwd()}.\n"
        "Run this in the folder of your .env, or set INODE_WAREHOUSE_URL;"
    )
    assert list(Path().iterdir()) == []


def test_a_folder_with_its_settings_may_lack_the_file_only(run):
    """Before the first sync, or if INODE_WAREHOUSE_URL is wrong."""
    Path(".env").write_text("INODE_TIMEZONE=UTC\n")
    ended = run("status")

    assert ended.code == 1
    assert ended.stderr.startswith(f"[NotMigratedError] There is no file {Path.cwd()}/data/inode.db yet.\n")


def test_json_is_one_object_with_everything(run):
    """The headline, the warehouse and all numbers; times and dates in ISO format."""
    assert run("migrate").code == 0
    found = run("status", "--json").json

    assert found["warehouse"] == f"The SQLite file {Path.cwd()}/data/inode.db"
    assert found["data_as_of"] is None
    assert found["sampling_on"] is False
    assert found["timezone"] == "UTC"
    assert found["tables"] == [dataclasses.asdict(TableStatus("links", None, None, None, 0, 0, 0, 0, 0))]


def test_one_load_is_not_one_loads(run, account):
    """Nouns agree with their numbers."""
    assert run("sync").code == 0
    assert "; 1 load\n" in run("status").stdout
    assert run("sync").code == 0
    assert "; 2 loads\n" in run("status").stdout


def test_it_needs_neither_credentials_nor_a_zone(run, account, monkeypatch):
    """The warehouse alone is enough; the zone is that of the warehouse."""
    monkeypatch.setenv("INODE_TIMEZONE", "Asia/Tokyo")
    assert run("sync").code == 0
    for name in account:
        if name != "INODE_WAREHOUSE_URL":
            monkeypatch.delenv(name)
    monkeypatch.delenv("INODE_TIMEZONE")

    ended = run("status")
    assert ended.code == 0
    assert "Links: complete, 30 rows as of" in ended.stdout
    assert "Asia/Tokyo" in ended.stdout
    assert run("status", "--json").json["timezone"] == "Asia/Tokyo"


def test_a_refused_walk_comes_with_the_command_that_allows_it(run, account, records):
    """It is below the headline."""
    assert run("sync").code == 0
    del records[10:]
    assert run("sync").code == 1

    today = datetime.now(UTC).date()
    ended = run("status")
    assert "FAILED: [SuspiciousShrinkError]" in ended.stdout.splitlines()[0]
    assert f"inode-pipeline sync --date {today} --allow-shrink" in ended.stdout


def test_control_characters_of_a_message_are_not_shown():
    """A server's text in an error cannot forge a second line."""
    waiting = Refused("links", NIGHT.date(), "x")
    status = dataclasses.replace(with_run(outcome="failed", error="ApiError", message="a\rb\x1b"), refused=(waiting,))

    assert "[ApiError] a?b? The tables" in headline(status, TORONTO, NOW)


def test_what_cannot_be_known_without_samples_is_said_until_they_arrive(run, account, monkeypatch):
    """One line says so while sampling is off or brings nothing, until there are samples, whatever the settings."""
    assert run("sync").stdout.endswith(f"{SAMPLING_OFF}\n")
    assert run("status").stdout.endswith(f"  {SAMPLING_OFF}\n")
    monkeypatch.setenv("INODE_SAMPLE_SCHEDULE", "*/15 * * * *")
    assert "Sampling is set to */15 * * * *, but no sample was loaded" in run("status").stdout
    assert "warning  samples: none was loaded in the 24 hours before the newest data.\n" in run("doctor").stdout

    settings = Settings.load()
    today = datetime.now(settings.zone).date()
    with open_warehouse(settings) as warehouse:
        sync_date(settings, warehouse, LINKS, today, attempt=Attempt("tick", "sample"))
    assert "warning" not in run("doctor").stdout
    monkeypatch.delenv("INODE_SAMPLE_SCHEDULE")
    assert "Sampling" not in run("status").stdout
    assert run("status", "--json").json["sampling_on"] is True
