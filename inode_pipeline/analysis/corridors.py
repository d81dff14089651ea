"""Import corridors from a CSV file: every row is checked, and either all rows are written or none.

Each row places a link at a position of a corridor from one date until the day before another. The import replaces all
rows of the corridors named in the file and leaves other corridors unchanged.
Not here: whether the links join each other on the road, see the view `corridor_joints`; a gap may be real.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, delete, insert, select, update

from inode_pipeline.errors import ConfigError
from inode_pipeline.text import short
from inode_pipeline.warehouse.analyst_tables import CORRIDOR_LINKS, CORRIDORS
from inode_pipeline.warehouse.engine import Warehouse, transaction
from inode_pipeline.warehouse.statements import analyze, insert_if_absent
from inode_pipeline.warehouse.tables import LINKS_TABLE

_Read = TypeVar("_Read")

COLUMNS = ("corridor_id", "name", "direction", "position", "link_id", "valid_from", "valid_to")


@dataclass(frozen=True, slots=True)
class Imported:
    """How many corridors and rows were imported."""

    corridors: int
    links: int


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the file; `line` is the number of its last line."""

    line: int
    corridor_id: str
    name: str
    direction: str | None
    position: int
    link_id: str
    valid_from: date
    valid_to: date | None

    def overlaps(self, other: _Row) -> bool:
        """Whether there is a date on which both rows are valid."""
        return (self.valid_to is None or other.valid_from < self.valid_to) and (
            other.valid_to is None or self.valid_from < other.valid_to
        )


def import_corridors(warehouse: Warehouse, path: Path) -> Imported:
    """Import a CSV file with the columns `COLUMNS`, all of it or nothing.

    Raises:
        ConfigError: the file cannot be read, or some rows are wrong; the message lists their lines and the reasons.

    """
    with transaction(warehouse) as connection:
        checked = _Checked(set(connection.scalars(select(LINKS_TABLE.c.link_id))))
        for line, cells in _lines(path):
            checked.add(line, cells)
        if checked.problems:
            raise ConfigError(
                f"'{short(path.name)}' was not imported: {len(checked.problems)} of its rows "
                f"{'is' if len(checked.problems) == 1 else 'are'} wrong.\n" + "\n".join(checked.problems),
                remedy="Correct these rows and import the file again; nothing of it was written.",
            )
        if not checked.rows:
            raise ConfigError(f"'{short(path.name)}' has no rows below its header.", remedy="Add some.")
        return _write(connection, checked.rows)


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The line number and the stripped cells, by column, of each row that is not blank."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            if sorted(header) != sorted(COLUMNS):
                raise ConfigError(
                    f"The first line of '{short(path.name)}' is not the header of a file of corridors.",
                    remedy=f"It must name these columns, separated by commas: {','.join(COLUMNS)}",
                )
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    named = dict(zip(header, (cell.strip() for cell in cells), strict=False))
                    yield reader.line_num, named if len(cells) == len(header) else {}
    except OSError as problem:
        raise ConfigError(f"{path} cannot be read: {problem.strerror}.", remedy="Name a readable file.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text.", remedy="Save it as CSV UTF-8.") from None
    except csv.Error as problem:
        raise ConfigError(f"{path} is not CSV, line {reader.line_num}: {problem}.", remedy="Save it as CSV.") from None


@dataclass
class _Checked:
    """The valid rows, and what is wrong with the others, in the order of the file."""

    link_ids: Collection[str]
    rows: list[_Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _first: dict[str, _Row] = field(default_factory=dict)
    _at: dict[tuple[str, int], list[_Row]] = field(default_factory=dict)
    _of: dict[tuple[str, str], list[_Row]] = field(default_factory=dict)

    def add(self, line: int, cells: Mapping[str, str]) -> None:
        """Check a row on its own and against the rows before it."""
        reasons: list[str] = []
        row = _read(line, cells, reasons)
        if row is not None:
            reasons += self._against_others(row)
        if reasons:
            self.problems.append(f"line {line}: {'; '.join(reasons)}")
        elif row is not None:
            self.rows.append(row)

    def _against_others(self, row: _Row) -> Iterator[str]:
        if row.link_id not in self.link_ids:
            yield f"link_id '{short(row.link_id)}' is not in the table links"
        first = self._first.setdefault(row.corridor_id, row)
        for column in ("name", "direction"):
            if getattr(row, column) != getattr(first, column):
                yield f"{column} differs from that of the same corridor on line {first.line}"
        at = self._at.setdefault((row.corridor_id, row.position), [])
        if other := next((other for other in at if row.overlaps(other)), None):
            yield f"position {row.position} is taken on the same dates by line {other.line}"
        of = self._of.setdefault((row.corridor_id, row.link_id), [])
        if other := next((other for other in of if row.overlaps(other) and other.position != row.position), None):
            yield f"the link is in the corridor on the same dates already, on line {other.line}"
        at.append(row)
        of.append(row)


def _read(line: int, cells: Mapping[str, str], reasons: list[str]) -> _Row | None:
    """The row; if a cell cannot be read, None, with an entry in `reasons`."""
    if not cells:
        reasons.append(f"it does not have {len(COLUMNS)} cells")
        return None

    def read(column: str, reader: Callable[[str], _Read], needed: str) -> _Read | None:
        try:
            return reader(cells[column])
        except ValueError:
            problem = f"{column} '{short(cells[column])}' is not" if cells[column] else f"{column} is missing:"
            reasons.append(f"{problem} {needed}")
            return None

    corridor_id = read("corridor_id", _word, "a name without control characters")
    name = read("name", _word, "a name without control characters")
    direction = read("direction", _word, "a name without control characters") if cells["direction"] else None
    position = read("position", _position, "a whole number from 1")
    link_id = read("link_id", _word, "an id of the table links")
    valid_from = read("valid_from", _day, "a date such as 2026-01-31")
    valid_to = read("valid_to", _day, "a date such as 2026-01-31, or empty") if cells["valid_to"] else None
    if valid_from and valid_to and valid_to <= valid_from:
        reasons.append("valid_to, the first date on which the row is no longer valid, is not after valid_from")
    if reasons or corridor_id is None or name is None or position is None or link_id is None or valid_from is None:
        return None
    return _Row(line, corridor_id, name, direction, position, link_id, valid_from, valid_to)


def _word(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError
    return text


def _position(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise ValueError
    return int(text)


def _day(text: str) -> date:
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError
    return date.fromisoformat(text)


def _write(connection: Connection, rows: Collection[_Row]) -> Imported:
    corridors = {row.corridor_id: {"name": row.name, "direction": row.direction} for row in rows}
    for corridor_id, values in corridors.items():
        if not insert_if_absent(connection, CORRIDORS, {"corridor_id": corridor_id, **values}):
            connection.execute(update(CORRIDORS).where(CORRIDORS.c.corridor_id == corridor_id).values(**values))
        connection.execute(delete(CORRIDOR_LINKS).where(CORRIDOR_LINKS.c.corridor_id == corridor_id))
    names = CORRIDOR_LINKS.columns.keys()
    connection.execute(insert(CORRIDOR_LINKS), [{name: getattr(row, name) for name in names} for row in rows])
    analyze(connection, (CORRIDORS, CORRIDOR_LINKS))
    return Imported(corridors=len(corridors), links=len(rows))
