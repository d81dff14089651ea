"""The ids of a page's records: what the walk must know to prove itself, and nothing else of them.

Keep out: what an id may be (`endpoints/record.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from inode_pipeline.api.answer import Flawed, Record
from inode_pipeline.api.plain import PlainRecords
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.record import key_text, read_key


def read_keys(endpoint: Endpoint, records: Sequence[Record]) -> list[str | None]:
    """Each record's key, None where it cannot be read.

    A flawed record is no row, but a link whose id can be read has not vanished.
    """
    if isinstance(records, PlainRecords):
        return _of_plain(endpoint, records)
    return [read_key(endpoint, record.value if isinstance(record, Flawed) else record) for record in records]


def _of_plain(endpoint: Endpoint, records: PlainRecords) -> list[str | None]:
    """All records of a plain page have the same fields, so the same source has the key of each."""
    leaves = records.shape.texts.keys() | records.shape.scalars.keys()
    source = next((path for path in endpoint.key.sources if path in leaves), None)
    return [None] * len(records) if source is None else list(map(key_text, records.column(source)))
