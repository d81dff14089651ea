"""Runs: a row each, whatever becomes of it; dead ones told from living ones; rejected credentials tried once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from inode_pipeline.config import Settings
from inode_pipeline.errors import PasswordRejectedError, RejectedBeforeError, UnitsError
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.runs import (
    begin_run,
    credential_mark,
    finish_run,
    is_gone,
    newest_rejected,
    require_untried,
    this_process,
)
from inode_pipeline.warehouse.tables import RAW_PAGES, RUNS
from inode_pipeline.warehouse.walks import newest_walk, sweep

DAY = date(2026, 11, 23)
REJECTED = PasswordRejectedError("The server refused the password.", remedy="Check INODE_PASSWORD.")


def settings(**changed: str) -> Settings:
    login = {"username": "u", "password": "p-secret", "client_id": "c", "client_secret": "s-secret"}
    return Settings(_env_file=None, timezone="UTC", **{**login, **changed})


def rows(warehouse: Warehouse) -> list[dict[str, object]]:
    with reading(warehouse) as connection:
        return [dict(row) for row in connection.execute(select(RUNS).order_by(RUNS.c.attempt)).mappings()]


def attempt(warehouse: Warehouse, run_id: str, trigger: str, outcome: str, mark: str | None = None) -> None:
    begun = begin_run(warehouse, run_id, trigger, DAY)
    finish_run(warehouse, begun, outcome, REJECTED if mark else None, mark)


def test_a_run_has_a_row_from_its_beginning(warehouse: Warehouse) -> None:
    """It is seen while it works, and a run that was killed stays as it was."""
    begun = begin_run(warehouse, "run", "schedule", DAY)
    row = rows(warehouse)[0]
    assert (begun.run_id, begun.attempt) == ("run", 1)
    assert (row["trigger"], row["snapshot_date"], row["outcome"]) == ("schedule", DAY, None)
    assert row["process"] == this_process()
    assert abs(datetime.now(UTC) - row["started_at"]) < timedelta(minutes=1)
    assert row["finished_at"] is None


def test_each_attempt_of_a_run_has_a_row_of_its_own(warehouse: Warehouse) -> None:
    """A failed one tells class, message and remedy; an error that is not ours only its class."""
    for outcome, error in (
        ("failed", UnitsError("Miles.", remedy="Say unit.")),
        ("failed", ValueError("canary")),
        ("skipped", None),
        ("ok", None),
    ):
        finish_run(warehouse, begin_run(warehouse, "run", "person", None), outcome, error)
    told = [(row["attempt"], row["outcome"], row["error"], row["message"]) for row in rows(warehouse)]
    assert told == [
        (1, "failed", "UnitsError", "Miles. Say unit."),
        (2, "failed", "ValueError", None),
        (3, "skipped", None, None),
        (4, "ok", None, None),
    ]


def test_a_credential_mark_tells_a_change_and_nothing_else() -> None:
    """The same credentials give another mark each time, comparable only with its salt; two bytes are kept."""
    mark, again = credential_mark(settings()), credential_mark(settings())
    assert mark != again
    assert re.fullmatch(r"[0-9a-f]{32}:[0-9a-f]{4}", mark)
    salt = b"0123456789abcdef"
    login = credential_mark(settings(), salt)
    assert login == credential_mark(settings(), salt)
    changes = [
        {"username": "v"},
        {"password": "p2"},
        {"client_id": "d"},
        {"client_secret": "s2"},
        {"base_url": "https://other.example/"},
        {"api_key": "k", "auth": "api_key"},
        {"username": "up-", "password": "secret"},
    ]
    assert all(login != credential_mark(settings(**change), salt) for change in changes)


def test_rejected_credentials_are_known_until_they_change(warehouse: Warehouse) -> None:
    """Before any rejection, and with other credentials, a scheduled run may try."""
    require_untried(warehouse, settings())
    attempt(warehouse, "a", "schedule", "failed", credential_mark(settings()))
    with pytest.raises(RejectedBeforeError):
        require_untried(warehouse, settings())
    require_untried(warehouse, settings(password="new"))
    attempt(warehouse, "b", "sample", "skipped")
    attempt(warehouse, "c", "schedule", "failed")
    with pytest.raises(RejectedBeforeError):
        require_untried(warehouse, settings())


@pytest.mark.parametrize(("trigger", "outcome"), [("schedule", "ok"), ("person", "failed"), ("person", "ok")])
def test_a_later_successful_or_persons_run_lets_the_schedule_try_again(
    warehouse: Warehouse, trigger: str, outcome: str
) -> None:
    """Unless that run was itself rejected with the same credentials."""
    mark = credential_mark(settings())
    attempt(warehouse, "a", "schedule", "failed", mark)
    attempt(warehouse, "b", trigger, outcome)
    assert newest_rejected(warehouse) is None
    require_untried(warehouse, settings())
    attempt(warehouse, "c", "person", "failed", mark)
    rejected = newest_rejected(warehouse)
    assert rejected is not None
    assert (rejected.run_id, rejected.error) == ("c", "PasswordRejectedError")
    with pytest.raises(RejectedBeforeError):
        require_untried(warehouse, settings())


@pytest.fixture
def other_process() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Another living process, and how it calls itself."""
    program = "from inode_pipeline.warehouse.runs import this_process as t; print(t(), flush=True); input()"
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True)
    yield process.stdout.readline().strip(), process
    process.kill()
    process.communicate()


