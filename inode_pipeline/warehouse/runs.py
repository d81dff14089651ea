"""Attempts to sync, one row each, written in transactions of their own so that failures are recorded too.

A rejected credential must be tried only once, retries included: `credential_mark` shows whether it has changed, and is
useless for guessing it, because one secret in 65,536 has the same two bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Row, func, insert, or_, select, update

from inode_pipeline.config import Settings
from inode_pipeline.errors import PipelineError, RejectedBeforeError
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.tables import RUNS

Trigger = Literal["schedule", "sample", "backfill", "person", "replay"]
Outcome = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class BegunRun:
    """The row of a running attempt. Attempts of one run count from 1."""

    run_id: str
    attempt: int


def begin_run(warehouse: Warehouse, run_id: str, trigger: Trigger, snapshot_date: date | None) -> BegunRun:
    """Write the row of an attempt that starts now, in this process."""
    with transaction(warehouse) as connection:
        last = connection.scalar(select(func.max(RUNS.c.attempt)).where(RUNS.c.run_id == run_id))
        begun = BegunRun(run_id, (last or 0) + 1)
        connection.execute(
            insert(RUNS).values(
                run_id=run_id,
                attempt=begun.attempt,
                trigger=trigger,
                process=this_process(),
                snapshot_date=snapshot_date,
                started_at=datetime.now(UTC),
            )
        )
    return begun


def finish_run(
    warehouse: Warehouse,
    begun: BegunRun,
    outcome: Outcome,
    error: BaseException | None = None,
    credential_mark: str | None = None,
) -> None:
    """Complete the row. Of a foreign error only the class is kept: its text may hold anything."""
    message = f"{error.message} {error.remedy}" if isinstance(error, PipelineError) else None
    with transaction(warehouse) as connection:
        connection.execute(
            update(RUNS)
            .where(RUNS.c.run_id == begun.run_id, RUNS.c.attempt == begun.attempt)
            .values(
                finished_at=datetime.now(UTC),
                outcome=outcome,
                error=None if error is None else type(error).__name__,
                message=message,
                credential_mark=credential_mark,
            )
        )


def newest_rejected(warehouse: Warehouse, *, asking: str | None = None) -> Row[Any] | None:
    """The row of the newest run whose credentials were rejected; None if there is none, or a later run supersedes it.

    A later run supersedes it if it succeeded or was started by a person. Neither the run that is `asking` counts nor a
    skipped one: the automatic retry of a person's run has the trigger `person` too, although nobody started it.
    """
    rejected = select(RUNS).where(RUNS.c.credential_mark.is_not(None)).order_by(RUNS.c.started_at.desc()).limit(1)
    with reading(warehouse) as connection:
        row = connection.execute(rejected).one_or_none()
        if row is None:
            return None
        later = select(RUNS.c.run_id).where(
            RUNS.c.started_at > row.started_at,
            RUNS.c.run_id.is_distinct_from(asking),
            RUNS.c.outcome.is_distinct_from("skipped"),
            or_(RUNS.c.outcome == "ok", RUNS.c.trigger.in_(("person", "backfill"))),
        )
        if connection.execute(later.limit(1)).first() is not None:
            return None
    return row


def require_untried(warehouse: Warehouse, settings: Settings, *, asking: str | None = None) -> None:
    """Stop an automatic run from repeating credentials that the server rejected, which could lock the account.

    `asking` is the id of the present run, whose own row exists already.

    Raises:
        RejectedBeforeError: the newest rejected run had these very credentials.

    """
    rejected = newest_rejected(warehouse, asking=asking)
    if rejected is None:
        return
    salt = bytes.fromhex(rejected.credential_mark.partition(":")[0])
    if credential_mark(settings, salt) != rejected.credential_mark:
        return
    login = "INODE_USERNAME, INODE_PASSWORD, INODE_CLIENT_ID and INODE_CLIENT_SECRET"
    variables = "INODE_API_KEY" if settings.auth == "api_key" else login
    raise RejectedBeforeError(
        f"Skipped without a request: the server refused these credentials at {rejected.started_at:%Y-%m-%d %H:%M} UTC "
        f"({rejected.error}), and they have not changed since.",
        remedy=f"Correct {variables}, or start `sync_links` yourself to have them tried once more.",
    )


def credential_mark(settings: Settings, salt: bytes | None = None) -> str:
    """`salt:mark` in hexadecimal: a random salt, and two bytes of scrypt over address, kind, user, client, secrets."""
    salt = salt or os.urandom(16)
    names = ("password", "client_secret") if settings.auth == "oauth2" else ("api_key",)
    secrets = [getattr(settings, name).get_secret_value() for name in names if getattr(settings, name) is not None]
    parts = [settings.base_url, settings.auth, settings.username, settings.client_id, *secrets]
    digest = hashlib.scrypt(json.dumps(parts).encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
    return f"{salt.hex()}:{digest[:2].hex()}"


def this_process() -> str:
    """`host:pid:start`; `start` distinguishes this process from a later one with the same number."""
    return f"{_host()}:{os.getpid()}:{_start(os.getpid()) or ''}"


def is_gone(process: str) -> bool | None:
    """Whether the process has ended; None if that is unknown because it ran on another machine."""
    try:
        host, number, start = process.rsplit(":", 2)
        pid = int(number)
    except ValueError:
        return None
    if host != _host():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # alive, and owned by another user
        pass
    return _start(pid) != (start or None)


def _host() -> str:
    """The machine and, on Linux, its PID namespace: containers may share a host name but not process numbers."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{space}"


def _start(pid: int) -> str | None:
    """When the process started, in clock ticks since boot; None if it has ended or there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()  # the process name before it may hold anything
    return None if state in "ZX" else fields[18]
