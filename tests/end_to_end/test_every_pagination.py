"""Every form of paging, into both databases: the table is the source."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

COUNT = 1_203
CHANGED = range(0, COUNT, 100)
DELETED = range(1, COUNT, 250)
INSERTED = 30


def counts(receipt: Any) -> dict[str, int]:
    return {name: getattr(receipt, name) for name in ("received", "inserted", "updated", "unchanged", "vanished")}


def changed(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same network after 1 % of its links were edited, some were removed and some were added."""
    edited = copy.deepcopy(records)
    for position in CHANGED:
        edited[position]["name"] += " (renamed)"
    added = copy.deepcopy(edited[2 : 2 + INSERTED])
    for record in added:
        record["id"] += 10_000_000
    return [record for position, record in enumerate(edited) if position not in DELETED] + added


@pytest.mark.slow
@pytest.mark.parametrize("pagination", ["page", "limit-offset", "cursor", "none"])
def test_the_table_is_the_source(account: Callable[..., Any], pagination: str) -> None:
    """A first sync copies every field of every link, a second one writes nothing, a third exactly the changes."""
    with account(pagination=pagination, links=COUNT, max_page_size=250) as a:
        records = copy.deepcopy(a.server.state.records)
        assert counts(a.sync()) == {"received": COUNT, "inserted": COUNT, "updated": 0, "unchanged": 0, "vanished": 0}
        assert a.expected() == a.present()
        first = a.rows()

        assert counts(a.sync()) == {"received": COUNT, "inserted": 0, "updated": 0, "unchanged": COUNT, "vanished": 0}
        assert first == a.rows()

        a.serve(changed(records))
        assert counts(a.sync()) == {
            "received": COUNT - len(DELETED) + INSERTED,
            "inserted": INSERTED,
            "updated": len(CHANGED),
            "unchanged": COUNT - len(DELETED) - len(CHANGED),
            "vanished": len(DELETED),
        }
        assert a.expected() == a.present()
        assert len(a.rows()) == COUNT + INSERTED
