"""Convert an answer to US units, CSV, JSON, GeoJSON, Parquet or Excel, and write it to a file."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import xlsxwriter
from pyarrow import parquet
from sqlalchemy import Connection, select

from inode_pipeline.analysis.query import Answer, Query, all_queries, column_type
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.tables import LINKS_TABLE

KM_PER_MILE = 1.609344
_US: tuple[tuple[str, str, Callable[[float], float]], ...] = (
    ("_s_per_km", "_s_per_mi", lambda value: value * KM_PER_MILE),
    ("_kmh", "_mph", lambda value: value / KM_PER_MILE),
    ("_km", "_mi", lambda value: value / KM_PER_MILE),
    ("_m", "_mi", lambda value: value / 1000 / KM_PER_MILE),
)
"""Suffix of a metric column, the suffix in US units, and the conversion; the first match applies."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A spreadsheet takes text that starts with one of these for a formula; the last four are full-width forms."""

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads a CSV file in the machine's legacy code page and garbles accents."""

_ARROW_TYPES = {
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "double": pa.float64(),
    "local timestamp": pa.timestamp("us"),
    "timestamp": pa.timestamp("us", "UTC"),
}
_EXCEL_FORMATS: Mapping[type, str] = {
    datetime: "yyyy-mm-dd hh:mm:ss",
    date: "yyyy-mm-dd",
    float: "#,##0.00",
    int: "0",
}
_EXCEL_WIDTHS = (8, 48)


def in_us_units(answer: Answer) -> Answer:
    """The same answer in miles and miles per hour; the column names change with their units."""
    rules = [next((rule for rule in _US if column.endswith(rule[0])), None) for column in answer.columns]
    columns = tuple(
        column if rule is None else column.removesuffix(rule[0]) + rule[1]
        for column, rule in zip(answer.columns, rules, strict=True)
    )
    rows = tuple(
        tuple(
            rule[2](value) if rule is not None and isinstance(value, int | float) else value
            for value, rule in zip(row, rules, strict=True)
        )
        for row in answer.rows
    )
    return Answer(columns, rows, answer.parameters)


def shown(value: object) -> object:
    """A value for text and JSON: times in ISO 8601, UTC with its offset; numbers and booleans unchanged."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value


def as_csv(answer: Answer) -> str:
    """CSV with a header. Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(answer.columns)
    writer.writerows([_safe(shown(value)) for value in row] for row in answer.rows)
    return buffer.getvalue()


def as_json(answer: Answer) -> str:
    """A list with one object per row."""
    return json.dumps(_objects(answer), ensure_ascii=False, allow_nan=False, indent=1)


def as_geojson(answer: Answer, geometries: Mapping[str, Any]) -> str:
    """A FeatureCollection with one feature per row; its geometry is the link's line, or null if it has none."""
    features = [
        {"type": "Feature", "geometry": geometries.get(str(row["link_id"])), "properties": row}
        for row in _objects(answer)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, allow_nan=False)


def link_geometries(connection: Connection, query: Query, answer: Answer) -> dict[str, Any]:
    """The GeoJSON line of each link in an answer, by link_id; None for a link without one.

    Raises:
        ConfigError: the answer is not about links.

    """
    if "link_id" not in answer.columns:
        names = [each.name for each in all_queries().values() if re.search(r"\blink_id,", each.select)]
        raise ConfigError(
            f"The answers of {query.name} have no link_id, so they have no place on a map.",
            remedy=f"These have: {', '.join(names)}.",
        )
    links = LINKS_TABLE.c
    ids = set(map(str, answer.values("link_id")))
    rows = connection.execute(select(links.link_id, links.geometry).where(links.geometry.is_not(None)))
    return {link_id: geometry for link_id, geometry in rows if link_id in ids}


def as_parquet(answer: Answer) -> bytes:
    """A Parquet file with the types of the data dictionary; types of other columns are inferred from their values."""
    columns = {}
    for place, column in enumerate(answer.columns):
        values = [row[place] for row in answer.rows]
        is_number = all(value is None or isinstance(value, int | float) for value in values)
        kind = _ARROW_TYPES.get(column_type(column) or ("double" if is_number else "text"), pa.string())
        columns[column] = pa.array(values, type=kind)
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def as_xlsx(answer: Answer, citation: str | None) -> bytes:
    """An Excel file with the rows on the first sheet and the citation on the second. No text becomes a formula or link.

    Excel has no time zones, so UTC times are written without their offset.
    """
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        formats: dict[type, Any] = {kind: book.add_format({"num_format": f}) for kind, f in _EXCEL_FORMATS.items()}
        sheet = book.add_worksheet("answer")
        sheet.write_row(0, 0, answer.columns, book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(1, len(answer.rows)), len(answer.columns) - 1)
        for place, column in enumerate(answer.columns):
            sheet.set_column(place, place, _excel_width(column, [row[place] for row in answer.rows]))
        for number, row in enumerate(answer.rows, start=1):
            for place, value in enumerate(row):
                plain = value.replace(tzinfo=None) if isinstance(value, datetime) else value
                sheet.write(number, place, plain, formats.get(type(plain)))
        if citation is not None:
            cited = book.add_worksheet("citation")
            cited.set_column(0, 0, 100)
            cited.write_string(0, 0, citation, book.add_format({"text_wrap": True, "valign": "top"}))
    return buffer.getvalue()


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that readers see either the old or the new content; create a missing folder.

    The umask determines who may read it.

    Raises:
        OSError: the file cannot be written; an existing file is unchanged.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        umask = os.umask(0o077)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _objects(answer: Answer) -> list[dict[str, object]]:
    return [dict(zip(answer.columns, map(shown, row), strict=True)) for row in answer.rows]


def _safe(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _excel_width(column: str, values: list[object]) -> int:
    """The width in characters of the header (with room for the filter's arrow) or the longest value."""
    texts = (f"{value:,.2f}" if isinstance(value, float) else str(shown(value)) for value in values)
    longest = max(map(len, texts), default=0)
    low, high = _EXCEL_WIDTHS
    return min(max(low, longest + 1, len(column) + 3), high)
