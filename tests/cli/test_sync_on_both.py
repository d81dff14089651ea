"""`sync` and `replay` with both databases: success, failures, and their messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from inode_pipeline.config import LocalSettings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.warehouse.engine import open_warehouse, reading, transaction
from inode_pipeline.warehouse.tables import LINKS_TABLE, PIPELINE_SETTINGS

LOGIN = {
    "INODE_USERNAME": "demo",
    "INODE_PASSWORD": "demo-password",
    "INODE_CLIENT_ID": "demo-client",
    "INODE_CLIENT_SECRET": "demo-client-secret",
}
CANARIES = ("canary-password", "canary-secret", "demo-client-secret", "demo-password")


@pytest.fixture
def account(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatorServer]:
    """An emulated account with a login, and a migrated warehouse."""
    with EmulatorServer(EmulatorConfig(links=40)) as server:
        server.state.freeze()
        monkeypatch.setenv("INODE_BASE_URL", server.base_url)
        monkeypatch.setenv("INODE_WAREHOUSE_URL", migrated_url)
        for name, value in LOGIN.items():
            monkeypatch.setenv(name, value)
        yield server


def links() -> list[Any]:
    with open_warehouse(LocalSettings.load(dotenv=False)) as warehouse, reading(warehouse) as connection:
        return connection.execute(select(LINKS_TABLE).order_by(LINKS_TABLE.c.link_id)).all()


def test_sync_then_sync_then_replay(run: Callable[..., Any], account: EmulatorServer) -> None:
    """The first sync inserts, the second and the replay write no row, and the replay makes no request."""
    today = datetime.now(UTC).date().isoformat()
    assert run("sync", "--json").json["inserted"] == 40
    before = links()
    again = run("sync", "--json").json
    assert (again["inserted"], again["updated"], again["vanished"], again["unchanged"]) == (0, 0, 0, 40)

    asked = len(account.state.requests)
    replayed = run("replay", "--from", today, "--to", today, "--json").json
    assert [receipt["requests"] for receipt in replayed] == [0, 0]
    assert sum(receipt["inserted"] + receipt["updated"] + receipt["vanished"] for receipt in replayed) == 0
    assert (links(), len(account.state.requests)) == (before, asked)


def test_a_past_date_sends_nothing_and_says_why(run: Callable[..., Any], account: EmulatorServer) -> None:
    """A date that was never landed: exit code 1 and one clear sentence."""
    day = (datetime.now(UTC) - timedelta(days=5)).date().isoformat()
    ended = run("sync", "--date", day)
    assert ended.code == 1
    assert f"[NotLandedError] {day} cannot be loaded" in ended.stderr
    assert "only the present state" in ended.stderr
    assert account.state.requests == []


def test_m74_another_server_over_a_filled_warehouse_is_refused(
    run: Callable[..., Any], account: EmulatorServer
) -> None:
    """Before any request; `doctor` reports the same, and the tables are unchanged."""
    assert run("sync").code == 0
    before = links()
    with open_warehouse(LocalSettings.load(dotenv=False)) as warehouse, transaction(warehouse) as connection:
        is_address = PIPELINE_SETTINGS.c.name == "base_url"
        connection.execute(update(PIPELINE_SETTINGS).where(is_address).values(value="https://inode.example/api/"))
    asked = len(account.state.requests)
    ended = run("sync")
    assert (ended.code, len(account.state.requests), links()) == (2, asked, before)
    assert ended.stderr.startswith(f"[ConfigError] INODE_BASE_URL={account.base_url}")
    assert "was filled from https://inode.example/api/" in ended.stderr
    assert "pipeline_settings WHERE name = 'base_url'" in ended.stderr
    assert "was filled from https://inode.example/api/" in run("doctor").stdout


@pytest.mark.parametrize(
    ("variables", "code", "error", "named"),
    [
        ({"INODE_PASSWORD": "canary-password"}, 1, "PasswordRejectedError", "INODE_PASSWORD"),
        ({"INODE_CLIENT_ID": "nobody"}, 1, "ClientRejectedError", "INODE_CLIENT_ID"),
        ({"INODE_CLIENT_SECRET": "canary-secret"}, 1, "ClientRejectedError", "INODE_CLIENT_SECRET"),
        ({"INODE_SCOPE": "everything"}, 1, "ScopeMissingError", "INODE_SCOPE"),
        ({"INODE_BASE_URL": "http://127.0.0.1:1/api/", "INODE_WALK_DEADLINE_S": "1"}, 3, "", "INODE_BASE_URL"),
        ({"INODE_PAGE_SIZE": "none"}, 2, "ConfigError", "INODE_PAGE_SIZE"),
    ],
)
def test_a_mistake_stops_with_its_own_error(
    run: Callable[..., Any],
    account: EmulatorServer,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    code: int,
    error: str,
    named: str,
) -> None:
    """One message with the setting to check; no secret, at most one login, and the tables are unchanged."""
    assert run("sync").code == 0
    before, logins = links(), account.state.token_requests
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ended = run("sync")
    assert ended.code == code
    assert ended.stderr.startswith(f"[{error}")
    assert named in ended.stderr
    assert [canary for canary in CANARIES if canary in ended.stdout + ended.stderr] == []
    for name in variables:
        monkeypatch.delenv(name)
    assert links() == before
    assert account.state.token_requests - logins <= 1


@pytest.mark.postgresql
@pytest.mark.parametrize("warehouse_kind", ["postgresql"])
def test_an_unmigrated_postgresql_is_reported(
    run: Callable[..., Any], warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sync` names the remedy, `migrate --sql` prints it for an administrator, and `migrate` does it."""
    with EmulatorServer(EmulatorConfig(links=3)) as server:
        monkeypatch.setenv("INODE_BASE_URL", server.base_url)
        monkeypatch.setenv("INODE_API_KEY", "demo-api-key")
        monkeypatch.setenv("INODE_WAREHOUSE_URL", warehouse_url)
        ended = run("sync")
        assert (ended.code, server.state.requests) == (1, [])
        assert ended.stderr.startswith("[NotMigratedError]")
        assert "inode-pipeline migrate" in ended.stderr
        assert "CREATE TABLE" in run("migrate", "--sql").stdout
        assert run("migrate").code == 0
        assert run("sync").code == 0
