"""JSON text that is equal for equal values: keys sorted, no white space, and storable in both databases."""

from __future__ import annotations

from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")


def canonical_json(value: Any) -> str | None:
    """Return a parsed JSON value as text, or None where it holds a NUL or half of a surrogate pair, keys included.

    PostgreSQL stores neither, so SQLite must not either. Integers keep their digits; NaN must not occur.
    """
    try:
        text = _ENCODER.encode(value).decode()
    except UnicodeEncodeError:
        return None
    if "\\u0000" in text and _unstorable(value, "") is not None:
        return None
    return text


def canonical_lines(values: list[Any]) -> list[str]:
    """The same for many objects at once, all of whose texts can be stored."""
    return _ENCODER.encode_lines(values).decode().split("\n")[: len(values)]


def unstorable_path(record: dict[str, Any]) -> str:
    """Return the dotted path of the first text that cannot be stored; an entry of a list has its list's path."""
    return _unstorable(record, "") or ""


def _unstorable(value: object, path: str) -> str | None:
    if isinstance(value, str):
        return path if _is_unstorable(value) else None
    if isinstance(value, list):
        return next((found for item in value if (found := _unstorable(item, path)) is not None), None)
    if isinstance(value, dict):
        for key, item in value.items():
            if _is_unstorable(key):
                return path or "(a field's name)"
            if (found := _unstorable(item, f"{path}.{key}" if path else key)) is not None:
                return found
    return None


def _is_unstorable(text: str) -> bool:
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)
