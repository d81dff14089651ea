"""The records of a page that are set aside, each with its place, its key, a field and the reason.

Keep out: how many are too many (`checks.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inode_pipeline.api.answer import Flawed
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.record import read_key
from inode_pipeline.normalise.columns import TypedPage
from inode_pipeline.normalise.inventory import clean

WHOLE_RECORD = "(record)"
"""Stands for the field of a record that is flawed as a whole."""

Rejected = tuple[int, int, str | None, str, str]
"""Page and position (from 1), key (None if unreadable), field, reason."""


def set_aside(
    endpoint: Endpoint, page: int, places: Sequence[int], typed: TypedPage, flawed: Mapping[int, Flawed]
) -> list[Rejected]:
    """The records that are flawed as they came, by their place, and those that cannot be typed, in their order."""
    keys = typed.values[endpoint.key.name]
    rejected: list[Rejected] = [
        (page, place, read_key(endpoint, record.value), clean(record.field or WHOLE_RECORD, 200), record.reason)
        for place, record in flawed.items()
    ]
    rejected += [(page, places[row], keys[row], name, reason) for row, (name, reason) in typed.faults.items()]
    rejected.sort()
    return rejected
