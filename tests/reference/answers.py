"""What of an answer two servers must agree on.

The status, the content type, the headers that a client acts on, and the body word for word, but for what chance
decides: tokens, cursors, the seconds to wait, and the text of a page for people.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

HEADERS = ("Content-Type", "WWW-Authenticate", "Allow", "Location", "Retry-After", "Cache-Control", "Pragma")


def seen(answer: httpx.Response) -> dict[str, Any]:
    """Reduce an answer to what both servers must agree on."""
    headers = {name: answer.headers.get(name) for name in HEADERS}
    if answer.status_code != 405:
        del headers["Allow"]
    if headers["Retry-After"]:
        headers["Retry-After"] = "whole seconds" if headers["Retry-After"].isdigit() else "not seconds"
    return {"status": answer.status_code, "body": body_of(answer), **headers}


def body_of(answer: httpx.Response) -> Any:
    """Reduce a body to what chance does not decide."""
    try:
        body = json.loads(answer.content)
    except ValueError:
        return "HTML" if answer.content else ""
    if not isinstance(body, dict):
        return body
    reduced = {
        name: re.sub(r"\d+ seconds", "N seconds", text) if isinstance(text, str) else text
        for name, text in body.items()
    }
    for way in ("next", "previous"):
        if way in body:
            reduced[way] = next_of(body[way])
    return reduced | {name: "…" for name in ("access_token", "refresh_token") if name in body}


def next_of(address: str | None) -> Any:
    """Reduce an address of another page to its path and query, whose order and cursor are the server's own business."""
    if address is None:
        return None
    parts = urlsplit(address)
    query = sorted((name, "…" if name == "cursor" else value) for name, value in parse_qsl(parts.query))
    return parts.path, query
