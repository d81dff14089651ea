"""An answer as others take it: with US units, as CSV, JSON or an Excel file.

Keep out: what is asked (`query.py`) and the table on a terminal (the command).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import xlsxwriter

from inode_pipeline.analysis.query import Answer

KM_PER_MILE = 1.609344
_US: tuple[tuple[str, str, Callable[[float], float]], ...] = (
    ("_s_per_km", "_s_per_mi", lambda value: value * KM_PER_MILE),
    ("_kmh", "_mph", lambda value: value / KM_PER_MILE),
    ("_km", "_mi", lambda value: value / KM_PER_MILE),
    ("_m", "_mi", lambda value: value / 1000 / KM_PER_MILE),
)
"""Endings of columns in metric units, what becomes of them, and how; the first that fits counts."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a text for a formula, in the full width of East Asian scripts too."""


def in_us_units(answer: Answer) -> Answer:
    """The same answer in miles and miles an hour; the names of the columns change with their units."""
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
    return Answer(columns, rows)


def shown(value: object) -> object:
    """A value as text and JSON have it: times in ISO 8601, UTC with its offset; numbers and truth as they are."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value


def as_csv(answer: Answer) -> str:
    """Comma-separated, with a header. A text that a spreadsheet would run as a formula gets an apostrophe in front."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(answer.columns)
    writer.writerows([_safe(shown(value)) for value in row] for row in answer.rows)
    return buffer.getvalue()


def as_json(answer: Answer) -> str:
    """A list of objects, one a row."""
    rows = [dict(zip(answer.columns, map(shown, row), strict=True)) for row in answer.rows]
    return json.dumps(rows, ensure_ascii=False, allow_nan=False, indent=1)


def as_xlsx(answer: Answer, citation: str | None) -> bytes:
    """An Excel file: the rows on the first sheet, what to cite on a second. No text becomes a formula or a link.

    Excel knows no time zones, so a time in UTC is written without its offset.
    """
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        formats: dict[type, Any] = {
            datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            date: book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        sheet = book.add_worksheet("answer")
        sheet.write_row(0, 0, answer.columns, book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(answer.rows, start=1):
            for place, value in enumerate(row):
                plain = value.replace(tzinfo=None) if isinstance(value, datetime) else value
                sheet.write(number, place, plain, formats.get(type(plain)))
        if citation is not None:
            book.add_worksheet("citation").write_string(0, 0, citation)
    return buffer.getvalue()


def _safe(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
