"""Checks that stop a load: required fields missing, mapped fields gone or unreadable, too many records set aside.

Each check raises one error that lists all of its findings, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inode_pipeline.endpoints.endpoint import CONTAINED, Column, Endpoint
from inode_pipeline.endpoints.record import source_in
from inode_pipeline.errors import FieldsNotFoundError, SchemaDriftError, TooManyRejectedError
from inode_pipeline.normalise.fields import ColumnHistory, Counts
from inode_pipeline.normalise.inventory import describe_fields, listed
from inode_pipeline.text import short, visible

INSPECT = "`inode-pipeline inspect --write FILE` writes a field map to start from; INODE_FIELD_MAP_FILE names it."


@dataclass(frozen=True, slots=True)
class Required:
    """The required columns without a field in the first page that has a record, and the fields of that page."""

    lost: tuple[Column, ...]
    fields: str

    @classmethod
    def of(cls, endpoint: Endpoint, records: Sequence[Mapping[str, Any]]) -> Required:
        """Look for the required columns in these records."""
        columns = [column for column in endpoint.columns if column.required]
        lost = tuple(column for column in columns if not any(source_in(column, record) for record in records))
        return cls(lost, listed(describe_fields(endpoint, records)) if lost else "")

    def check(self) -> None:
        """Raise FieldsNotFoundError if a required column is lost."""
        if not self.lost:
            return
        names = " and ".join(f"{column.name} (looked for {', '.join(column.sources)})" for column in self.lost)
        raise FieldsNotFoundError(
            f"No record of the first page has a field for {names}. Its fields are: {self.fields}.",
            remedy=f"Find the fields with `inode-pipeline inspect` and name them in a field map. {INSPECT}",
        )


def check_drift(endpoint: Endpoint, counts: Counts, previous: Mapping[str, int] | None) -> None:
    """Raise SchemaDriftError for every mapped field of the newest loaded walk that is gone or no longer parses."""
    if not previous or not counts.records:
        return
    before = endpoint.measured_at(endpoint.place_of_measurements(lambda _, path: path in previous))
    drifts: dict[str, str] = {}
    for column in before.columns:
        if drift := _drift(column, counts, counts.history(column.name), previous):
            drifts[column.name] = drift
    if not drifts:
        return
    raise SchemaDriftError(
        f"The API changed since the newest loaded walk: {'; '.join(drifts.values())}.",
        remedy="Find the new field with `inode-pipeline inspect` and name it in INODE_FIELD_MAP_FILE"
        + "".join(f", [{endpoint.name}.columns.{name}]" for name in drifts)
        + ' source = "..."; source = "" makes a column NULL where that is allowed.',
    )


def _drift(column: Column, counts: Counts, history: ColumnHistory, previous: Mapping[str, int]) -> str | None:
    had = next((path for path in column.sources if _had(column, path, previous)), None)
    used = counts.used.get(column.name, set())
    if history.never_parsed and any(_had(column, path, previous) for path in used):
        fields = ", ".join(short(path) for path in sorted(used))
        return f"none of the {history.attempted} values of {fields} can be read for {column.name} ({history.reason})"
    if had is None or had in used or counts.has_null_above(had):
        return None
    if had not in counts.leaves and had not in counts.objects:
        return f"{short(had)}, which fills {column.name}, is in none of the {counts.records} records"
    if counts.missing[column.name] == counts.records:
        return f"{short(had)}, which fills {column.name}, is an object or a list in all {counts.records} records"
    return None


def _had(column: Column, path: str, previous: Mapping[str, int]) -> bool:
    if path in previous:
        return True
    return column.type in CONTAINED and any(other.startswith(f"{path}.") for other in previous)


def check_rejected(
    received: int, rejected: int, first: Sequence[tuple[int, int, str | None, str, str]], max_fraction: float
) -> None:
    """Raise TooManyRejectedError if more than this fraction of the records was set aside."""
    if rejected <= received * max_fraction:
        return
    places = "; ".join(
        f"page {page}, record {position}, {'no readable id' if key is None else f'link {short(key)}'}, "
        f"field {short(name)}: {visible(reason, 120)}"
        for page, position, key, name, reason in first
    )
    raise TooManyRejectedError(
        f"{rejected} of {received} records cannot be typed, more than INODE_MAX_REJECTED_FRACTION ({max_fraction:g}) "
        f"allows. The first: {places}.",
        remedy="Correct the fields in iNode or how they are read in INODE_FIELD_MAP_FILE; "
        "or raise INODE_MAX_REJECTED_FRACTION to set such records aside.",
    )
