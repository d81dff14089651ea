"""Texts, numbers and counts: which JSON values they are read from, and which values can be stored.

Each reader takes the raw values of a column (None: no data) and returns the typed ones with the rows that could not be
read and why. A reason never holds the value.
JSON that is kept is written in a canonical form, equal for equal values: keys sorted, no white space, integers exact.
What no database can store (NaN, an infinity, a NUL, half of a surrogate pair) is left out and counted.
Not here: times, see `times.py`; geometries, see `geometry.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from inode_pipeline.endpoints.endpoint import Column
from inode_pipeline.endpoints.record import key_text

NoneType = type(None)
Typed = tuple[list[Any], dict[int, str]]

EXACT = 2**53
"""Above this integer, doubles are more than 1 apart."""

FINEST = Decimal("1e-9")
"""A double must be within a billionth of the number sent, or rounding would change it."""

INT64_MAX = 2**63 - 1

UNSTORABLE = "a text with a NUL or half of a surrogate pair"
NOT_FINITE = "a number that is not finite"

_CANONICAL = msgspec.json.Encoder(order="sorted")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_LONGEST = 400


class UnreadableError(Exception):
    """A value cannot become the column's type; the message is the reason. Never leaves this package."""


def read_each(values: list[Any], read: Callable[[Any], Any]) -> Typed:
    """Read value by value; None stays None."""
    typed: list[Any] = []
    reasons: dict[int, str] = {}
    for row, value in enumerate(values):
        try:
            typed.append(None if value is None else read(value))
        except UnreadableError as reason:
            reasons[row] = str(reason)
            typed.append(None)
    return typed, reasons


def read_keys(values: list[Any]) -> Typed:
    """Read the keys: an integer's digits, or the string itself. A missing key is a fault, too."""
    if set(map(type, values)) == {int} and max(map(abs, values)) < EXACT:
        return list(map(str, values)), {}
    typed = [key_text(value) for value in values]
    return typed, {row: _key_reason(values[row]) for row, key in enumerate(typed) if key is None}


def _key_reason(value: object) -> str:
    if value is None:
        return "the record has no such field, or it is null"
    if isinstance(value, str):
        return "an empty text" if not value else "a text with control characters or half of a surrogate pair"
    return "neither an integer nor a text" if not isinstance(value, int) or isinstance(value, bool) else "too long"


def read_texts(values: list[Any]) -> Typed:
    """Read texts: a string as it is, an integer as its digits. A fraction or true has no canonical text."""
    types = set(map(type, values))
    if types <= {str, NoneType} and is_storable_text("".join(filter(None, values))):
        return values, {}
    if types == {int} and min(values) > -EXACT and max(values) < EXACT:
        return list(map(str, values)), {}
    return read_each(values, _text)


def _text(value: object) -> str:
    if isinstance(value, str):
        if not is_storable_text(value):
            raise UnreadableError(UNSTORABLE)
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if key := key_text(value):
            return key
        raise UnreadableError("an integer too long to be a text")
    raise UnreadableError("neither a text nor an integer")


