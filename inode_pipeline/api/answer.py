"""Read the JSON of one page, which nobody has promised us.

`read_answer` tells a page from everything else that a server may send with status 200, and marks the records that
cannot be trusted instead of guessing what they meant. Landed pages are read by the same function.
Keep out: what a field means (`endpoints/`) and where the next page is (`pagination.py`).

A page is read twice as fast by msgspec as by the standard library, but msgspec keeps the last of two equal keys
silently. `_is_as_written` finds that out without looking at a single object: the keys and strings that were kept
must hold as many colons as the whole body does. Every doubtful body is read again, slowly, by `_read_slowly`.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn

import msgspec

from inode_pipeline.api.quote import quoted
from inode_pipeline.errors import ApiContractError, PayloadTooLargeError

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 8_000_000
"""Deeper or longer answers are no pages of records; reading them would only cost memory."""

_BOM: Final = b"\xef\xbb\xbf"
_ALL_BUT_MARKS: Final = bytes(byte for byte in range(256) if byte not in b'[]{}:"')
_ALL_BUT_COLONS: Final = bytes(byte for byte in range(256) if byte != ord(":"))
_CONTRACT_REMEDY: Final = (
    "Check that INODE_BASE_URL is the API's address; if it is, the API has changed: see docs/operations.md."
)


@dataclass(frozen=True, slots=True)
class Flawed:
    """A record that cannot be trusted, and why.

    `value` is what could be read of it without the flaw, so that its id may still be known; None if it is no object.
    `field` is the dotted path of the flaw where it has one.
    """

    reason: str
    value: object
    field: str | None = None


Record = dict[str, Any] | Flawed
"""One record of a page, integers exact and every number finite, or the reason why there is none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one page says. `next` is the server's word, not yet an address that may be asked.

    `count` is the number of records in all pages, None if the server does not tell.
    A `list` is a bare JSON list: the whole answer in one response.
    """

    records: list[Record]
    count: int | None
    next: str | None
    style: Literal["envelope", "list"]


def read_answer(body: bytes) -> Answer:
    """Read one page.

    Raises:
        ApiContractError: it is not JSON, or not a page of records.
        PayloadTooLargeError: it is nested or long beyond every sensible page.

    """
    body = body.removeprefix(_BOM)
    if body.count(b",") > MAX_VALUES:
        raise _too_large(f"more than {MAX_VALUES} values")
    try:
        value = msgspec.json.decode(body)
        is_clean = _is_as_written(body, value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        is_clean = False
    if not is_clean:
        value = _read_slowly(body)
    return _answer(value, is_clean=is_clean)


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


class _Bad:
    """Stands where a value cannot be trusted, until its record is marked."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class _Torn(dict[str, Any]):
    """An object in which a key stood twice. Those keys are gone: neither value is better than the other."""

    twice: str


def _read_slowly(body: bytes) -> object:
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=lambda _: _Bad("a number is not finite"),
            parse_float=_finite,
        )
    except UnicodeDecodeError as problem:
        raise _not_a_page("it is not UTF-8 text") from problem
    except RecursionError:
        raise _too_large("too deeply nested") from None
    except json.JSONDecodeError as problem:
        raise _not_a_page(_not_json(body)) from problem
    except ValueError:
        raise _too_large("a number of thousands of digits") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    times = Counter(key for key, _ in pairs)
    torn = _Torn((key, value) for key, value in pairs if times[key] == 1)
    torn.twice = next(key for key in times if times[key] > 1)
    return torn


def _finite(text: str) -> float | _Bad:
    number = float(text)
    return number if math.isfinite(number) else _Bad("a number is not finite")


def _not_json(body: bytes) -> str:
    text = body.strip()
    if not text:
        return "it is empty"
    return "it is an HTML page" if text.startswith(b"<") else "it is not JSON"


def _answer(value: object, *, is_clean: bool) -> Answer:
    if isinstance(value, list):
        return Answer(_records(value, is_clean=is_clean), None, None, "list")
    if not isinstance(value, dict) or isinstance(value, _Torn):
        raise _not_a_page("a key stands twice" if isinstance(value, _Torn) else f"it is {_shape(value)}")
    results = value.get("results")
    if not isinstance(results, list):
        raise _not_a_page(f"`results` is {_shape(results) if 'results' in value else 'missing'}; {_keys(value)}")
    if "next" not in value:
        raise _not_a_page(f"`next` is missing, so nobody knows whether it is the last page; {_keys(value)}")
    following, count = value["next"], value.get("count")
    if not (following is None or (isinstance(following, str) and following)):
        raise _not_a_page(f"`next` is {_shape(following)}, neither an address nor null")
    if not (count is None or (type(count) is int and count >= 0)):
        raise _not_a_page(f"`count` is {_shape(count)}, not a number of records")
    return Answer(_records(results, is_clean=is_clean), count, following, "envelope")


def _records(values: list[Any], *, is_clean: bool) -> list[Record]:
    if is_clean and all(type(value) is dict for value in values):
        return values
    return [_record(value) for value in values]


def _record(value: object) -> Record:
    if not isinstance(value, dict):
        return Flawed("the record is not an object", None)
    flaws = list(_flaws(value, "", 1))
    if not flaws:
        return value
    reason, field = flaws[0]
    return Flawed(reason, _without_flaws(value), field or None)


def _flaws(value: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Every flaw within a value, with its dotted path."""
    if depth > MAX_DEPTH:
        raise _too_large("too deeply nested")
    if isinstance(value, _Bad):
        yield value.reason, path
    elif isinstance(value, str):
        if flaw := _text_flaw(value):
            yield flaw, path
    elif isinstance(value, dict):
        yield from _object_flaws(value, path, depth)
    elif isinstance(value, list):
        for inner in value:
            yield from _flaws(inner, path, depth + 1)


def _object_flaws(value: dict[str, Any], path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, _Torn):
        yield "a key stands twice", _joined(path, value.twice)
    for key, inner in value.items():
        if flaw := _text_flaw(key):
            yield f"in a key, {flaw}", path
        yield from _flaws(inner, _joined(path, key), depth + 1)


def _joined(path: str, key: str) -> str:
    return f"{path}.{quoted(key)}" if path else quoted(key)


def _text_flaw(text: str) -> str | None:
    """Why no database can be trusted to keep a text; None if it can."""
    if "\0" in text:
        return "a text holds the character NUL"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "a text holds half a surrogate pair"
    return None


def _without_flaws(value: object) -> object:
    """The rest of a record: whatever is doubtful is left out, as if it had not been sent."""
    if isinstance(value, dict):
        return {
            key: _without_flaws(inner)
            for key, inner in value.items()
            if _text_flaw(key) is None and not _is_flaw(inner)
        }
    if isinstance(value, list):
        return [_without_flaws(inner) for inner in value if not _is_flaw(inner)]
    return value


def _is_flaw(value: object) -> bool:
    return isinstance(value, _Bad) or (isinstance(value, str) and _text_flaw(value) is not None)


def _shape(value: object) -> str:
    if isinstance(value, _Bad):
        return "a number that is not finite"
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "a number")


def _keys(value: dict[str, Any]) -> str:
    return f"its keys are {quoted(', '.join(value)) or 'none'}"


def _not_a_page(why: str) -> ApiContractError:
    return ApiContractError(f"The answer is not a page of records: {why}.", remedy=_CONTRACT_REMEDY)


def _too_large(why: str) -> NoReturn:
    raise PayloadTooLargeError(f"The answer is no sensible page: {why}.", remedy=_CONTRACT_REMEDY)
