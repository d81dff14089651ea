"""What a response means: its status (good, worth another try, or final) and the JSON of a page.

`read_answer` accepts a page of records and refuses everything else that a server may send with status 200.
msgspec reads a page. What it refuses is read again by the standard library, which also accepts NaN, infinities and half
surrogate pairs: so one odd value costs its record at most, and an error can say what the body is if it is not JSON.
A key that appears twice in an object: the last one counts, as in every JSON library.

Not here: what a field means, see `endpoints/`; where the next page is, see `pagination.py`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal, NotRequired, TypedDict

import httpx
import msgspec

from inode_pipeline.api.retry import Retryable, asked_pause
from inode_pipeline.errors import (
    ApiContractError,
    ApiProtocolError,
    ApiUnavailableError,
    ForeignUrlError,
    IncompleteWalkError,
    PayloadTooLargeError,
    PipelineError,
    RateLimitedError,
)
from inode_pipeline.text import quoted

MAX_VALUES: Final = 8_000_000
"""An answer with more values is no page of records; reading it would only cost memory."""

_BOM: Final = b"\xef\xbb\xbf"
_ALL_DIGITS_ALIKE: Final = bytes.maketrans(b"123456789", b"0" * 9)
_TOO_MANY_DIGITS: Final = b"0" * 4_301
"""Python refuses to read a longer integer."""
_REMEDY: Final = (
    "Check that INODE_BASE_URL is the API's address; if it is, the API has changed: see docs/operations.md."
)

PREFIX_REMEDY: Final = (
    "Something between this machine and the API changes its paths: ask its operator to keep the path prefix, or set "
    "INODE_BASE_URL to the address by which the API knows itself."
)

_GOOD: Final = (200, 203)
"""203 is a 200 changed by a proxy; a damaged page does not parse, or its count is wrong."""

_object_of: Any = TypedDict  # the keys are chosen at run time, where no type checker can follow


@dataclass(frozen=True, slots=True)
class Answer:
    """The content of one page. `next` is as the server sent it, not yet an address that may be requested.

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
        if fields is not None:  # the decoder checks neither in the fields that it skips
            body.decode()
            if _TOO_MANY_DIGITS in body.translate(_ALL_DIGITS_ALIKE):
                return None
        return bare_list.decode(body) if body.lstrip()[:1] == b"[" else page.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


@cache
def _decoders(fields: frozenset[str] | None) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]:
    """Decoders of an envelope and of a bare list; both refuse records that are not objects."""
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
        raise _not_a_page(f"it {_not_json(body)}") from problem
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
        raise _not_a_page(f"`next` is missing, so it is unknown whether this is the last page; {_keys(value)}")
    following, count = value["next"], _whole_number(value.get("count"))
    if not (following is None or (isinstance(following, str) and following and _is_text(following))):
        raise _not_a_page(f"`next` is {_shape(following)}, neither an address nor null")
    if not (count is None or (type(count) is int and count >= 0)):
        raise _not_a_page(f"`count` is {_shape(count)}, not a number of records")
    return Answer(results, count, following, "envelope", is_clean)


