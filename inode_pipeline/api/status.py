"""What the status of an answer means: good, worth another try, or final."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import httpx

from inode_pipeline.api.quote import quoted
from inode_pipeline.api.retry import Retryable, asked_pause
from inode_pipeline.errors import (
    ApiContractError,
    ApiProtocolError,
    ApiUnavailableError,
    IncompleteWalkError,
    PipelineError,
    RateLimitedError,
)


def raise_if_passing(response: httpx.Response, now: datetime, secrets: Collection[str] | None) -> None:
    """Do nothing if trying again would not help. `secrets` are kept out of what is quoted; None quotes nothing.

    Raises:
        Retryable: the server is throttling or in trouble.

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


def raise_if_no_page(response: httpx.Response, number: int, secrets: Collection[str]) -> None:
    """Do nothing if the answer may be a page.

    Raises:
        IncompleteWalkError: a page after the first is gone, so the pages were cut anew meanwhile.
        ApiContractError: a good status, but no body.
        ApiProtocolError: a refusal that no retry can mend.

    """
    status = response.status_code
    if status != 200:
        raise _final(response, number, quoted(response.content, secrets))


def _final(response: httpx.Response, number: int, text: str) -> PipelineError:
    status, path = response.status_code, response.request.url.path
    quote = f": {text}" if text else "."
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
    if status < 400:
        return ApiContractError(
            f"Page {number} has no content: the server answered {status} to a request for {path}.",
            remedy="Check that INODE_BASE_URL is the API's address.",
        )
    return ApiProtocolError(
        f"The server refused page {number} at {path} ({status}){quote}",
        remedy="Check INODE_BASE_URL, INODE_PAGE_SIZE and INODE_PAGE_SIZE_PARAM.",
    )
