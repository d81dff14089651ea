"""What the status of an answer means: good, worth another try, or final."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Final

import httpx

from inode_pipeline.api.pagination import PREFIX_REMEDY
from inode_pipeline.api.retry import Retryable, asked_pause
from inode_pipeline.errors import (
    ApiContractError,
    ApiProtocolError,
    ApiUnavailableError,
    ForeignUrlError,
    IncompleteWalkError,
    PipelineError,
    RateLimitedError,
)
from inode_pipeline.text import quoted

_GOOD: Final = (200, 203)
"""203 is a 200 that a proxy has had in its hands; a page that it has changed does not parse or does not count up."""


def raise_if_transient(response: httpx.Response, now: datetime, secrets: Collection[str] | None) -> None:
    """Do nothing if trying again would not help. `secrets` are kept out of what is quoted; None quotes nothing.

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
            remedy="Try again later; if it stays, ask the API's support.",
        )
        raise Retryable(unavailable, asked_s=asked_pause(response.headers, now))


def damage_of(body: bytes, *, is_api: bool) -> str | None:
    """How something between here and the API has damaged the body of a good answer; None if it has not.

    `is_api`: this address has sent good JSON before, so that a page for people means maintenance, not a wrong address.
    """
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if text[:1] in (b"{", b"["):
        try:
            json.loads(text.decode(errors="replace"))
        except json.JSONDecodeError:
            return f"breaks off or is damaged within its JSON ({len(body)} bytes)"
        except (ValueError, RecursionError):
            return None
        return None
    if not is_api or _is_json(text):
        return None
    return "is empty" if not text else "is an HTML page" if text.startswith(b"<") else "is no JSON"


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def damaged(what: str, how: str) -> Retryable:
    """A good status with an answer that is none: worth another try, as a 503 is."""
    return Retryable(
        ApiUnavailableError(
            f"{what} {how}, every time, although the status is good.",
            remedy="Try again later: a server in maintenance does this. If it stays, look for a proxy between this "
            "machine and the API that cuts or replaces answers.",
        )
    )


def raise_if_no_page(response: httpx.Response, number: int, first_path: str, secrets: Collection[str]) -> None:
    """Do nothing if the answer may be a page. `first_path` is where page 1 came from.

    Raises:
        IncompleteWalkError: a page after the first is gone, so the pages were cut anew meanwhile.
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
        what = "a page for people" if b"<" in response.content[:200] else "no such address"
        return ApiProtocolError(
            f"{response.request.url.copy_with(query=None)} is not this API: the server knows {what} (404){quote}",
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
