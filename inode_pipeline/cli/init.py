"""`init`: ask for the settings that have no default and write them to `.env`.

Not here: whether the settings work, see `doctor`.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import click

from inode_pipeline.cli import environment
from inode_pipeline.errors import ConfigError

SAMPLING = """
One snapshot a night says nothing about peak hours, and an hour that was not sampled cannot be fetched later.
Sampling also reads the links during the day; each sample costs about one request per thousand links."""

KEEP_PRIVATE = "This file contains secrets: only you may read it, and it does not belong in a repository."


@click.command(short_help="Ask for your account and write .env.")
def init() -> None:
    """Ask for address, login, time zone, warehouse and sampling, and write them to .env in this folder.

    Only you can read the file. An existing file is replaced only if you confirm.
    """
    from inode_pipeline.config import DOTENV

    path = DOTENV
    if path.exists() and not click.confirm(f"{path.absolute()} exists. Replace it?", default=False):
        raise ConfigError("The existing .env was kept; nothing was written.", remedy="Edit it, or move it away first.")
    answers = _ask()
    _check(answers)
    _write(path, _dotenv(answers))
    click.echo(f"\nWritten: {path.absolute()}. {KEEP_PRIVATE}\nNext: inode-pipeline doctor")


def _ask() -> dict[str, str]:
    from inode_pipeline.config import DEFAULT_BASE_URL

    answers = {"INODE_BASE_URL": _ask_until_valid("INODE_BASE_URL", "Address of the API", DEFAULT_BASE_URL)}
    answers |= _ask_login()
    click.echo("\nEach snapshot belongs to a date in this zone, which cannot be changed once the warehouse is filled.")
    zone = _ask_until_valid("INODE_TIMEZONE", "Time zone of your road network", environment.machine_zone())
    answers["INODE_TIMEZONE"] = zone
    answers |= _ask_warehouse()
    click.echo(SAMPLING)
    every = click.prompt("Sample every how many minutes", type=click.Choice(["off", "15", "5"]), default="off")
    answers["INODE_SAMPLE_SCHEDULE"] = "" if every == "off" else f"*/{every} * * * *"
    return answers | {"INODE_START_DATE": _today(zone)}


def _ask_login() -> dict[str, str]:
    click.echo("\nThe account's owner can create an API key in iNode; a password also needs a client from SMATS.")
    if click.prompt("Log in with", type=click.Choice(["api-key", "password"]), default="api-key") == "api-key":
        return {"INODE_API_KEY": _ask_until_valid("INODE_API_KEY", "API key (not shown)", hidden=True)}
    return {
        "INODE_USERNAME": click.prompt("User name"),
        "INODE_PASSWORD": click.prompt("Password (not shown)", hide_input=True),
        "INODE_CLIENT_ID": click.prompt("Client id"),
        "INODE_CLIENT_SECRET": click.prompt("Client secret (not shown)", hide_input=True),
    }


def _ask_warehouse() -> dict[str, str]:
    """The warehouse's address and, separately, its password, so that no secret is in a URL."""
    from sqlalchemy import URL, make_url

    click.echo(
        "\nThe warehouse is a SQLite file, or PostgreSQL as postgresql://user@host/database, without the password."
    )
    address = _ask_until_valid("INODE_WAREHOUSE_URL", "Warehouse", "sqlite:///data/inode.db")
    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        return {"INODE_WAREHOUSE_URL": address}
    password = url.password or click.prompt(
        "Database password (not shown, empty for none)", default="", hide_input=True, show_default=False
    )
    # URL.set() takes None as "unchanged", so build the URL again without the password.
    bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)
    answers = {"INODE_WAREHOUSE_URL": bare.render_as_string()}
    return answers | ({"INODE_WAREHOUSE_PASSWORD": password} if password else {})


def _ask_until_valid(name: str, question: str, default: str | None = None, *, hidden: bool = False) -> str:
    """Ask until the answer is a valid setting; explain why a wrong one is not."""

    def accepted(value: str) -> str:
        try:
            # The other two are placeholders for answers that come later or do not matter here.
            _check({"INODE_API_KEY": "none", "INODE_TIMEZONE": "UTC", name: value.strip()})
        except ConfigError as problem:
            raise click.UsageError(problem.message) from problem
        return value.strip()

    answer: str = click.prompt(question, default=default, hide_input=hidden, value_proc=accepted)
    return answer


def _check(answers: Mapping[str, str]) -> None:
    from inode_pipeline.config import Settings

    with environment.only(answers):
        Settings.load(dotenv=False)


def _today(zone: str) -> str:
    from zoneinfo import ZoneInfo

    return datetime.now(ZoneInfo(zone)).date().isoformat()


def _dotenv(answers: Mapping[str, str]) -> str:
    lines = [f"# Written by `inode-pipeline init`. {KEEP_PRIVATE}", "# Every other setting: .env.example"]
    return "\n".join([*lines, *(f"{name}={_quoted(value)}" for name, value in answers.items()), ""])


def _quoted(value: str) -> str:
    """Quote a value for `.env`, and escape `${` so that it is not expanded as a variable."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "${:-$}{")
    return f"'{escaped}'"


def _write(path: Path, text: str) -> None:
    """Write `.env` in one step, readable only by the user."""
    unfinished = path.with_name(f".env.{secrets.token_hex(4)}")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - os.open sets the mode
            file.write(text)
        unfinished.replace(path)
    except OSError as problem:
        unfinished.unlink(missing_ok=True)
        raise ConfigError(
            f".env cannot be written into {path.absolute().parent}: {problem.strerror}.",
            remedy="Run init in a folder that you can write to.",
        ) from problem
