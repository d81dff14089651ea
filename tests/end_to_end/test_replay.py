"""What was landed can be loaded again, whatever has become of the API since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Attempt, replay


def test_walks_from_before_a_field_was_added_can_be_loaded_again(account: Callable[..., Any]) -> None:
    """The API begins to give a mapped field; the walks before it, which lack it, are replayed and change nothing."""
    with account(links=30) as a:
        records = a.server.state.records
        a.serve([{name: value for name, value in record.items() if name != "sample_size"} for record in records])
        a.sync()
        a.serve(records)
        a.sync()
        before = a.rows()
        receipts = replay(a.settings, a.warehouse, LINKS, a.today, a.today, attempt=Attempt("again", "replay"))
        assert [receipt.received for receipt in receipts] == [30, 30]
        assert before == a.rows()