def is_storable_text(text: str) -> bool:
    """Whether both databases can store a text: it has neither a NUL nor half of a surrogate pair."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_doubles(column: Column, values: list[Any]) -> Typed:
    """Read measures, numbers or numbers in strings, and convert them to the warehouse's unit.

    A measure with a unit cannot be negative, unless the field map says that the value means no data.
    """
    factor = column.factor
    may_be_negative = column.unit is None

    def read(value: object) -> float:
        number = _double(value)
        if number < 0 and not may_be_negative:
            raise UnreadableError("negative; if it stands for no data, list it in null_values of the field map")
        converted = number * factor
        if not math.isfinite(converted):
            raise UnreadableError("a number too large for a double")
        return converted + 0.0  # no negative zero, which equals zero but prints differently

    return _simple_doubles(values, factor, may_be_negative=may_be_negative) or read_each(values, read)


def _simple_doubles(values: list[Any], factor: float, *, may_be_negative: bool) -> Typed | None:
    """Convert a column of plain JSON numbers at once; None where a value needs a closer look."""
    if not set(map(type, values)) <= {float, int, NoneType}:
        return None
    numbers = [value for value in values if value is not None]
    if not numbers:
        return values, {}
    lowest, highest = min(numbers), max(numbers)
    if max(-lowest, highest) >= EXACT or (lowest < 0 and not may_be_negative) or _has_nan(numbers):
        return None
    return [None if value is None else value * factor + 0.0 for value in values], {}


def _has_nan(numbers: list[float]) -> bool:
    """Whether one is NaN, or the sum overflows so that this cannot be seen."""
    try:
        return math.isnan(math.fsum(numbers))
    except (OverflowError, ValueError):
        return True


def _double(value: object) -> float:
    if isinstance(value, str):
        text = number_text(value)
        number = float(text)
        if len(text) > 15 and abs(number) < EXACT and abs(Decimal(text) - Decimal(number)) > FINEST:
            raise UnreadableError("a number with more digits than a double holds")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _require_finite(value)
        if abs(value) >= EXACT:
            raise UnreadableError("a number too large to be held exactly")
        number = float(value)
    else:
        raise UnreadableError("not a number")
    if not abs(number) < EXACT:
        raise UnreadableError("a number too large to be held exactly")
    return number


def _require_finite(number: float) -> None:
    if isinstance(number, float) and not math.isfinite(number):
        raise UnreadableError(NOT_FINITE)


def number_text(value: str) -> str:
    """Return the number in a string without surrounding blanks, as JSON writes it (a sign and .5 are allowed).

    Raises: UnreadableError, if it is not a number: nan, 0x10, 1_000 and 12,5 are not.
    """
    text = value.strip(" \t\r\n")
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        raise UnreadableError("a text that is not a number" if text else "an empty text; null_values can make it NULL")
    return text


def read_counts(values: list[Any]) -> Typed:
    """Read counts: integers, also as strings or with a fraction of zero (12.0), from 0 to 2^63 - 1."""
    types = set(map(type, values))
    if types <= {int, NoneType}:
        numbers = [value for value in values if value is not None] if NoneType in types else values
        if not numbers or (min(numbers) >= 0 and max(numbers) <= INT64_MAX):
            return values, {}
    return read_each(values, _count)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnreadableError("not a number")
    if not isinstance(value, str):
        _require_finite(value)
    if isinstance(value, float) and abs(value) >= EXACT:
        raise UnreadableError("a number too large to be held exactly")
    number = Decimal(number_text(value)) if isinstance(value, str) else value
    if not -1 <= number <= INT64_MAX:
        raise UnreadableError("negative or beyond 2^63" if number < 0 else "beyond 2^63")
    if number != int(number):
        raise UnreadableError("a number with a fraction")
    if number < 0:
        raise UnreadableError("negative; if it stands for no data, list it in null_values of the field map")
    return int(number)


def canonical_lines(values: Sequence[Mapping[str, object]]) -> list[str]:
    """Return storable objects as JSON texts."""
    return _CANONICAL.encode_lines(values).decode().split("\n")[: len(values)]


def canonical_json(value: Any) -> str | None:
    """Return a parsed JSON value as text, or None if part of it cannot be stored."""
    return _CANONICAL.encode(value).decode() if is_storable(value) else None


def is_storable(value: object) -> bool:
    """Whether both databases can store a value: finite numbers, and texts without a NUL or half of a surrogate pair."""
    if isinstance(value, str):
        return is_storable_text(value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(is_storable_text(key) and is_storable(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return all(map(is_storable, value))
    return True


def leave_out_unstorable(record: dict[str, Any]) -> int:
    """Remove the fields of an object that cannot be stored, a list as a whole; return how many."""
    removed = 0
    for key, value in list(record.items()):
        if isinstance(value, dict) and is_storable_text(key):
            removed += leave_out_unstorable(value)
        elif not (is_storable_text(key) and is_storable(value)):
            del record[key]
            removed += 1
    return removed


def without_unstorable_names(records: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """The records without fields whose names cannot be stored, and how many these were."""
    removed = 0

    def cleaned(value: dict[str, Any]) -> dict[str, Any]:
        nonlocal removed
        kept = {key: inner for key, inner in value.items() if is_storable_text(key)}
        removed += len(value) - len(kept)
        return {key: cleaned(inner) if isinstance(inner, dict) else inner for key, inner in kept.items()}

    return [cleaned(record) for record in records], removed
