"""The normaliser: page by page from records to typed rows, and what it has seen on the way.

Keep out: how a single type is read (`values.py`, `times.py`, `geometry.py`), which rows a page gives (`rows.py`), and
what stops a load (`checks.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import Any

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
from inode_pipeline.normalise.sums import Sums

FIRST_REJECTED = 10


class Normaliser:
    """Types the pages of one walk in turn and remembers what `check` needs.

    `sums` is what the records add up to.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.received = self.rejected = self.duplicate = self.unreadable = 0
        self._wanted = {path for column in endpoint.columns for path in (*column.sources, *column.null_if)}
        self.sums = Sums()
        self._columns = ColumnReader(endpoint, self.sums)
        self._first_rejected: list[Rejected] = []
        self._required: checks.Required | None = None
        self._motions = units.Sample()

    @property
    def fields(self) -> dict[str, int]:
        """Each field's dotted path and how many records had it; lists are not entered.

        A field none of whose values could be read is left out: it never was what its column takes, so the next walk
        must not be stopped because it "no longer" is.
        """
        never = (name for name, history in self._columns.histories.items() if history.never_parsed)
        unread = {path for name in never for path in self.sums.paths_of(name)}
        return {path: count for path, count in self.sums.leaves.items() if path not in unread}

    @property
    def units_checked(self) -> int:
        """In how many records length, travel time and speed are all known; 0 means that the units are not checked."""
        return self.sums.moving

    def page(self, number: int, records: Sequence[Record]) -> Batch:
        """Type the records of one page; positions count from 1. Nothing raises here for what a record holds."""
        places, flawed, fields = self._turned(records)
        typed = self._columns.read(fields)
        self._see(fields, flawed.values())
        return self._page(number, places, typed, flawed, len(records))

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
        checks.check_drift(self.endpoint, self.sums, self._columns.histories, previous_fields)
        checks.check_rejected(self.received, self.rejected, self._first_rejected, max_rejected_fraction)
        units.check_units(self.endpoint, self.sums, self._motions)

    def _see(self, fields: Fields | PlainFields, flawed: Iterable[Flawed]) -> None:
        """Enter a page into the inventory. What a flawed record holds is there too, only not to be trusted."""
        inside = [record.value for record in flawed if isinstance(record.value, dict)]
        self.sums.records += len(fields.records)
        for part in (fields, Fields(inside)) if inside else (fields,):
            self.sums.leaves.update(part.leaves)
            self.sums.objects.update(part.objects)
            self.sums.nulls.update(part.nulls)
            self.sums.cut += part.is_cut
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
        self.sums.no_data += batch.no_data
        self._first_rejected += rejected[: FIRST_REJECTED - len(self._first_rejected)]
        self._note_motions(values)
        return batch

    def _note_motions(self, values: Mapping[str, list[Any]]) -> None:
        if motion := self.endpoint.measured:
            known = units.motions(values[motion.length], values[motion.time], values[motion.speed])
            units.count(self.sums, known)
            self._motions.add(known)
