"""Corridors are imported completely or not at all, and each wrong row is reported by its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from inode_pipeline.analysis.corridors import Imported, import_corridors
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.analyst_tables import CORRIDOR_LINKS, CORRIDORS
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction

HEADER = "corridor_id,name,direction,position,link_id,valid_from,valid_to\n"


@pytest.fixture
def linked(books, warehouse: Warehouse) -> Warehouse:
    """A warehouse with the links 1, 2 and 3."""
    for link_id in ("1", "2", "3"):
        books.link(link_id)
    return warehouse


def stored(warehouse: Warehouse) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    with reading(warehouse) as connection:
        corridors = connection.execute(select(CORRIDORS).order_by("corridor_id"))
        links = connection.execute(select(CORRIDOR_LINKS).order_by("corridor_id", "position", "valid_from"))
        return [tuple(row) for row in corridors], [tuple(row) for row in links]


def imported(warehouse: Warehouse, text: str, encoding: str = "utf-8") -> Imported:
    path = Path("corridors.csv")
    path.write_text(text, encoding=encoding, newline="")
    return import_corridors(warehouse, path)


def test_a_file_becomes_corridors(linked: Warehouse) -> None:
    """Columns in any order, spaces around cells, blank lines and a byte order mark are accepted."""
    text = (
        "name,corridor_id,direction,position,link_id,valid_from,valid_to\r\n"
        '"Main Street, north",main-nb,NB,1, 1 ,2026-01-01,2026-06-01\r\n'
        '"Main Street, north",main-nb,NB,1,2,2026-06-01,\r\n'
        "\r\n"
        '"Main Street, north",main-nb,NB,2,3,2026-01-01,\r\n'
        "Détour,d,,1,3,2026-01-01,\r\n"
    )
    assert Imported(corridors=2, links=4) == imported(linked, text, "utf-8-sig")
    corridors = [("d", "Détour", None), ("main-nb", "Main Street, north", "NB")]
    links = [
        ("d", 1, "3", date(2026, 1, 1), None),
        ("main-nb", 1, "1", date(2026, 1, 1), date(2026, 6, 1)),
        ("main-nb", 1, "2", date(2026, 6, 1), None),
        ("main-nb", 2, "3", date(2026, 1, 1), None),
    ]
    assert (corridors, links) == stored(linked)


def test_a_file_replaces_the_corridors_it_names_and_no_other(linked: Warehouse) -> None:
    """Importing a corrected file is enough, even for a corridor used by a study."""
    imported(linked, HEADER + "a,A,,1,1,2026-01-01,\na,A,,2,2,2026-01-01,\nb,B,,1,3,2026-01-01,\n")
    imported(linked, HEADER + "a,Avenue,EB,1,2,2026-02-01,\n")
    assert (
        [("a", "Avenue", "EB"), ("b", "B", None)],
        [("a", 1, "2", date(2026, 2, 1), None), ("b", 1, "3", date(2026, 1, 1), None)],
    ) == stored(linked)


def test_each_bad_row_is_named_by_its_line_with_the_reason_and_nothing_is_imported(linked: Warehouse) -> None:
    """A quoted cell of two lines counts as two; reasons contain no control characters."""
    rows = [
        "a,A,,1,1,2026-01-01,",
        "a,A,,2,9,2026-01-01,",
        '"a","A\nB",,3,2,2026-01-01,',
        "a,Other,NB,3,2,2026-01-01,",
        "a,A,,0,2,2026-01-01,",
        "a,A,,3,2,01/02/2026,",
        "a,A,,3,2,2026-02-30,2026-13-01",
        "a,A,,3,2,2026-01-01,2026-01-01",
        "a,A,,1,3,2026-05-01,",
        "a,A,,4,1,2026-05-01,",
        ",A,,4,,,",
        "a,A,,4,3,2026-01-01",
        "a,A,,4,\x1b[31m,2026-01-01,",
    ]
    with pytest.raises(ConfigError) as caught:
        imported(linked, HEADER + "\n".join(rows) + "\n")
    expected = [
        "'corridors.csv' was not imported: 12 of its rows are wrong.",
        "line 3: link_id '9' is not in the table links",
        "line 5: name 'A?B' is not a name without control characters",
        (
            "line 6: name differs from that of the same corridor on line 2; "
            "direction differs from that of the same corridor on line 2"
        ),
        "line 7: position '0' is not a whole number from 1",
        "line 8: valid_from '01/02/2026' is not a date such as 2026-01-31",
        (
            "line 9: valid_from '2026-02-30' is not a date such as 2026-01-31; "
            "valid_to '2026-13-01' is not a date such as 2026-01-31, or empty"
        ),
        "line 10: valid_to, the first date on which the row is no longer valid, is not after valid_from",
        "line 11: position 1 is taken on the same dates by line 2",
        "line 12: the link is in the corridor on the same dates already, on line 2",
        (
            "line 13: corridor_id is missing: a name without control characters; link_id is missing: an id of the "
            "table links; valid_from is missing: a date such as 2026-01-31"
        ),
        "line 14: it does not have 7 cells",
        "line 15: link_id '?[31m' is not an id of the table links",
    ]
    assert expected == caught.value.message.split("\n")
    assert ([], []) == stored(linked)


def test_a_file_without_corridors_is_reported(linked: Warehouse) -> None:
    """A wrong header or encoding, or a missing file."""
    for text, told in {
        "": "not the header",
        "corridor_id;name\n": "not the header",
        HEADER: "has no rows",
        HEADER + 'a,"A': "is not CSV, line 2",
    }.items():
        with pytest.raises(ConfigError, match=told):
            imported(linked, text)
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        imported(linked, HEADER + "a,Détour,,1,1,2026-01-01,\n", "latin-1")
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        import_corridors(linked, Path("missing.csv"))
    assert ([], []) == stored(linked)


def test_a_corridor_of_a_study_can_be_imported_again(linked: Warehouse) -> None:
    """The corridor's row is changed, not removed."""
    from inode_pipeline.warehouse.analyst_tables import STUDIES

    imported(linked, HEADER + "a,A,,1,1,2026-01-01,\n")
    days = {"before_from": 1, "before_to": 2, "after_from": 3, "after_to": 4}
    with transaction(linked) as connection:
        dates = {name: date(2026, 1, day) for name, day in days.items()}
        study = {"study_id": "s", "name": "retiming", "corridor_id": "a", "period_name": "am_peak", **dates}
        connection.execute(insert(STUDIES), study)
    assert Imported(corridors=1, links=1) == imported(linked, HEADER + "a,A2,,1,2,2026-01-01,\n")
