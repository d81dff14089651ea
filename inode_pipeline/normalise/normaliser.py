"""The normaliser: from records to typed rows, page by page, with counts over the walk.

Not here: how values are read, see `columns.py` and the files it imports; what stops a load, see `checks.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from itertools import compress
from typing import Any

import msgspec

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.normalise import checks, units
from inode_pipeline.normalise.columns import ColumnReader, TypedPage
from inode_pipeline.normalise.fields import Counts, Fields
from inode_pipeline.normalise.frame import Batch, Rejected
from inode_pipeline.normalise.times import EARLIEST
from inode_pipeline.normalise.values import without_unstorable_names
from inode_pipeline.text import LIMIT, visible

NORMALISER_VERSION = 3
"""Increase it when the same record would give another row or be refused: every record is then written again."""

FIRST_REJECTED = 10
WHOLE_RECORD = "(record)"
"""Appears in place of a field where the record is not an object."""

_MESSAGE_PACK = msgspec.msgpack.Encoder()


class Normaliser:
    """Types the pages of one walk in turn and collects what `check` needs.

    `counts` is what was counted over all records; `snapshot_at` is the walk's instant.
    """

    def __init__(self, endpoint: Endpoint, snapshot_at: datetime | None = None) -> None:
        self.endpoint = endpoint
        self.received = self.rejected = self.duplicate = self.unreadable = 0
        self.counts = Counts()
        self._columns = ColumnReader(endpoint, self.counts, snapshot_at)
        self._wanted = {path for column in endpoint.columns for path in (*column.sources, *column.null_if)}
        self._wanted.update(endpoint.measurement_objects)
        self._first_rejected: list[Rejected] = []
        self._required: checks.Required | None = None
        self._motions = units.Sample()
        self._place: str | None = None

    @property
    def fields(self) -> dict[str, int]:
        """Each field's dotted path and how many records had it; lists are not entered.

        A field none of whose values could be read is left out: it never fitted its column, so it must not stop the next
        walk by "no longer" fitting.
        """
        never = (name for name, history in self.counts.histories.items() if history.never_parsed)
        unread = {path for name in never for path in self.counts.used[name]}
        return {path: count for path, count in self.counts.leaves.items() if path not in unread}

    @property
    def endpoint_read(self) -> Endpoint:
        """The endpoint with its measurements read from the place where this walk has them."""
        return self.endpoint.measured_at(self._place)

    @property
    def unread_measurements(self) -> list[str]:
        """Objects that hold fields named like measurements, but are neither listed nor mapped."""
        leaves = self.counts.leaves
        return [
            path for path in self.counts.objects
            if path != self._place and self.endpoint.measures_motion(path, lambda _, field: field in leaves)
        ]  # fmt: skip

    @property
    def units_checked(self) -> int:
        """How many records have length, travel time and speed; 0 means that the units are not checked."""
        return self.counts.moving

    def page(self, number: int, records: Sequence[Any], *, is_clean: bool = False) -> Batch:
        """Type the records of one page; positions count from 1. Nothing in a record raises an error here.

        `is_clean`: every number is known to be finite, and every text to be storable in both databases.
        """
        places, sound, others = self._objects(number, records)
        if not is_clean:
            sound, removed = without_unstorable_names(sound)
            self.counts.left_out += removed
        fields = Fields(sound, self._wanted)
        self.counts.add(fields)
        if self._required is None and sound:
            self._required = checks.Required.of(self.endpoint, sound)
        if self._place is None:  # the first page that has measurements decides for the walk
            self._place = self.endpoint.place_of_measurements(fields.can_fill)
        typed = self._columns.read(self.endpoint_read, fields, is_clean=is_clean)
        return self._tally(number, places, typed, others)

    def check(self, previous_fields: Mapping[str, int] | None, max_rejected_fraction: float) -> None:
        """Check, after its last page, that the walk may be loaded.

        Raises: FieldsNotFoundError, SchemaDriftError, TooManyRejectedError or UnitsError, in this order.
        """
        if self._required is not None:
            self._required.check()
        checks.check_drift(self.endpoint, self.counts, previous_fields)
        checks.check_rejected(self.received, self.rejected, self._first_rejected, max_rejected_fraction)
        units.check_units(self.endpoint, self.counts, self._motions)

    def _objects(
        self, number: int, records: Sequence[Any]
    ) -> tuple[Sequence[int], Sequence[dict[str, Any]], list[Rejected]]:
        """The positions of the records that are objects, these records, and the others as rejected ones."""
        if set(map(type, records)) <= {dict}:
            return range(1, len(records) + 1), records, []
        objects = {place: record for place, record in enumerate(records, 1) if isinstance(record, dict)}
        others: list[Rejected] = [
            (number, place, None, WHOLE_RECORD, "the record is not an object")
            for place in range(1, len(records) + 1)
            if place not in objects
        ]
        return list(objects), list(objects.values()), others

    def _tally(self, number: int, places: Sequence[int], typed: TypedPage, others: list[Rejected]) -> Batch:
        keys = typed.values[self.endpoint.key.name]
        faulty = [
            (number, places[row], keys[row], visible(name, LIMIT), why) for row, (name, why) in typed.faults.items()
        ]
        rejected: list[Rejected] = sorted([*others, *faulty], key=lambda one: one[:2])
        received, values = len(places) + len(others), typed.values
        keep = _winners(self.endpoint, values, typed.faults)
        if not all(keep):
            places = list(compress(places, keep))
            values = {name: list(compress(column, keep)) for name, column in values.items()}
        batch = Batch(
            self.endpoint,
            _with_hashes(self.endpoint, number, list(places), values),
            rejected,
            received=received,
            duplicate=received - len(rejected) - len(places),
            unreadable=sum(key is None for _, _, key, _, _ in rejected),
            no_data=_without_data(self.endpoint, values),
        )
        self._add(batch, values)
        return batch

    def _add(self, batch: Batch, values: Mapping[str, list[Any]]) -> None:
        self.received += batch.received
        self.rejected += len(batch.set_aside)
        self.duplicate += batch.duplicate
        self.unreadable += batch.unreadable
        self.counts.no_data += batch.no_data
        self._first_rejected += batch.set_aside[: FIRST_REJECTED - len(self._first_rejected)]
        if motion := self.endpoint.measured:
            known = units.motions(values[motion.length], values[motion.time], values[motion.speed])
            units.count(self.counts, known)
            self._motions.add(known)


def _winners(endpoint: Endpoint, values: Mapping[str, list[Any]], faults: Collection[int]) -> list[bool]:
    """Mark the rows that stay: of the typed ones with the same key, the one measured last, then the later one."""
    keys = values[endpoint.key.name]
    if not faults and len(set(keys)) == len(keys):
        return [True] * len(keys)
    column = endpoint.observed_at
    times = values[column.name] if column else [None] * len(keys)
    ranks = [EARLIEST - 1 if time is None else time for time in times]
    latest: dict[str, int] = {}
    for row, key in enumerate(keys):
        if row not in faults and (key not in latest or ranks[row] >= ranks[latest[key]]):
            latest[key] = row
    rows = set(latest.values())
    return [row in rows for row in range(len(keys))]


def _without_data(endpoint: Endpoint, values: Mapping[str, list[Any]]) -> int:
    """Count the rows that are no observation: without a time, or without any measurement."""
    if (observed_at := endpoint.observed_at) is None:
        return 0
    names = [column.name for column in endpoint.columns if column.kind == "measurement" and column != observed_at]
    if None not in values[observed_at.name] and any(None not in values[name] for name in names):
        return 0
    measured = zip(*(values[name] for name in names), strict=True)
    return sum(
        time is None or all(value is None for value in measures)
        for time, measures in zip(values[observed_at.name], measured, strict=True)
    )


def _with_hashes(
    endpoint: Endpoint, page: int, places: list[int], values: Mapping[str, list[Any]]
) -> dict[str, list[Any]]:
    """The columns of the rows with four more: each row's page, its place there and its two hashes."""
    columns = endpoint.columns
    configuration = [values[column.name] for column in columns if column.kind == "configuration"]
    others = [values[column.name] for column in columns if column.kind != "configuration"]
    content = fingerprints(zip(*configuration, strict=True))
    return {
        **values,
        "page": [page] * len(places),
        "position": places,
        "record_hash": fingerprints(zip(content, *others, strict=True), version=NORMALISER_VERSION),
        "content_hash": content,
    }


def fingerprints(rows: Iterable[Sequence[Any]], *, version: int | None = None) -> list[str]:
    """Return 16 hexadecimal digits per row, equal exactly when the values are, however the JSON spelled them.

    With a version, rows typed by another version have other ones. The values are encoded as MessagePack, whose bytes
    for a text, an integer, a double or nothing are fixed and unambiguous.
    """
    encode, found = _MESSAGE_PACK.encode, []
    start = blake2b(b"" if version is None else encode(version), digest_size=8)
    for row in rows:
        digest = start.copy()  # quicker than a new one
        digest.update(encode(row))
        found.append(digest.hexdigest())
    return found
