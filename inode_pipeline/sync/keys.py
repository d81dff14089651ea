"""The ids of a page's records: what the walk must know to prove itself, and nothing else of them.

Keep out: what an id may be (`endpoints/record.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from inode_pipeline.api.answer import Flawed, Record
from inode_pipeline.api.packed import Part, PlainRecords, spread
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
    """All records of one shape have the same fields, so the same source has the key of each."""
    return spread([(part.rows, _of_part(endpoint, part)) for part in records.parts], len(records))


def _of_part(endpoint: Endpoint, part: Part) -> list[str | None]:
    leaves = part.shape.texts.keys() | part.shape.scalars.keys()
    source = next((path for path in endpoint.key.sources if path in leaves), None)
    return [None] * len(part.rows) if source is None else list(map(key_text, part.column(source)))
