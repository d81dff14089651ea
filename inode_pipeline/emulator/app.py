"""The emulator's HTTP routes, and the authorisation of requests for links.

Everything runs in the event loop's thread, so only one page is built at a time.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inode_pipeline.emulator.oauth import REQUIRED_SCOPE, Login, token_answer
from inode_pipeline.emulator.pagination import as_json, cut_page, is_first_page
from inode_pipeline.emulator.recording import PageRequest
from inode_pipeline.emulator.state import LINKS_PATH, NEXT_PATH, TOKEN_PATH, LoggedRequest, State

_COMMENT = re.compile(r"\(([^()]*)\)")


class _RefusedError(Exception):
    """A refused request for a page."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.detail, self.headers = status, detail, headers


def build_app(state: State) -> ASGIApp:
    """The application that serves `state` and logs every answered request in `state.requests`."""

    async def token(request: Request) -> Response:
        return await token_answer(request, state.tokens, state.config)

    async def links(request: Request) -> Response:
        await asyncio.sleep(state.config.latency_s)
        try:
            return _page(request, state, _login_of(request, state))
        except _RefusedError as refused:
            return _detail(refused.status, refused.detail, refused.headers)

    async def next_snapshot(_: Request) -> Response:
        try:
            return Response(as_json(state.next_snapshot()), 200, media_type="application/json")
        except LookupError as exc:
            return _detail(409, str(exc))

    routes = [
        Route(TOKEN_PATH, token, methods=["POST"]),
        Route(LINKS_PATH, links, methods=["GET"]),
        Route(NEXT_PATH, next_snapshot, methods=["POST"]),
    ]
    app = Starlette(routes=routes)
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


def _detail(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(as_json({"detail": detail}), status, headers, "application/json")


def _login_of(request: Request, state: State) -> Login | None:
    """The login of a bearer token, None with the API key; anything else is refused with 401 or 403."""
    keyword, _, credential = request.headers.get("authorization", "").partition(" ")
    if keyword.lower() == "token":
        if not hmac.compare_digest(credential.encode(), state.config.api_key.encode()):
            raise _unauthenticated("Invalid token.")
        return None
    if keyword.lower() != "bearer":
        raise _unauthenticated("Authentication credentials were not provided.")
    token = state.tokens.find(credential)
    if token is None or token.is_expired:
        problem = "is invalid" if token is None else "has expired"
        raise _unauthenticated(
            "Authentication credentials were not provided.",
            f',error="invalid_token",error_description="The access token {problem}."',
        )
    if REQUIRED_SCOPE not in token.scope.split():
        raise _RefusedError(403, "You do not have permission to perform this action.")
    return token.login


def _unauthenticated(detail: str, token_error: str = "") -> _RefusedError:
    return _RefusedError(401, detail, {"WWW-Authenticate": f'Bearer realm="api"{token_error}'})


def _page(request: Request, state: State, login: Login | None) -> Response:
    if state.retry_after_s is not None:
        detail = f"Request was throttled. Expected available in {state.retry_after_s} seconds."
        raise _RefusedError(429, detail, {"Retry-After": str(state.retry_after_s)})
    page_request = PageRequest(
        login=login,
        is_first_page=is_first_page(request.query_params, state.config),
        is_inspection=_is_inspection(request.headers.get("user-agent", "")),
    )
    try:
        page = cut_page(request.url, state.records_for(page_request), state.config)
    except LookupError as exc:
        raise _RefusedError(404, str(exc)) from exc
    state.note_served(page_request, is_last_page=page.is_last)
    return Response(page.body, 200, media_type="application/json", background=BackgroundTask(_after_page, state))


async def _after_page(state: State) -> None:
    state.page_served()


def _is_inspection(user_agent: str) -> bool:
    """Whether the User-Agent's comment names `inspect` or `doctor`, which do not advance the recording."""
    return any(word in ("inspect", "doctor") for comment in _COMMENT.findall(user_agent) for word in comment.split())