def test_a_process_is_told_from_a_dead_one_and_from_one_with_its_number(other_process) -> None:
    """A killed process is gone even before anybody has asked for its end; of another machine nothing is known."""
    name, process = other_process
    assert is_gone(name) is False
    assert is_gone(this_process()) is False
    host, pid, start = this_process().rsplit(":", 2)
    assert is_gone(f"{host}:{pid}:{int(start) - 1}") is True
    assert is_gone(f"elsewhere:{pid}:{start}") is None
    assert is_gone("nonsense") is None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still there
    assert is_gone(name) is True
    process.wait()
    assert is_gone(name) is True


def half_landed(lander, run_id: str) -> str:
    """Two pages of a walk that never became whole; its id."""
    store = lander.store(run_id)
    store.begin(lander.start)
    for number in (1, 2):
        store.page(lander.page(number, fetched_at=datetime.now(UTC)))
    with reading(lander.warehouse) as connection:
        return connection.scalars(select(RAW_PAGES.c.walk_id).where(RAW_PAGES.c.run_id == run_id)).first()


def landed(warehouse: Warehouse) -> set[str]:
    with reading(warehouse) as connection:
        return set(connection.scalars(select(RAW_PAGES.c.walk_id)))


def test_sweeping_removes_pages_of_dead_runs_only(lander, other_process) -> None:
    """Whole walks and whatever is being landed at this moment stay, here and in another process."""
    name, process = other_process
    warehouse = lander.warehouse
    whole = lander.land(run_id="whole")
    begin_run(warehouse, "here", "person", DAY)
    here, there = half_landed(lander, "here"), half_landed(lander, "there")
    with transaction(warehouse) as connection:
        begun = {"run_id": "there", "attempt": 1, "trigger": "sample", "started_at": datetime.now(UTC)}
        connection.execute(insert(RUNS), {**begun, "process": name})
    finish_run(warehouse, begin_run(warehouse, "ended", "person", DAY), "failed")
    half_landed(lander, "ended")
    unknown = half_landed(lander, "unknown")
    assert sweep(warehouse) == 2
    assert {whole.walk_id, here, there, unknown} == landed(warehouse)
    process.kill()
    process.wait()
    assert sweep(warehouse) == 2
    assert {whole.walk_id, here, unknown} == landed(warehouse)


def test_sweeping_gives_an_unknown_run_a_day(lander) -> None:
    """A run on another machine cannot be asked, so time must tell."""
    walk_id = half_landed(lander, "elsewhere")
    with transaction(lander.warehouse) as connection:
        begun = {"run_id": "elsewhere", "attempt": 1, "trigger": "sample", "started_at": datetime.now(UTC)}
        connection.execute(insert(RUNS), {**begun, "process": "elsewhere/1:7:7"})
    now = datetime.now(UTC)
    assert sweep(lander.warehouse, now=now + timedelta(hours=23)) == 0
    assert landed(lander.warehouse) == {walk_id}
    assert sweep(lander.warehouse, now=now + timedelta(hours=25)) == 2
    assert landed(lander.warehouse) == set()


def test_a_run_is_alive_while_one_of_its_attempts_is(lander) -> None:
    """An automatic retry has the run id of the attempt that failed."""
    finish_run(lander.warehouse, begin_run(lander.warehouse, "run", "schedule", DAY), "failed")
    retry = begin_run(lander.warehouse, "run", "schedule", DAY)
    half_landed(lander, "run")
    assert sweep(lander.warehouse) == 0
    finish_run(lander.warehouse, retry, "failed")
    assert sweep(lander.warehouse) == 2
    assert newest_walk(lander.warehouse, "links") is None


def test_what_a_finished_run_says_does_not_change_the_others(warehouse: Warehouse) -> None:
    """Only the row of the attempt is completed."""
    first, second = begin_run(warehouse, "a", "person", DAY), begin_run(warehouse, "b", "person", DAY)
    finish_run(warehouse, second, "ok")
    with transaction(warehouse) as connection:
        unfinished = connection.scalars(select(RUNS.c.run_id).where(RUNS.c.finished_at.is_(None))).all()
        connection.execute(update(RUNS).values(message=None))
    assert [first.run_id] == unfinished
