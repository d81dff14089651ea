"""The settings: what is accepted, what is refused, and that no secret is ever shown."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from inode_pipeline.config import LocalSettings, ScheduleSettings, Settings
from inode_pipeline.errors import ConfigError

OAUTH = {
    "INODE_USERNAME": "anna",
    "INODE_PASSWORD": "canary-password",
    "INODE_CLIENT_ID": "client",
    "INODE_CLIENT_SECRET": "canary-secret",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without settings, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def given(environment: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        environment.setenv(name, value)


def test_two_settings_are_enough_with_an_api_key(environment: pytest.MonkeyPatch) -> None:
    """An API key and a time zone make complete settings; the rest are the documented defaults."""
    given(environment, INODE_API_KEY="key", INODE_TIMEZONE="America/Toronto")
    settings = Settings.load()
    assert (settings.auth, settings.base_url, settings.page_size, settings.scope) == (
        "api_key",
        "https://inode.smatstraffic.com/api/",
        1000,
        "sync",
    )
    assert settings.warehouse_url.database == str(Path.cwd() / "data/inode.db")


def test_five_settings_are_enough_with_a_login(environment: pytest.MonkeyPatch) -> None:
    """A login and a time zone make complete settings."""
    given(environment, **OAUTH, INODE_TIMEZONE="America/Toronto")
    assert Settings.load().auth == "oauth2"


def test_every_problem_is_told_at_once(environment: pytest.MonkeyPatch) -> None:
    """Six wrong settings make one error that names all six, one a line."""
    wrong = {
        "INODE_TIMEZONE": "America/Torono",
        "INODE_API_KEY": "canary\nkey",
        "INODE_PAGE_SIZE": "0",
        "INODE_SYNC_SCHEDULE": "1 2 3",
        "INODE_START_DATE": "yesterday",
        "INODE_WAREHOUSE_URL": "mysql://root:canary-db@host/x",
    }
    given(environment, **wrong)
    with pytest.raises(ConfigError) as told:
        Settings.load()
    lines = told.value.message.splitlines()
    assert [name for name in wrong if not any(line.startswith(name) for line in lines)] == []
    assert [] == [line for line in lines if not line.endswith(".")]
    assert "canary" not in str(told.value)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "INODE_TIMEZONE is missing"),
        ({}, "No credentials: INODE_API_KEY is missing"),
        ({"INODE_USERNAME": "anna"}, "INODE_PASSWORD, INODE_CLIENT_ID and INODE_CLIENT_SECRET are missing"),
        ({"INODE_API_KEY": "key "}, "INODE_API_KEY: it begins or ends with a space"),
        ({**OAUTH, "INODE_API_KEY": "key"}, "INODE_AUTH is missing"),
        ({**OAUTH, "INODE_AUTH": "api_key"}, "INODE_API_KEY is missing"),
        ({"INODE_BASE_URL": "http://example.com/api/"}, "plain http"),
        ({"INODE_BASE_URL": "ftp://example.com/api/"}, "INODE_BASE_URL"),
        ({"INODE_BASE_URL": "https://example.com/api/?a=b"}, "query"),
        ({"INODE_BASE_URL": "https://me:canary@example.com/api/"}, "user and password"),
        ({"INODE_BASE_URL": "https://example.com:port/api/"}, "INODE_BASE_URL"),
        ({"INODE_WAREHOUSE_URL": "sqlite://"}, "needs a file"),
        ({"INODE_WAREHOUSE_SCHEMA": 'x"; drop table y;--'}, "INODE_WAREHOUSE_SCHEMA"),
        ({"INODE_PAGE_SIZE": "1000000000"}, "INODE_PAGE_SIZE"),
        ({"INODE_MAX_SHRINK_FRACTION": "1.5"}, "INODE_MAX_SHRINK_FRACTION"),
        ({"INODE_FIELD_MAP_FILE": "absent.toml"}, "no such file"),
        ({"INODE_PROXY": "canary"}, "INODE_PROXY"),
        ({"INODE_PROXY": "http://me:canary/x@proxy:3128"}, "INODE_PROXY: not an address"),
        ({"INODE_PROXY": "http://me:canary\u2100@proxy:3128"}, "INODE_PROXY: not an address"),
        ({"INODE_BASE_URL": "https://me:canary/x@example.com/api/"}, "INODE_BASE_URL: not an address"),
        ({"INODE_ALERT_URLS": "slack://a/b/c hooks.example.org/canary"}, "INODE_ALERT_URLS: its address number 1 is"),
        ({"INODE_ALERT_URLS": "jsons://a/b, canary"}, "INODE_ALERT_URLS: its address number 1 is"),
        ({"INODE_ALERT_URLS": "canary"}, "INODE_ALERT_URLS: its address number 1 is"),
    ],
)
def test_m70_a_wrong_setting_is_named(environment: pytest.MonkeyPatch, variables: dict[str, str], told: str) -> None:
    """Each wrong or missing setting is told by its variable, without its secret."""
    given(environment, **variables)
    with pytest.raises(ConfigError, match="INODE_") as error:
        Settings.load()
    assert told in str(error.value)
    assert "canary" not in str(error.value)


THREE_SLASHES = "INODE_WAREHOUSE_URL: a SQLite file comes after three slashes, as in sqlite:///data/inode.db"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"INODE_WAREHOUSE_URL": "sqlite://data/x.db"}, THREE_SLASHES),
        ({"INODE_WAREHOUSE_URL": "sqlite://me:canary@/x.db"}, THREE_SLASHES),
        ({"INODE_WAREHOUSE_URL": "sqlite:///x.db?mode=ro"}, "INODE_WAREHOUSE_URL: a SQLite warehouse takes no options"),
        ({"INODE_WAREHOUSE_URL": "sqlite:///file:x.db?uri=true"}, "INODE_WAREHOUSE_URL: a SQLite warehouse takes no"),
        ({"INODE_WAREHOUSE_URL": "sqlite:///~no-one/x.db"}, "INODE_WAREHOUSE_URL: ~no-one is nobody's home folder"),
        ({"INODE_FIELD_MAP_FILE": "~no-one/x.toml"}, "INODE_FIELD_MAP_FILE='~no-one/x.toml': ~no-one is nobody's home"),
    ],
)
def test_m79_a_path_that_leads_nowhere_is_a_wrong_setting(
    environment: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    """Two slashes, options of another driver, a home that nobody has: each is said of the variable that holds it."""
    given(environment, **variables)
    with pytest.raises(ConfigError) as error:
        LocalSettings.load()
    assert told in str(error.value)
    assert "canary" not in str(error.value)


def test_missing_settings_name_the_folder_and_the_command_that_helps(environment: pytest.MonkeyPatch) -> None:
    """Without a `.env` its folder may be the wrong one, or it was never written; with one it is to be corrected."""
    with pytest.raises(ConfigError) as without:
        Settings.load()
    Path(".env").write_text("INODE_TIMEZONE=UTC\n")
    with pytest.raises(ConfigError) as with_one:
        Settings.load()

    assert f"There is no .env in {Path.cwd()}; `inode-pipeline init` writes one." in without.value.remedy
    assert f"in the environment or in {Path.cwd()}/.env." in with_one.value.remedy


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_file_of_somebody_else_names_its_owner(environment: pytest.MonkeyPatch) -> None:
    """A cron job of another user than the one who ran `init`."""
    Path(".env").write_text("INODE_TIMEZONE=UTC\n")
    Path(".env").chmod(0o600)
    for folder in [Path.cwd(), *Path.cwd().parents]:
        folder.chmod(folder.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        with pytest.raises(ConfigError) as told:
            LocalSettings.load()
    finally:
        os.seteuid(0)
    assert told.value.message == f"{Path.cwd()}/.env cannot be read: permission denied; it belongs to root."


@pytest.mark.parametrize("key", ["Token abc123", "token  abc123", "abc123"])
def test_a_key_is_taken_without_the_word_before_it(environment: pytest.MonkeyPatch, key: str) -> None:
    """Whoever copies it from a header has `Token` in front."""
    given(environment, INODE_API_KEY=key, INODE_TIMEZONE="UTC")
    settings = Settings.load()
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "abc123"


@pytest.mark.parametrize(
    ("zone", "likely"),
    [
        ("EST", "America/Toronto"),
        ("EST5EDT", "America/Toronto"),
        ("PST", "America/Vancouver"),
        ("cet", "Europe/Paris"),
        ("Etc/GMT+5", "America/Toronto"),
        ("GMT-5", "America/Toronto"),
    ],
)
def test_a_zone_without_a_place_is_refused_with_the_likely_one(
    environment: pytest.MonkeyPatch, zone: str, likely: str
) -> None:
    """EST has no summer: half a year of dates would be cut an hour off."""
    given(environment, INODE_TIMEZONE=zone)
    with pytest.raises(ConfigError) as told:
        ScheduleSettings.load()
    assert f"INODE_TIMEZONE='{zone}': " in told.value.message
    assert f"such as {likely}." in told.value.message


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "GMT", "America/Toronto", "US/Eastern"])
def test_a_zone_with_a_place_and_utc_are_taken(environment: pytest.MonkeyPatch, zone: str) -> None:
    """UTC is what it says, all year."""
    given(environment, INODE_TIMEZONE=zone)
    assert ScheduleSettings.load().zone.key == zone


def test_loopback_needs_no_zone_and_may_be_plain_http(environment: pytest.MonkeyPatch) -> None:
    """Against this machine itself the zone is UTC and http is allowed; the address gets its closing slash."""
    given(environment, INODE_API_KEY="key", INODE_BASE_URL="http://127.0.0.1:8000/api")
    settings = Settings.load()
    assert (settings.zone.key, settings.base_url) == ("UTC", "http://127.0.0.1:8000/api/")


def test_the_file_is_read_below_the_environment(environment: pytest.MonkeyPatch) -> None:
    """`.env` is read, and a variable of the environment wins over it; an empty one counts as absent."""
    Path(".env").write_text("INODE_PAGE_SIZE=7\nINODE_TIMEZONE=Europe/Berlin\nINODE_CONCURRENCY=\nOTHER=1\n")
    given(environment, INODE_PAGE_SIZE="9", INODE_API_KEY="key")
    settings = Settings.load()
    assert (settings.page_size, settings.timezone, settings.concurrency) == (9, "Europe/Berlin", 4)


def test_commands_without_the_api_need_no_credentials(environment: pytest.MonkeyPatch) -> None:
    """Neither credentials nor a zone are needed to read the warehouse's own settings."""
    assert (LocalSettings.load().timezone, ScheduleSettings.load().zone.key) == (None, "UTC")


