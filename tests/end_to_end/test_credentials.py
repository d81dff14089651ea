"""A rejected credential is tried once, whatever asks for it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PasswordRejectedError, RejectedBeforeError
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import reading
from inode_pipeline.warehouse.tables import RUNS

WRONG = {"INODE_PASSWORD": "wrong"}


def tick(a: Any, number: int) -> None:
    attempt = Attempt(f"tick-{number}", "schedule")
    sync_date(a.settings, a.warehouse, LINKS, a.today, attempt=attempt)


def test_twenty_scheduled_runs_with_a_wrong_password_send_it_once(account: Callable[..., Any]) -> None:
    """The first is refused, the others stop without a request; a person's run tries it once more."""
    with account(links=5, settings=WRONG) as a:
        with pytest.raises(PasswordRejectedError):
            tick(a, 0)
        for number in range(1, 20):
            with pytest.raises(RejectedBeforeError):
                tick(a, number)
        assert len(a.server.state.requests) == 1

        with pytest.raises(PasswordRejectedError):
            a.sync()
        assert len(a.server.state.requests) == 2

        with reading(a.warehouse) as connection:
            runs = connection.execute(select(RUNS.c.outcome, RUNS.c.credential_mark).order_by(RUNS.c.started_at)).all()
        assert [outcome for outcome, _ in runs] == ["failed", *["skipped"] * 19, "failed"]
        assert [mark is None for _, mark in runs] == [False, *[True] * 19, False]
