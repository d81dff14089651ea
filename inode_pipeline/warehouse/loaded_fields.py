"""Which fields the loaded walks had, as their loads noted it: the measure for whether the API changed.

Keep out: judging that (`normalise/checks.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, func, select, true

from inode_pipeline.endpoints.catalogue import mapped_sources
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.tables import LOADS
from inode_pipeline.warehouse.walks import LandedWalk


def previous_fields(connection: Connection, endpoint: Endpoint, walk: LandedWalk) -> Mapping[str, int] | None:
    """How many records had each field, in the newest loaded walk that held a record; None if there is none.

    Walks newer than this one are left out: an old walk that is loaded again lacks a field that came later. Not so
    the fields that a field map names: a map made for the present would empty what was read of the past without it.
    """
    older = _fields_of_newest(connection, endpoint, LOADS.c.snapshot_at <= walk.snapshot_at)
    mapped = tuple(f"{path}." for path in mapped_sources(endpoint))
    newest = _fields_of_newest(connection, endpoint, true()) if mapped else None
    if not newest:
        return older
    named = {path: count for path, count in newest.items() if f"{path}.".startswith(mapped)}
    return named | dict(older or {})


def _fields_of_newest(
    connection: Connection, endpoint: Endpoint, which: ColumnElement[bool]
) -> Mapping[str, int] | None:
    fields: Mapping[str, int] | None = connection.scalar(
        select(LOADS.c.fields)
        .where(LOADS.c.endpoint == endpoint.name, LOADS.c.received > 0, which)
        .order_by(LOADS.c.snapshot_at.desc(), LOADS.c.started_at.desc())
        .limit(1)
    )
    return fields


def known_fields(connection: Connection, endpoint: Endpoint) -> frozenset[str]:
    """The path of every field that a committed load has seen."""
    if connection.dialect.name == "postgresql":
        path = func.jsonb_object_keys(LOADS.c.fields).table_valued("key").render_derived()
    else:
        path = func.json_each(LOADS.c.fields).table_valued("key")
    each = LOADS.join(path, true())
    seen = select(path.c.key).select_from(each).where(LOADS.c.endpoint == endpoint.name).distinct()
    return frozenset(connection.scalars(seen))
