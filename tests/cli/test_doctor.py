"""`doctor` checks everything that a sync needs, and says what to do about what is not ok."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest

from inode_pipeline.cli.local_checks import Finding, worst

CHECKS = [
    "settings",
    "sampling",
    "field map",
    "warehouse",
    "address",
    "login",
    "first page",
    "fields",
    "units",
    "order",
]


def states(ended) -> dict[str, str]:
    return {finding["check"]: finding["state"] for finding in ended.json["findings"]}


def the(ended, check: str, state: str = "failed") -> dict[str, object]:
    (found,) = [one for one in ended.json["findings"] if (one["check"], one["state"]) == (check, state)]
    return found


def test_a_good_account_is_ok_throughout(run, account, emulator):
    """Every check is ok except sampling, which is off; exit 0, and the next command is shown."""
    ended = run("doctor", "--json")

    assert ended.code == ended.json["exit_code"] == 0
    assert states(ended) == dict.fromkeys(CHECKS, "ok") | {"sampling": "warning"}
    assert run("doctor").stdout.endswith("Ready: inode-pipeline sync\n")


def test_it_writes_nothing_at_all(run, account):
    """A missing warehouse is not created; an existing one does not change by a byte."""
    assert run("doctor").code == 0
    assert not Path("data").exists()

    assert run("sync").code == 0
    before = hashlib.sha256(Path("data/inode.db").read_bytes()).hexdigest()
    ended = run("doctor", "--json")
    assert ended.code == 0
    assert {"migrations", "rights", "time zone"} <= {name for name, state in states(ended).items() if state == "ok"}
    assert hashlib.sha256(Path("data/inode.db").read_bytes()).hexdigest() == before


def test_it_reads_the_first_page_only(run, account, emulator):
    """There is one login, and one page is read twice, whatever the number of pages."""
    assert run("doctor").code == 0

    assert (emulator.state.logins, emulator.state.page_requests) == (1, 2)


def test_a_misspelt_setting_is_guessed(run, account, monkeypatch):
    """An unknown variable is a warning with the most similar setting."""
    monkeypatch.setenv("INODE_TIMEZON", "UTC")
    ended = run("doctor")

    assert ended.code == 0
    assert "warning  settings: INODE_TIMEZON is set but is not a known setting.\n" in ended.stdout
    assert "Did you mean INODE_TIMEZONE?" in ended.stdout


def test_m70_wrong_settings_come_first_and_alone(run, account, emulator, monkeypatch):
    """Exit 2 with every problem; nothing is sent, and what was not checked is not shown as ok."""
    monkeypatch.setenv("INODE_PAGE_SIZE", "0")
    monkeypatch.setenv("INODE_SYNC_SCHEDULE", "daily")
    ended = run("doctor", "--json")

    assert ended.code == 2
    assert states(ended) == {"settings": "failed", "everything else": "skipped"}
    assert {"INODE_PAGE_SIZE", "INODE_SYNC_SCHEDULE"} <= set(the(ended, "settings")["text"].replace("=", " ").split())
    assert not emulator.state.requests


def test_s5_a_proxy_of_the_environment_is_reported_as_not_used(run, account, monkeypatch):
    """The warning names the setting to use."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    ended = run("doctor")

    assert ended.code == 0
    assert "HTTPS_PROXY, HTTP_PROXY is set in the environment but not used." in ended.stdout
    assert "INODE_PROXY" in ended.stdout


