"""The emulator's addresses, and what happens to a request on its way to an answer.

A list view checks in Django REST framework's order: form of the answer, authentication, permission, throttle, method,
page. Everything runs in the event loop's thread, so pages are cut one after another, never two at once.
"""

from __future__ import annotations

import asyncio
import json
import re

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inode_pipeline.emulator.authentication import Reader, authenticate
from inode_pipeline.emulator.listing import as_json
from inode_pipeline.emulator.negotiation import (
    Form,
    Refusal,
    answer,
    negotiate,
    not_found_page,
    refuse,
    server_error_page,
    slash_missing,
)
from inode_pipeline.emulator.pagination import PageRequest, cut_page, is_first_page
from inode_pipeline.emulator.recording import Visit
from inode_pipeline.emulator.state import LINKS_PATH, NEXT_PATH, TOKEN_PATH, LoggedRequest, State
from inode_pipeline.emulator.token_endpoint import token_answer

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_COMMENT = re.compile(r"\(([^()]*)\)")


def build_app(state: State) -> ASGIApp:
    """The application that serves `state`; every answer is noted in `state.requests`."""

    async def token(request: Request) -> Response:
        return await token_answer(request, state.tokens, state.config)

    async def links(request: Request) -> Response:
        return await _list_answer(request, state)

    async def next_snapshot(request: Request) -> Response:
        return _next_answer(request, state)

    async def missing(request: Request, _: Exception) -> Response:
        if f"{request.url.path}/" in (TOKEN_PATH, LINKS_PATH):
            return slash_missing(request.url.path, request.url.query)
        return not_found_page()

    async def broken(_: Request, __: Exception) -> Response:
        return server_error_page()

    routes = [
        Route(TOKEN_PATH, token, methods=_METHODS),
        Route(LINKS_PATH, links, methods=_METHODS),
        Route(NEXT_PATH, next_snapshot, methods=_METHODS),
    ]
    app = Starlette(routes=routes, exception_handlers={404: missing, 500: broken})
    app.router.redirect_slashes = False
    return _logging(app, state)


def _logging(app: ASGIApp, state: State) -> ASGIApp:
    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                query = scope["query_string"].decode("latin-1")
                target = f"{scope['path']}?{query}" if query else scope["path"]
                state.requests.append(LoggedRequest(scope["method"], target, message["status"]))
            await send(message)

        await app(scope, receive, noted)

    return logged


async def _list_answer(request: Request, state: State) -> Response:
    if state.config.latency_s:
        await asyncio.sleep(state.config.latency_s)
    form: Form = "json"
    try:
        form = negotiate(request.headers.get("accept"), request.query_params.get("format"))
        _require_readable(request, await request.body())
        reader = _admit(request, state)
        if request.method == "OPTIONS":
            return answer(form, 200, as_json({"name": "Link List", "description": "Synthetic or recorded links."}))
        return _page(request, state, form, reader)
    except Refusal as refusal:
        return refuse(form, refusal)


def _require_readable(request: Request, body: bytes) -> None:
    """A body is parsed before anyone is authenticated, since a token may stand in it."""
    kind = request.headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    if not body or kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return
    if kind != "application/json":
        raise Refusal(415, f'Unsupported media type "{kind}" in request.')
    try:
        json.loads(body)
    except ValueError as exc:
        raise Refusal(400, f"JSON parse error - {exc}") from exc


def _admit(request: Request, state: State) -> Reader:
    """Who may read the list now; raises `Refusal` for anyone else."""
    authorization, query_token = request.headers.get("authorization"), request.query_params.get("access_token")
    reader = authenticate(authorization, query_token, state.tokens, state.config)
    state.throttle.admit()
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        raise Refusal(405, f'Method "{request.method}" not allowed.')
    return reader


def _page(request: Request, state: State, form: Form, reader: Reader) -> Response:
    page = PageRequest(_absolute(request), dict(request.query_params))
    visit = Visit(
        login=reader.login,
        is_first_page=is_first_page(page, state.config),
        is_onlooker=_is_onlooker(request.headers.get("user-agent", "")),
    )
    served = cut_page(page, state.listing(visit), state.config)
    response = answer(form, 200, served.body)
    if request.method == "GET":
        state.note_served(visit, is_last_page=served.is_last)
        response.background = BackgroundTask(_after_page, state)
    return response


async def _after_page(state: State) -> None:
    state.page_served()


def _absolute(request: Request) -> str:
    """The address as the client wrote it: its own Host header, and the scheme this server was reached by."""
    host = request.headers.get("host") or request.url.netloc
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.scheme}://{host}{request.url.path}{query}"


def _is_onlooker(user_agent: str) -> bool:
    """Whether the User-Agent's comment says that the client only looks: such a one uses up no snapshot."""
    return any(word in ("inspect", "doctor") for comment in _COMMENT.findall(user_agent) for word in comment.split())


def _next_answer(request: Request, state: State) -> Response:
    if request.method != "POST":
        return Response(as_json({"detail": f'Method "{request.method}" not allowed.'}), 405,
                        {"Allow": "POST"}, "application/json")  # fmt: skip
    try:
        return Response(as_json(state.next_snapshot()), 200, media_type="application/json")
    except LookupError as exc:
        return Response(as_json({"detail": str(exc)}), 409, media_type="application/json")