def _whole_number(value: object) -> object:
    """A count written as 250.0 is 250."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_text(text: str) -> bool:
    """Whether a text holds no NUL and no half surrogate pair."""
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
    return "is empty" if not text else "is an HTML page" if text.startswith(b"<") else "is not JSON"


def _not_a_page(why: str) -> ApiContractError:
    return ApiContractError(f"The answer is not a page of records: {why}.", remedy=_REMEDY)


def _too_large(why: str) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"The answer is not a plausible page: {why}.", remedy=_REMEDY)


def raise_if_transient(response: httpx.Response, now: datetime, secrets: Collection[str] | None) -> None:
    """Pass a response for which retrying would not help. `secrets` are never quoted; None quotes nothing at all.

    Raises:
        Retryable: the server throttles or fails.

    """
    status, path = response.status_code, response.request.url.path
    if status == 429:
        limited = RateLimitedError(
            f"The server throttles requests to {path} (429).",
            remedy="Try again later; if it happens often, lower INODE_CONCURRENCY or sync less often.",
        )
        raise Retryable(limited, asked_s=asked_pause(response.headers, now))
    if status >= 500:
        text = "" if secrets is None else quoted(response.content, secrets)
        unavailable = ApiUnavailableError(
            f"The server answered {status} to a request for {path}" + (f": {text}" if text else "."),
            remedy="Try again later; if it persists, ask the API's support.",
        )
        raise Retryable(unavailable, asked_s=asked_pause(response.headers, now))


def damage_of(body: bytes, *, is_api: bool) -> str | None:
    """How something between here and the API has damaged the body of a good answer; None if it has not.

    `is_api`: this address has sent good JSON before, so an HTML page means maintenance, not a wrong address.
    """
    text = body.removeprefix(_BOM).strip()
    try:
        json.loads(text.decode(errors="replace"))
    except json.JSONDecodeError:
        if text[:1] in (b"{", b"["):
            return f"breaks off or is damaged within its JSON ({len(body)} bytes)"
        return _not_json(text) if is_api else None
    except (ValueError, RecursionError):
        return None
    return None


def damaged(what: str, how: str) -> Retryable:
    """The error for a good status with a damaged body: worth another try, as a 503 is."""
    return Retryable(
        ApiUnavailableError(
            f"{what} {how} on every attempt, although the status is good.",
            remedy="Try again later: a server in maintenance does this. If it persists, look for a proxy between this "
            "machine and the API that cuts or replaces answers.",
        )
    )


def raise_if_no_page(response: httpx.Response, number: int, first_path: str, secrets: Collection[str]) -> None:
    """Pass a response that may be a page. `first_path` is where page 1 came from.

    Raises:
        IncompleteWalkError: a page after the first is gone, so the list has changed meanwhile.
        ForeignUrlError: the same, but the address has another path than page 1.
        ApiContractError: a good status, but no body.
        ApiProtocolError: a refusal that no retry can change.

    """
    if response.status_code not in _GOOD:
        raise _final(response, number, first_path, quoted(response.content, secrets))


def _final(response: httpx.Response, number: int, first_path: str, text: str) -> PipelineError:
    status, path = response.status_code, response.request.url.path
    quote = f": {text}" if text else "."
    if status == 404 and number > 1 and path != first_path:
        return ForeignUrlError(
            f"Page {number} is not there (404): the API leads to {response.request.url.copy_with(query=None)}, "
            f"and page 1 came from {response.request.url.copy_with(query=None, path=first_path)} by INODE_BASE_URL.",
            remedy=PREFIX_REMEDY,
        )
    if status == 404 and number > 1:
        return IncompleteWalkError(
            f"Page {number} was announced and is gone (404): records were deleted meanwhile.",
            remedy="Try again, at a quieter time.",
        )
    if status == 404:
        what = "it sent an HTML page" if b"<" in response.content[:200] else "it has no such address"
        return ApiProtocolError(
            f"{response.request.url.copy_with(query=None)} is not this API: {what} (404){quote}",
            remedy="Check INODE_BASE_URL; v1/links/ must lie under it.",
        )
    if status == 206:
        return ApiContractError(
            f"Page {number} came in part only: the server answered 206 to a request for {path}, which asked for the "
            "whole.",
            remedy="Look for a cache or proxy between this machine and the API; if there is none, report it to the "
            "API's support.",
        )
    if status < 400:
        return ApiContractError(
            f"Page {number} has no content: the server answered {status} to a request for {path}.",
            remedy="Check that INODE_BASE_URL is the API's address.",
        )
    return ApiProtocolError(
        f"The server refused page {number} at {path} ({status}){quote}",
        remedy="Check INODE_BASE_URL, INODE_PAGE_SIZE and INODE_PAGE_SIZE_PARAM.",
    )
