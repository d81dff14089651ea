"""Interpret a response: its status (good, retryable or final) and the JSON of a page.

`read_answer` accepts a page of records and refuses everything else that a server may send with status 200.
It reads the page with msgspec and, if msgspec refuses it, again with the standard library, which also accepts NaN,
infinities and half surrogate pairs. So an odd value affects at most its own record, and the error says what the body is
if it is not JSON. If a key appears twice in an object, the last one counts.

Not here: field semantics, see `endpoints/`; the address of the next page, see `pagination.py`.
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

from inode_pipeline.api.retry import Retryable, requested_pause
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
"""An answer with more values is not a page of records, and reading it would exhaust the memory."""

_BOM: Final = b"\xef\xbb\xbf"
_ALL_DIGITS_ALIKE: Final = bytes.maketrans(b"123456789", b"0" * 9)
_TOO_MANY_DIGITS: Final = b"0" * 4_301
"""Python refuses to read a longer integer."""
_REMEDY: Final = (
    "Check that INODE_BASE_URL is the API's address; if it is, the API has changed: see docs/operations.md."
)

PREFIX_REMEDY: Final = (
    "Something between this machine and the API changes its paths: ask its operator to keep the path prefix, or set "
    "INODE_BASE_URL to the API's own address."
)

_GOOD: Final = (200, 203)
"""203 is a 200 modified by a proxy. If that damages a page, it does not parse or its count is wrong."""

_typed_dict: Any = TypedDict  # the keys are only known at run time


@dataclass(frozen=True, slots=True)
class Answer:
    """The content of one page. `next` is as the server sent it and must be checked before it is requested.

    `records` are as sent, normally dicts; `count` is the number of records in all pages, None if the server does not
    say. The style `list` is a bare JSON list without an envelope.
    `is_clean`: every number is finite and every text can be stored by both databases.
    """

    records: Sequence[Any]
    count: int | None
    next: str | None
    style: Literal["envelope", "list"]
    is_clean: bool = True


def read_answer(body: bytes, fields: frozenset[str] | None = None) -> Answer:
    """Read one page. With `fields`, records have only these top-level fields, and `is_clean` is not reliable.

    A page that can be read with `fields` can also be read without.

    Raises:
        ApiContractError: it is not JSON, or not a page of records.
        PayloadTooLargeError: it is too deeply nested or too long to be a page.

    """
    body = body.removeprefix(_BOM)
    if body.count(b",") > MAX_VALUES:
        raise _too_large_error(f"more than {MAX_VALUES} values")
    value = _read_with_msgspec(body, fields)
    if value is not None:
        return _answer(value, is_clean=b"\\u0000" not in body)
    return _answer(_read_with_json(body), is_clean=False)


def _read_with_msgspec(body: bytes, fields: frozenset[str] | None) -> object:
    """The page's JSON value; None if it must be read with the standard library."""
    page, bare_list = _decoders(fields)
    try:
        if fields is not None:  # in the fields that it skips, msgspec checks neither UTF-8 nor the length of numbers
            body.decode()
            if _TOO_MANY_DIGITS in body.translate(_ALL_DIGITS_ALIKE):
                return None
        return bare_list.decode(body) if body.lstrip()[:1] == b"[" else page.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


@cache
def _decoders(fields: frozenset[str] | None) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]:
    """Decoders of an envelope and of a bare list; both refuse records that are not objects."""
    record: Any = dict[str, Any] if fields is None else _typed_dict("Record", dict.fromkeys(fields, Any), total=False)
    page = _typed_dict("Page", {"results": list[record], "next": Any, "count": NotRequired[Any]})
    return msgspec.json.Decoder(page), msgspec.json.Decoder(list[record])


def _read_with_json(body: bytes) -> object:
    try:
        return json.loads(body.decode())
    except UnicodeDecodeError as problem:
        raise _not_a_page_error("it is not UTF-8 text") from problem
    except RecursionError:
        raise _too_large_error("too deeply nested") from None
    except json.JSONDecodeError as problem:
        raise _not_a_page_error(f"it {_not_json(body)}") from problem
    except ValueError:
        raise _too_large_error("a number of thousands of digits") from None


