"""From bytes to values: JSON as it is written, or the places where it cannot be trusted.

A page is read twice as fast by msgspec as by the standard library, but msgspec keeps the last of two equal keys
silently. `_is_as_written` finds that out without looking at a single object: the keys and texts that were kept must
hold as many colons as the whole body does. Every doubtful body is read again, slowly, by `_read_slowly`.
Keep out: what a page looks like (`answer.py`).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from inode_pipeline.api.quote import quoted
from inode_pipeline.errors import ApiContractError, PayloadTooLargeError

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 8_000_000
"""Deeper or longer answers are no pages of records; reading them would only cost memory."""

_BOM: Final = b"\xef\xbb\xbf"
_ALL_BUT_MARKS: Final = bytes(byte for byte in range(256) if byte not in b'[]{}:"')
_ALL_BUT_COLONS: Final = bytes(byte for byte in range(256) if byte != ord(":"))
_REMEDY: Final = (
    "Check that INODE_BASE_URL is the API's address; if it is, the API has changed: see docs/operations.md."
)


def decode(body: bytes) -> tuple[object, bool]:
    """The JSON value of a body, and whether it is as written; if not, `Bad` and `Torn` stand where it is doubtful.

    Raises:
        ApiContractError: it is not JSON.
        PayloadTooLargeError: it is nested or long beyond every sensible page.

    """
    body = body.removeprefix(_BOM)
    if body.count(b",") > MAX_VALUES:
        raise _too_large(f"more than {MAX_VALUES} values")
    try:
        value = msgspec.json.decode(body)
        if _is_as_written(body, value):
            return value, True
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass  # the slow way finds out what is wrong
    return _read_slowly(body), False


def _is_as_written(body: bytes, value: object) -> bool:
    """Whether the body holds no key twice and no NUL.

    A colon stands in JSON after each key and within texts. Written anew, `value` holds those that were kept. With no
    colon written as an escape, both numbers agree only if nothing was dropped.

    Raises:
        PayloadTooLargeError: it is too deeply nested.

    """
    has_escape = b"\\" in body  # rare, and quickly found out
    if has_escape and (b"\\u0000" in body or b"\\u003" in body):
        return False
    marks = body.translate(None, _ALL_BUT_MARKS)
    has_quote = has_escape and b'\\"' in body
    if (has_quote or not _is_surely_shallow(marks)) and _is_deep(value):
        raise _too_large("too deeply nested")
    return marks.count(b":") == msgspec.json.encode(value).translate(None, _ALL_BUT_COLONS).count(b":")


def _is_surely_shallow(marks: bytes) -> bool:
    """Whether the brackets close each other within the depth allowed, and none of them stands in a text.

    Without an escaped quote, quotes only begin and end texts; those that hold no bracket leave two quotes side by side.
    """
    brackets = marks.translate(None, b":").replace(b'""', b"")
    if b'"' in brackets:
        return False
    for _ in range(MAX_DEPTH):
        if not brackets:
            return True
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


class Bad:
    """Stands where a value cannot be trusted, until its record is marked."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Torn(dict[str, Any]):
    """An object in which a key stood twice. Those keys are gone: neither value is better than the other."""

    twice: str


def _read_slowly(body: bytes) -> object:
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=lambda _: Bad("a number is not finite"),
            parse_float=_finite,
        )
    except UnicodeDecodeError as problem:
        raise not_a_page("it is not UTF-8 text") from problem
    except RecursionError:
        raise _too_large("too deeply nested") from None
    except json.JSONDecodeError as problem:
        raise not_a_page(_not_json(body)) from problem
    except ValueError:
        raise _too_large("a number of thousands of digits") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    times = Counter(key for key, _ in pairs)
    torn = Torn((key, value) for key, value in pairs if times[key] == 1)
    torn.twice = next(key for key in times if times[key] > 1)
    return torn


def _finite(text: str) -> float | Bad:
    number = float(text)
    return number if math.isfinite(number) else Bad("a number is not finite")


def _not_json(body: bytes) -> str:
    text = body.strip()
    if not text:
        return "it is empty"
    return "it is an HTML page" if text.startswith(b"<") else "it is not JSON"


def flaws(value: object, path: str = "", depth: int = 1) -> Iterator[tuple[str, str]]:
    """Every flaw within a value, with its dotted path."""
    if depth > MAX_DEPTH:
        raise _too_large("too deeply nested")
    if isinstance(value, Bad):
        yield value.reason, path
    elif isinstance(value, str):
        if flaw := text_flaw(value):
            yield flaw, path
    elif isinstance(value, dict):
        yield from _object_flaws(value, path, depth)
    elif isinstance(value, list):
        for inner in value:
            yield from flaws(inner, path, depth + 1)


def _object_flaws(value: dict[str, Any], path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, Torn):
        yield "a key stands twice", _joined(path, value.twice)
    for key, inner in value.items():
        if flaw := text_flaw(key):
            yield f"in a key, {flaw}", path
        yield from flaws(inner, _joined(path, key), depth + 1)


def _joined(path: str, key: str) -> str:
    return f"{path}.{quoted(key)}" if path else quoted(key)


def text_flaw(text: str) -> str | None:
    """Why no database can be trusted to keep a text; None if it can."""
    if "\0" in text:
        return "a text holds the character NUL"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "a text holds half a surrogate pair"
    return None


def without_flaws(value: object) -> object:
    """The rest of a record: whatever is doubtful is left out, as if it had not been sent."""
    if isinstance(value, dict):
        return {
            key: without_flaws(inner) for key, inner in value.items() if text_flaw(key) is None and not _is_flaw(inner)
        }
    if isinstance(value, list):
        return [without_flaws(inner) for inner in value if not _is_flaw(inner)]
    return value


def _is_flaw(value: object) -> bool:
    return isinstance(value, Bad) or (isinstance(value, str) and text_flaw(value) is not None)


def not_a_page(why: str) -> ApiContractError:
    """The error for an answer of another shape."""
    return ApiContractError(f"The answer is not a page of records: {why}.", remedy=_REMEDY)


def _too_large(why: str) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"The answer is no sensible page: {why}.", remedy=_REMEDY)