def test_the_warehouse_password_may_stand_apart(environment: pytest.MonkeyPatch) -> None:
    """INODE_WAREHOUSE_PASSWORD goes into the URL, whose driver is psycopg 3."""
    given(
        environment,
        INODE_WAREHOUSE_URL="postgresql://loader@db/inode",
        INODE_WAREHOUSE_PASSWORD="canary pass/word",
    )
    url = LocalSettings.load().warehouse_url
    assert (url.drivername, url.password) == ("postgresql+psycopg", "canary pass/word")


def test_no_repr_holds_a_secret(environment: pytest.MonkeyPatch) -> None:
    """Neither repr nor str of the settings shows a password, a secret, a key or a database URL."""
    given(
        environment,
        **OAUTH,
        INODE_TIMEZONE="UTC",
        INODE_WAREHOUSE_URL="postgresql://loader:canary-db@db/inode?sslpassword=canary-ssl",
        INODE_PROXY="http://me:canary-proxy@proxy:3128",
        INODE_ALERT_URLS="slack://canary/b/c, mailtos://me:canary@example.org",
    )
    settings = Settings.load()
    assert "canary" not in repr(settings) + str(settings)
    assert settings.alert_addresses == ("slack://canary/b/c", "mailtos://me:canary@example.org")


@pytest.mark.parametrize(
    ("schedule", "interval_min"),
    [
        ("*/15 * * * *", 15),
        ("0,15,30,45 * * * *", 15),
        ("7-59/15 * * * *", 15),
        ("*/15 6-21 * * 1-5", 15),
        ("*/5 * * * *", 5),
        ("2-59/3 * * * *", 3),
        ("* 7-9 * * MON-FRI", 1),
    ],
)
def test_samples_fill_every_quarter_of_an_hour_alike(
    environment: pytest.MonkeyPatch, schedule: str, interval_min: int
) -> None:
    """Minutes that are evenly spaced and divide 15 are accepted, whichever hours and days they are for."""
    given(environment, INODE_SAMPLE_SCHEDULE=schedule)
    assert timedelta(minutes=interval_min) == ScheduleSettings.load().sample_interval


