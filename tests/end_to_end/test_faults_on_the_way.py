"""What may go wrong in the middle of a walk, and a run that ends right all the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import ConfigError, MissedTickError, NotLandedError
from inode_pipeline.sync import Attempt, sync_date

SMALL_PAGES = {"INODE_PAGE_SIZE": "50"}


def test_m11_a_token_revoked_in_mid_walk_costs_one_login(account: Callable[..., Any]) -> None:
    """The access token is revoked after the second page: the run finishes, with one more token request."""
    with account(links=300, settings=SMALL_PAGES) as a:

        def revoke(page: int) -> None:
            if page == 2:
                a.server.state.revoke_tokens()

        a.server.state.on_page = revoke
        a.sync()
        assert a.server.state.token_requests == 2
        assert a.expected() == a.present()


def test_m22_rows_deleted_between_two_pages_leave_exact_data(account: Callable[..., Any]) -> None:
    """Links are deleted while the pages are read, on a first load and on a later one: the data is exact."""
    with account(links=300, settings=SMALL_PAGES) as a:
        for last in (10, 20):
            deleted = iter(range(last - 5, last))

            def delete(_: int, deleted: Any = deleted) -> None:
                if next(deleted, None) is not None:
                    del a.server.state.records[3]

            a.server.state.on_page = delete
            a.sync()
            a.server.state.on_page = None
            assert a.expected() == a.present()


def test_m23_a_delete_and_an_insert_that_leave_the_count_alone_lose_nothing(account: Callable[..., Any]) -> None:
    """One link goes and one comes between two pages, so that every count agrees: the data is exact all the same."""
    with account(links=300, settings=SMALL_PAGES) as a:
        a.sync()

        def swap(page: int) -> None:
            if page == 1:
                record = a.server.state.records.pop(0)
                a.server.state.records.append({**record, "id": 999_999_999})

        a.server.state.on_page = swap
        a.sync()
        assert a.expected() == a.present()


@pytest.mark.parametrize("trigger", ["person", "backfill", "schedule"])
def test_a_past_date_that_was_never_landed_sends_nothing(account: Callable[..., Any], trigger: Any) -> None:
    """Such a date fails at once with a sentence that says why, and no request is sent."""
    with account(links=10) as a:
        day = a.today - timedelta(days=3)
        expected = MissedTickError if trigger == "schedule" else NotLandedError
        with pytest.raises(expected, match=str(day)):
            sync_date(a.settings, a.warehouse, LINKS, day, attempt=Attempt("run", trigger))
        assert a.server.state.requests == []
        assert a.rows() == {}


def test_a_future_date_is_a_wrong_argument(account: Callable[..., Any]) -> None:
    """Tomorrow cannot be synced; nothing is sent."""
    with account(links=10) as a:
        with pytest.raises(ConfigError, match="future"):
            sync_date(a.settings, a.warehouse, LINKS, a.today + timedelta(days=1), attempt=Attempt("run", "person"))
        assert a.server.state.requests == []
