"""Read the JSON of one page, which nobody has promised us.

`read_answer` accepts a page of records and refuses everything else that a server may send with status 200.
msgspec reads a page. What it refuses is read again by the standard library, which also takes NaN, infinities and half
surrogate pairs: so one odd value costs its record at most, and what is no JSON at all is named for what it is.
A key that appears twice in an object: the last one counts, as in every JSON library.

Not here: what a field means, see `endpoints/`; where the next page is, see `pagination.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, NotRequired, TypedDict

import msgspec

from inode_pipeline.errors import ApiContractError, PayloadTooLargeError
from inode_pipeline.text import quoted

MAX_VALUES: Final = 8_000_000
"""An answer of more values is no page of records; reading it would only cost memory."""

_BOM: Final = b"\xef\xbb\xbf"
_ALL_DIGITS_ALIKE: Final = bytes.maketrans(b"123456789", b"0" * 9)
_TOO_MANY_DIGITS: Final = b"0" * 4_301
"""Python refuses to read a longer integer."""
_REMEDY: Final = (
    "Check that INODE_BASE_URL is the API's address; if it is, the API has changed: see docs/operations.md."
)

_object_of: Any = TypedDict  # the keys are chosen at run time, where no type checker can follow


@dataclass(frozen=True, slots=True)
class Answer:
    """What one page says. `next` is the server's word, not yet an address that may be asked.

    `records` are as they were sent: each a dict, unless the server sent something else in its place.
    `count` is the number of records in all pages, None if the server does not say.
    A `list` is a bare JSON list without an envelope.
    `is_clean`: every number is finite and every text can be stored by both databases.
    """

    records: Sequence[Any]
    count: int | None
    next: str | None
    style: Literal["envelope", "list"]
    is_clean: bool = True


def read_answer(body: bytes, fields: frozenset[str] | None = None) -> Answer:
    """Read one page. With `fields`, records hold these top-level fields only, and `is_clean` says nothing.

    A page that can be read for some of its fields can be read whole, too.

    Raises:
        ApiContractError: it is not JSON, or not a page of records.
        PayloadTooLargeError: it is nested or long beyond every sensible page.

    """
    body = body.removeprefix(_BOM)
    if body.count(b",") > MAX_VALUES:
        raise _too_large(f"more than {MAX_VALUES} values")
    value = _read_quickly(body, fields)
    if value is not None:
        return _answer(value, is_clean=b"\\u0000" not in body)
    return _answer(_read_by_the_standard_library(body), is_clean=False)


def _read_quickly(body: bytes, fields: frozenset[str] | None) -> object:
    """The page's JSON value; None where anything about it needs a closer look."""
    page, bare_list = _decoders(fields)
    try:
        if fields is not None:  # the decoder looks at neither in the fields that it skips
            body.decode()
            if _TOO_MANY_DIGITS in body.translate(_ALL_DIGITS_ALIKE):
                return None
        return bare_list.decode(body) if body.lstrip()[:1] == b"[" else page.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


@cache
def _decoders(fields: frozenset[str] | None) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]:
    """Decoders of an envelope and of a bare list; both refuse records that are no objects."""
    record: Any = dict[str, Any] if fields is None else _object_of("Record", dict.fromkeys(fields, Any), total=False)
    page = _object_of("Page", {"results": list[record], "next": Any, "count": NotRequired[Any]})
    return msgspec.json.Decoder(page), msgspec.json.Decoder(list[record])


def _read_by_the_standard_library(body: bytes) -> object:
    try:
        return json.loads(body.decode())
    except UnicodeDecodeError as problem:
        raise _not_a_page("it is not UTF-8 text") from problem
    except RecursionError:
        raise _too_large("too deeply nested") from None
    except json.JSONDecodeError as problem:
        raise _not_a_page(_not_json(body)) from problem
    except ValueError:
        raise _too_large("a number of thousands of digits") from None


def _answer(value: object, *, is_clean: bool) -> Answer:
    if isinstance(value, list):
        return Answer(value, None, None, "list", is_clean)
    if not isinstance(value, dict):
        raise _not_a_page(f"it is {_shape(value)}")
    results = value.get("results")
    if not isinstance(results, list):
        raise _not_a_page(f"`results` is {_shape(results) if 'results' in value else 'missing'}; {_keys(value)}")
    if "next" not in value:
        raise _not_a_page(f"`next` is missing, so nobody knows whether it is the last page; {_keys(value)}")
    following, count = value["next"], _whole_number(value.get("count"))
    if not (following is None or (isinstance(following, str) and following and _is_text(following))):
        raise _not_a_page(f"`next` is {_shape(following)}, neither an address nor null")
    if not (count is None or (type(count) is int and count >= 0)):
        raise _not_a_page(f"`count` is {_shape(count)}, not a number of records")
    return Answer(results, count, following, "envelope", is_clean)


def _whole_number(value: object) -> object:
    """A count that is written as 250.0 is 250."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_text(text: str) -> bool:
    """Whether a text is made of whole characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _shape(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "a number")


def _keys(value: dict[str, Any]) -> str:
    return f"its keys are {quoted(', '.join(value)) or 'none'}"


def _not_json(body: bytes) -> str:
    text = body.strip()
    if not text:
        return "it is empty"
    return "it is an HTML page" if text.startswith(b"<") else "it is not JSON"


def _not_a_page(why: str) -> ApiContractError:
    return ApiContractError(f"The answer is not a page of records: {why}.", remedy=_REMEDY)


def _too_large(why: str) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"The answer is no sensible page: {why}.", remedy=_REMEDY)