def _answer(value: object, *, is_clean: bool) -> Answer:
    if isinstance(value, list):
        return Answer(value, None, None, "list", is_clean)
    if not isinstance(value, dict):
        raise _not_a_page_error(f"it is {_type_name(value)}")
    results = value.get("results")
    if not isinstance(results, list):
        raise _not_a_page_error(
            f"`results` is {_type_name(results) if 'results' in value else 'missing'}; {_keys(value)}"
        )
    if "next" not in value:
        raise _not_a_page_error(f"`next` is missing, so it is unknown whether this is the last page; {_keys(value)}")
    following, count = value["next"], _whole_number(value.get("count"))
    if not (following is None or (isinstance(following, str) and following and _is_text(following))):
        raise _not_a_page_error(f"`next` is {_type_name(following)}, neither an address nor null")
    if not (count is None or (type(count) is int and count >= 0)):
        raise _not_a_page_error(f"`count` is {_type_name(count)}, not a number of records")
    return Answer(results, count, following, "envelope", is_clean)


def _whole_number(value: object) -> object:
    """Accept a count written as 250.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_text(text: str) -> bool:
    """Whether a text contains neither NUL nor half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _type_name(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "a number")


def _keys(value: dict[str, Any]) -> str:
    return f"its keys are {quoted(', '.join(value)) or 'none'}"


def _not_json(body: bytes) -> str:
    text = body.strip()
    return "is empty" if not text else "is an HTML page" if text.startswith(b"<") else "is not JSON"


def _not_a_page_error(why: str) -> ApiContractError:
    return ApiContractError(f"The answer is not a page of records: {why}.", remedy=_REMEDY)


def _too_large_error(why: str) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"The answer is not a plausible page: {why}.", remedy=_REMEDY)


def raise_if_transient(response: httpx.Response, now: datetime, secrets: Collection[str] | None) -> None:
    """Raise if the server throttles or fails. `secrets` are never quoted; with None, nothing is quoted.

    Raises:
        Retryable: the status is 429 or 5xx.

    """
    status, path = response.status_code, response.request.url.path
    if status == 429:
        limited = RateLimitedError(
            f"The server throttles requests to {path} (429).",
            remedy="Try again later; if it happens often, lower INODE_CONCURRENCY or sync less often.",
        )
        raise Retryable(limited, asked_s=requested_pause(response.headers, now))
    if status >= 500:
        text = "" if secrets is None else quoted(response.content, secrets)
        unavailable = ApiUnavailableError(
            f"The server answered {status} to a request for {path}" + (f": {text}" if text else "."),
            remedy="Try again later; if it persists, ask the API's support.",
        )
        raise Retryable(unavailable, asked_s=requested_pause(response.headers, now))


def damage_of(body: bytes, *, is_api: bool) -> str | None:
    """How the body of a good answer was damaged in transit; None if it was not.

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
    """The error for a good status with a damaged body, which is retried like a 503."""
    return Retryable(
        ApiUnavailableError(
            f"{what} {how} on every attempt, although the status is good.",
            remedy="Try again later: a server in maintenance does this. If it persists, look for a proxy between this "
            "machine and the API that truncates or replaces answers.",
        )
    )


def raise_if_no_page(response: httpx.Response, number: int, first_path: str, secrets: Collection[str]) -> None:
    """Raise if a response cannot be a page. `first_path` is the path of page 1.

    Raises:
        IncompleteWalkError: a page after the first is gone, so the list has changed meanwhile.
        ForeignUrlError: a page after the first is not found, and its path differs from that of page 1.
        ApiContractError: the status is good, but there is no body.
        ApiProtocolError: the server refuses the request, and a retry cannot help.

    """
    if response.status_code not in _GOOD:
        raise _final_error(response, number, first_path, quoted(response.content, secrets))


def _final_error(response: httpx.Response, number: int, first_path: str, text: str) -> PipelineError:
    status, path = response.status_code, response.request.url.path
    quote = f": {text}" if text else "."
    if status == 404 and number > 1 and path != first_path:
        return ForeignUrlError(
            f"Page {number} does not exist (404): the API names {response.request.url.copy_with(query=None)}, "
            f"but page 1 is at {response.request.url.copy_with(query=None, path=first_path)} under INODE_BASE_URL.",
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
            remedy="Check INODE_BASE_URL; v1/links/ must be under it.",
        )
    if status == 206:
        return ApiContractError(
            f"Only a part of page {number} came: the server answered 206 to a request for all of {path}.",
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