@pytest.mark.parametrize(
    "schedule",
    [
        "*/10 * * * *",
        "*/20 * * * *",
        "*/30 * * * *",
        "*/2 * * * *",
        "*/7 * * * *",
        "0 * * * *",
        "0,15,30 * * * *",
        "0,15,30,46 * * * *",
        "0-30/15 * * * *",
        "0-14 * * * *",
        "5,20,35,50,51 * * * *",
    ],
)
def test_uneven_samples_are_refused(environment: pytest.MonkeyPatch, schedule: str) -> None:
    """Otherwise some quarters of an hour would hold more readings than others; the error names a schedule to use."""
    given(environment, INODE_SAMPLE_SCHEDULE=schedule)
    with pytest.raises(ConfigError) as told:
        ScheduleSettings.load()
    assert str(told.value).startswith(f"INODE_SAMPLE_SCHEDULE={schedule!r}: every quarter of an hour needs as many")
    assert "*/15 * * * *" in str(told.value)


@pytest.mark.parametrize("empty", [{}, {"INODE_SAMPLE_SCHEDULE": ""}])
def test_sampling_is_off_unless_it_is_asked_for(environment: pytest.MonkeyPatch, empty: dict[str, str]) -> None:
    """Absent or empty, there is no schedule and no interval."""
    given(environment, **empty)
    settings = ScheduleSettings.load()
    assert (settings.sample_schedule, settings.sample_interval) == (None, None)
