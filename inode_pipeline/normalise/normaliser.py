"""The normaliser: page by page from records to typed rows, and what it has seen on the way.

Keep out: how a single type is read (`values.py`, `times.py`, `geometry.py`), which rows a page gives (`rows.py`), and
what stops a load (`checks.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np

from inode_pipeline.api.answer import Flawed, Record
from inode_pipeline.api.packed import PlainRecords
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.normalise import checks, units
from inode_pipeline.normalise.batch import Batch
from inode_pipeline.normalise.columns import ColumnReader, TypedPage
from inode_pipeline.normalise.fields import Fields
from inode_pipeline.normalise.plain import PlainFields
from inode_pipeline.normalise.rejected import Rejected, set_aside
from inode_pipeline.normalise.rows import winners, with_hashes, without_data

FIRST_REJECTED = 10


class Normaliser:
    """Types the pages of one walk in turn and remembers what `check` needs.

    `missing_counts` counts, per column, the records that have none of its sources; `null_counts` the typed records
    in which it is NULL.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.received = self.rejected = self.duplicate = self.unreadable = self.no_data = 0
        self.null_counts = {column.name: 0 for column in endpoint.columns}
        self._wanted = {path for column in endpoint.columns for path in (*column.sources, *column.null_if)}
        self._columns = ColumnReader(endpoint)
        self._seen = checks.Seen()
        self._first_rejected: list[Rejected] = []
        self._required: checks.Required | None = None
        self._motions: list[np.ndarray] = []

    @property
    def fields(self) -> dict[str, int]:
        """Each field's dotted path and how many records had it; lists are not entered.

        A field none of whose values could be read is left out: it never was what its column takes, so the next walk
        must not be stopped because it "no longer" is.
        """
        unread = {path for history in self._columns.histories.values() if history.never_parsed for path in history.used}
        return {path: count for path, count in self._seen.leaves.items() if path not in unread}

    @property
    def missing_counts(self) -> dict[str, int]:
        """How many records had none of a column's sources, by column; not where the object around one was null."""
        return {
            column.name: self._columns.histories[column.name].missing
            for column in self.endpoint.columns
            if not any(self._seen.has_null_above(path) for path in column.sources)
        }

    @property
    def broken_points(self) -> int:
        """How many points of geometries were dropped because they could not be read, mostly cut off last ones."""
        return self._columns.broken_points

    @property
    def units_checked(self) -> int:
        """In how many records length, travel time and speed are all known; 0 means that the units are not checked."""
        return sum(known.shape[1] for known in self._motions)

    def new_fields(self, known: Collection[str]) -> list[str]:
        """Return the fields of this walk that are not among the known ones, sorted; names as the API spells them."""
        return sorted(self.fields.keys() - set(known))

    def page(self, number: int, records: Sequence[Record], known: Collection[int] = ()) -> Batch:
        """Type the records of one page; positions count from 1. Nothing raises here for what a record holds.

        `known` are the places, from 0, of records of a plain page that are equal to records whose rows are in the
        table; they are entered into what `check` needs, and their keys are the batch's `unchanged`.
        """
        if known and isinstance(records, PlainRecords):
            plain = PlainFields(records)
            keys = plain.fill(self.endpoint.key).values
            if len(set(map(str, keys))) == len(keys):  # of two records with one key the later one counts
                return self._page_with_known(number, plain, known)
        places, flawed, fields = self._turned(records)
        typed = self._columns.read(fields)
        self._see(fields, flawed.values())
        return self._page(number, places, typed, flawed, len(records))

    def _page_with_known(self, number: int, fields: PlainFields, known: Collection[int]) -> Batch:
        self._see(fields, ())
        records = fields.records
        same, fresh = sorted(known), sorted(set(range(len(records))) - set(known))
        values = self._columns.note_unchanged(fields, same)
        no_data = without_data(self.endpoint, values)
        self._note_motions(values)
        self.received += len(same)
        self.no_data += no_data
        if fresh:
            typed = self._columns.read(PlainFields(records.only(fresh)))
            batch = self._page(number, [row + 1 for row in fresh], typed, {}, len(fresh))
        else:
            batch = self._tally(number, [], {column.name: [] for column in self.endpoint.columns}, [], 0)
        return replace(
            batch, unchanged=values[self.endpoint.key.name], received=len(records), no_data=batch.no_data + no_data
        )

    def _page(
        self, number: int, places: list[int], typed: TypedPage, flawed: Mapping[int, Flawed], count: int
    ) -> Batch:
        values = typed.values
        rejected = set_aside(self.endpoint, number, places, typed, flawed)
        keep = winners(self.endpoint, values, typed.faults)
        if not all(keep):
            places = list(compress(places, keep))
            values = {name: list(compress(column, keep)) for name, column in values.items()}
        duplicate = count - len(rejected) - len(places)
        return self._tally(number, places, values, rejected, duplicate)

    def _turned(self, records: Sequence[Record]) -> tuple[list[int], dict[int, Flawed], Fields | PlainFields]:
        """The places of the sound records, the flawed ones by their place, and the fields of the sound ones."""
        if isinstance(records, PlainRecords):
            return list(range(1, len(records) + 1)), {}, PlainFields(records)
        sound = {place: record for place, record in enumerate(records, 1) if not isinstance(record, Flawed)}
        flawed = {place: record for place, record in enumerate(records, 1) if isinstance(record, Flawed)}
        return list(sound), flawed, Fields(list(sound.values()), self._wanted)

    def check(self, previous_fields: Mapping[str, int] | None, max_rejected_fraction: float) -> None:
        """Pass a walk that may be loaded; to be called after its last page.

        Raises: FieldsNotFoundError, SchemaDriftError, TooManyRejectedError or UnitsError, in this order.
        """
        if self._required is not None:
            self._required.check()
        checks.check_drift(self.endpoint, self._seen, self._columns.histories, previous_fields)
        checks.check_rejected(self.received, self.rejected, self._first_rejected, max_rejected_fraction)
        units.check_units(self.endpoint, np.concatenate([np.empty((3, 0)), *self._motions], axis=1))

    def _see(self, fields: Fields | PlainFields, flawed: Iterable[Flawed]) -> None:
        """Enter a page into the inventory. What a flawed record holds is there too, only not to be trusted."""
        inside = [record.value for record in flawed if isinstance(record.value, dict)]
        self._seen.records += len(fields.records)
        for part in (fields, Fields(inside)) if inside else (fields,):
            self._seen.add(part.leaves, part.objects, part.nulls)
        if self._required is None and (fields.records or inside):
            known = [*fields.records, *inside] if inside else fields.records
            self._required = checks.Required.of(self.endpoint, known)

    def _tally(
        self, number: int, places: list[int], values: dict[str, list[Any]], rejected: list[Rejected], duplicate: int
    ) -> Batch:
        batch = Batch(
            self.endpoint,
            with_hashes(self.endpoint, number, places, values),
            rejected,
            received=len(places) + len(rejected) + duplicate,
            duplicate=duplicate,
            unreadable=sum(key is None for _, _, key, _, _ in rejected),
            no_data=without_data(self.endpoint, values),
        )
        self.received += batch.received
        self.rejected += len(rejected)
        self.duplicate += duplicate
        self.unreadable += batch.unreadable
        self.no_data += batch.no_data
        self._first_rejected += rejected[: FIRST_REJECTED - len(self._first_rejected)]
        for name, column in values.items():
            self.null_counts[name] += column.count(None)
        self._note_motions(values)
        return batch

    def _note_motions(self, values: Mapping[str, list[Any]]) -> None:
        if motion := self.endpoint.measured:
            self._motions.append(units.motions(values[motion.length], values[motion.time], values[motion.speed]))