def test_postgresql_without_a_start_date_is_a_warning(run, account, monkeypatch):
    """Dagster does not query a server when it loads, so its calendar would always begin today."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", "postgresql://ann@127.0.0.1:1/x")
    assert "INODE_START_DATE is not set" in the(run("doctor", "--json"), "settings", "warning")["text"]

    monkeypatch.setenv("INODE_START_DATE", "2026-01-01")
    assert "INODE_START_DATE" not in run("doctor").stdout


def test_s11_a_weaker_sslmode_is_reported(run, account, monkeypatch):
    """It is a warning; the check fails because there is no database."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", "postgresql://ann@127.0.0.1:1/x?sslmode=require")
    monkeypatch.setenv("INODE_START_DATE", "2026-01-01")
    ended = run("doctor", "--json")

    assert ended.code == 3
    assert "sslmode=require" in the(ended, "settings", "warning")["text"]
    assert the(ended, "warehouse")["error"] == "WarehouseUnavailableError"


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({"INODE_PASSWORD": "canary"}, "PasswordRejectedError"),
        ({"INODE_CLIENT_SECRET": "canary"}, "ClientRejectedError"),
        ({"INODE_SCOPE": "everything"}, "ScopeMissingError"),
        ({"INODE_AUTH": "api_key", "INODE_API_KEY": "canary"}, "ApiKeyRejectedError"),
    ],
)
def test_m15_a_refused_login_is_where_it_stops(run, account, emulator, monkeypatch, variables, error):
    """The address is ok, the login fails with its own error after one attempt, the rest is skipped."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ended = run("doctor", "--json")

    assert (ended.code, the(ended, "login")["error"], states(ended)["address"]) == (1, error, "ok")
    assert states(ended)["first page, fields, units, order"] == "skipped"
    assert "canary" not in ended.stdout
    assert len(emulator.state.requests) == 1


@pytest.mark.slow
def test_m01_an_address_where_nobody_listens_is_a_passing_trouble(run, account, monkeypatch):
    """Exit 3 within the time that a person waits."""
    monkeypatch.setenv("INODE_BASE_URL", "http://127.0.0.1:1/api/")
    ended = run("doctor", "--json")

    assert (ended.code, the(ended, "address")["error"]) == (3, "ApiUnreachableError")


def test_an_address_that_is_not_the_api_is_reported(run, account, emulator, monkeypatch):
    """A wrong path on the right server is a problem of the address."""
    monkeypatch.setenv("INODE_BASE_URL", emulator.base_url.replace("/api/", "/elsewhere/"))
    ended = run("doctor", "--json")

    assert ended.code == 1
    assert the(ended, "address")["state"] == "failed"


def test_units_that_contradict_each_other_fail(run, account, records):
    """Speeds in miles per hour are detected before anything is loaded."""
    for record in records:
        record["last_speed"] = 22.4
    ended = run("doctor", "--json")

    assert (ended.code, the(ended, "units")["error"]) == (1, "UnitsError")


def test_units_that_cannot_be_checked_are_not_ok(run, account, records):
    """Without a speed nothing can be compared, which is a warning."""
    for record in records:
        record["last_speed"] = None

    assert states(run("doctor", "--json"))["units"] == "warning"


def test_an_account_where_nothing_would_be_measured_is_not_called_ready(run, account, records):
    """The measurements are in an object that is not read: it is named, and the last line says so."""
    names = ("last_speed", "last_travel_time", "sample_size", "last_updated")
    for record in records:
        record["stats"] = {name: record.pop(name, None) for name in names}
    ended = run("doctor")

    assert ended.code == 0
    said = "warning  measurements: no record of the page has a speed or a travel time with its time of measurement."
    assert said in ended.stdout
    assert "not read: stats." in ended.stdout
    assert "Ready, but nothing would be measured; see above." == ended.stdout.splitlines()[-1]


def test_a_page_without_names_fails(run, account, records):
    """A required column without a field would stop a sync, so the check fails; optional ones are listed."""
    for record in records:
        record["label"] = record.pop("name")
    ended = run("doctor", "--json")

    assert (ended.code, the(ended, "fields")["error"]) == (1, "FieldsNotFoundError")
    assert "name" in the(ended, "fields", "warning")["text"]


def test_m25_an_order_that_changes_all_the_time_fails(run, account, emulator, records):
    """Each reading begins with other links: a sync would lose some and repeat others."""
    emulator.state.on_page = lambda _: records.append(records.pop(0))
    ended = run("doctor", "--json")

    assert (ended.code, the(ended, "order")["error"]) == (3, "UnstableOrderError")


def test_one_change_between_two_readings_is_no_alarm(run, account, emulator, records):
    """A third reading confirms a link that was added between the first two."""
    changes = itertools.chain([lambda: records.insert(0, {"id": 99, "name": "New"})], itertools.repeat(lambda: None))
    emulator.state.on_page = lambda _: next(changes)()

    assert states(run("doctor", "--json"))["order"] == "ok"


def test_an_empty_account_is_not_ok(run, account, records):
    """Without records the page is ok, and fields and units are skipped."""
    records.clear()

    found = states(run("doctor", "--json"))
    assert (found["first page"], found["fields"], found["units"]) == ("ok", "skipped", "skipped")


def test_another_zone_than_the_warehouse_s_is_reported(run, account, monkeypatch):
    """The days of a filled warehouse cannot change."""
    monkeypatch.setenv("INODE_TIMEZONE", "America/Toronto")
    assert run("sync").code == 0
    monkeypatch.setenv("INODE_TIMEZONE", "Europe/Berlin")
    ended = run("doctor", "--json")

    assert (ended.code, the(ended, "time zone")["error"]) == (2, "ConfigError")
    assert "INODE_TIMEZONE=America/Toronto" in the(ended, "time zone")["remedy"]


@pytest.mark.postgresql
def test_a_database_without_tables_is_reported(run, account, monkeypatch, postgresql_server, postgresql_database):
    """Exit 1 until the database is migrated."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", postgresql_server.url(postgresql_database))
    ended = run("doctor", "--json")
    assert (ended.code, the(ended, "warehouse")["error"]) == (1, "NotMigratedError")

    assert run("migrate").code == 0
    assert {"migrations": "ok", "rights": "ok", "time zone": "ok"}.items() <= states(run("doctor", "--json")).items()


def test_a_file_that_cannot_be_written_is_reported(run, account, monkeypatch):
    """The folder and the setting are named."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", "sqlite:////proc/inode.db")
    ended = run("doctor", "--json")

    assert ended.code == 1
    assert "INODE_WAREHOUSE_URL" in the(ended, "warehouse")["remedy"]


@pytest.mark.parametrize(("codes", "expected"), [([0], 0), ([0, 3], 3), ([3, 1], 1), ([1, 2, 3], 2), ([], 0)])
def test_the_exit_code_is_the_worst(codes, expected):
    """Errors that a person must fix come before transient ones."""
    assert worst([Finding("x", "failed", "", exit_code=code) for code in codes]) == expected
