"""`init` writes a working `.env` that only its owner can read, and shows no secret."""

from __future__ import annotations

import os
import stat
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from inode_pipeline.cli import environment
from inode_pipeline.config import Settings

HARD = 'it\'s "a" #secret\\ ${HOME} $x é'
KEY = ["", "api-key", "key-canary-1", "America/Toronto", "", "off"]
LOGIN = ["", "password", "ann", HARD, "client", "client-canary-2", "America/Toronto", "", "off"]


def lines(*answers: str) -> str:
    return "".join(f"{answer}\n" for answer in answers)


def test_an_api_key_is_all_it_needs(run):
    """Address, key, zone, warehouse and sampling give a valid `.env` that begins today."""
    ended = run("init", answers=lines(*KEY))

    settings = Settings.load()
    assert (ended.code, ended.stderr) == (0, "")
    assert (settings.auth, settings.api_key.get_secret_value()) == ("api_key", "key-canary-1")
    assert settings.timezone == "America/Toronto"
    assert datetime.now(ZoneInfo("America/Toronto")).date() == settings.start_date
    assert settings.sample_schedule is None
    assert "inode-pipeline doctor" in ended.stdout


def test_every_character_of_a_password_survives(run):
    """Quotes, a comment mark, a backslash, a variable and non-ASCII letters are read back exactly."""
    assert run("init", answers=lines(*LOGIN)).code == 0

    settings = Settings.load()
    assert settings.auth == "oauth2"
    assert (
        settings.password.get_secret_value(),
        settings.client_secret.get_secret_value(),
    ) == (HARD, "client-canary-2")


def test_no_secret_is_shown(run):
    """Neither output contains the key, the password or the client secret."""
    for answers, secrets in ((KEY, ["key-canary-1"]), (LOGIN, [HARD, "client-canary-2"])):
        ended = run("init", answers=lines(*(["y"] if Path(".env").exists() else []), *answers))

        assert ended.code == 0
        assert [secret for secret in secrets if secret in ended.stdout + ended.stderr] == []


def test_only_the_owner_may_read_it_whatever_the_umask(run):
    """The file has mode 0600 under umask 000, and no other file is left in the folder."""
    before = os.umask(0)
    try:
        assert run("init", answers=lines(*KEY)).code == 0
    finally:
        os.umask(before)

    assert stat.S_IMODE(Path(".env").stat().st_mode) == 0o600
    assert [path.name for path in Path().iterdir()] == [".env"]


def test_an_existing_file_is_replaced_only_after_confirmation(run):
    """The default answer keeps it unchanged; yes replaces it."""
    Path(".env").write_text("mine\n")

    kept = run("init", answers=lines(""))
    assert kept.code == 2
    assert kept.stderr.startswith("[ConfigError] The existing .env was kept")
    assert Path(".env").read_text() == "mine\n"

    assert run("init", answers=lines("y", *KEY)).code == 0
    assert "INODE_API_KEY" in Path(".env").read_text()


def test_a_wrong_answer_is_asked_again(run):
    """For an address with plain http and an unknown zone, the error is shown and the question repeated."""
    answers = lines("http://example.org/api", "", "api-key", "k", "Mars/Olympus", "America/Toronto", "", "off")
    ended = run("init", answers=answers)

    assert ended.code == 0
    assert "plain http is allowed to this machine only" in ended.stdout + ended.stderr
    assert "not a time zone" in ended.stdout + ended.stderr


def test_the_password_of_a_database_is_never_in_its_address(run):
    """A password in the address is moved to its own setting, like one that is asked for."""
    url = "postgresql://ann:db-canary@db.example.org/traffic"
    ended = run("init", answers=lines("", "api-key", "k", "America/Toronto", url, "15"))

    text = Path(".env").read_text()
    assert ended.code == 0
    assert (
        "INODE_WAREHOUSE_URL='postgresql://ann@db.example.org/traffic'\nINODE_WAREHOUSE_PASSWORD='db-canary'\n" in text
    )
    assert Settings.load().warehouse_url.password == "db-canary"
    assert Settings.load().sample_schedule == "*/15 * * * *"


def test_missing_answers_are_reported_and_write_nothing(process):
    """Without input, as from a script, it says so, exits 2 and leaves no file."""
    ended = process("init")

    assert ended.code == 2
    assert "[ConfigError] Standard input ended before all questions were answered." in ended.stderr
    assert [path.name for path in Path().iterdir()] == []


def test_variables_of_the_environment_have_no_part_in_it(run, monkeypatch):
    """A wrong variable in the environment does not stop the questions or get into the file."""
    monkeypatch.setenv("INODE_PAGE_SIZE", "zero")

    assert run("init", answers=lines(*KEY)).code == 0
    assert "INODE_PAGE_SIZE" not in Path(".env").read_text()
    assert os.environ["INODE_PAGE_SIZE"] == "zero"


@pytest.mark.parametrize(("tz", "expected"), [("America/Halifax", "America/Halifax"), (":Asia/Tokyo", "Asia/Tokyo")])
def test_the_zone_of_the_machine_is_suggested(monkeypatch, tz, expected):
    """From TZ, with or without the colon that POSIX allows."""
    monkeypatch.setenv("TZ", tz)

    assert expected == environment.machine_zone()
