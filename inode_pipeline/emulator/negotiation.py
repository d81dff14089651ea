"""Which form an answer takes, and what the framework's own answers look like.

As Django REST framework negotiates with its two default renderers, JSON and the browsable page, and as Django answers
where no view is reached. Keep out: the answers of the token endpoint, which negotiates nothing (`token_endpoint.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from starlette.responses import Response

from inode_pipeline.emulator.listing import as_json

Form = Literal["json", "html"]

ALLOWED = "GET, HEAD, OPTIONS"
_HTML = "text/html; charset=utf-8"
_MEDIA_TYPES: dict[Form, tuple[str, str]] = {"json": ("application", "json"), "html": ("text", "html")}


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - an answer, not a fault of the emulator
    """An answer of the framework instead of the view's: a status and `{"detail": ...}`."""

    status: int
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)


def negotiate(accept: str | None, format_: str | None) -> Form:
    """The form to answer in; raises `Refusal` 404 for an unknown `?format=` and 406 where nothing fits."""
    forms: tuple[Form, ...] = ("json", "html")
    if format_:
        forms = tuple(form for form in forms if format_ == {"json": "json", "html": "api"}[form])
        if not forms:
            raise Refusal(404, "Not found.")
    by_precision: dict[int, list[tuple[str, str]]] = {}
    for token in (accept or "*/*").split(","):
        main, sub, precision = _media_range(token)
        by_precision.setdefault(precision, []).append((main, sub))
    for precision in sorted(by_precision, reverse=True):
        for form in forms:
            if any(_fits(_MEDIA_TYPES[form], wanted) for wanted in by_precision[precision]):
                return form
    raise Refusal(406, "Could not satisfy the request Accept header.")


def _media_range(token: str) -> tuple[str, str, int]:
    """A media range's two names and how precise it is; `q` counts for nothing, as in the framework."""
    name, *parameters = (part.strip() for part in token.split(";"))
    main, _, sub = name.partition("/")
    if main == "*":
        return main, sub, 0
    if sub == "*":
        return main, sub, 1
    return main, sub, 3 if any(not parameter.startswith("q=") for parameter in parameters) else 2


def _fits(offered: tuple[str, str], wanted: tuple[str, str]) -> bool:
    return all(theirs in ("*", ours) for ours, theirs in zip(offered, wanted, strict=True))


def answer(form: Form, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """A view's answer; as a page for people if that was asked for."""
    all_headers = {"Allow": ALLOWED, "Vary": "Accept", **(headers or {})}
    if form == "json":
        return Response(body, status, all_headers, "application/json")
    page = f"<!DOCTYPE html><html><head><title>Emulated iNode</title></head><body><h1>HTTP {status}</h1><pre>"
    return Response(page + escape(body.decode()) + "</pre></body></html>", status, all_headers, _HTML)


def refuse(form: Form, refusal: Refusal) -> Response:
    """A refusal as the framework writes it; 500 is not the framework's, so it is a page."""
    if refusal.status == 500:
        return server_error_page()
    return answer(form, refusal.status, as_json({"detail": refusal.detail}), refusal.headers)


def not_found_page() -> Response:
    """No view has this address: Django's own page, which is not JSON."""
    text = (
        "\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Not Found</title>\n</head>\n<body>\n"
        "  <h1>Not Found</h1><p>The requested resource was not found on this server.</p>\n</body>\n</html>\n"
    )  # fmt: skip
    return Response(text, 404, media_type=_HTML)


def server_error_page() -> Response:
    """An exception in a view: Django's own page, which is not JSON."""
    text = (
        "\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Server Error (500)</title>\n</head>\n<body>\n"
        "  <h1>Server Error (500)</h1><p></p>\n</body>\n</html>\n"
    )  # fmt: skip
    return Response(text, 500, media_type=_HTML)


def slash_missing(path: str, query: str) -> Response:
    """The address lacks its last slash: a relative redirect without a body."""
    location = f"{path}/?{query}" if query else f"{path}/"
    return Response(b"", 301, {"Location": location}, _HTML)
