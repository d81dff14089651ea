"""Counts what arrives, lets something happen to the data just before a request is answered, and loses answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse

LINKS = "/api/v1/links/"
TOKEN = "/api/oauth/token/"

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Book:
    """What arrived since the last reset, and what shall happen before which request for links (counted from 1)."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget every request and every plan."""
        self.entries: list[dict[str, Any]] = []
        self.plans: dict[int, Callable[[], None]] = {}
        self.token_answers_to_lose = 0

    def enter(self, request: HttpRequest) -> dict[str, Any]:
        """Note a request's arrival; if a plan waits for it, carry it out before anyone else is let in."""
        with self.lock:
            entry = {
                "method": request.method,
                "path": request.path,
                "query": request.META["QUERY_STRING"],
                "scheme": request.headers.get("Authorization", "").partition(" ")[0],
                "user_agent": request.headers.get("User-Agent", ""),
                "grant": request.POST.get("grant_type", "") if request.method == "POST" else "",
                "status": None,
            }
            self.entries.append(entry)
            if request.path == LINKS:
                nth = sum(1 for one in self.entries if one["path"] == LINKS)
                self.plans.pop(nth, lambda: None)()
            return entry


BOOK = Book()


class Watch:
    """The outermost middleware, so that nothing escapes the book."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Enter the request, have it answered, add the status."""
        entry = BOOK.enter(request)
        response = self.get_response(request)
        entry["status"] = response.status_code
        return response


def losing_answers(app: WsgiApp) -> WsgiApp:
    """Wrap the application so that token requests can be carried out and their connections cut before the answer."""

    def cut(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != TOKEN or not BOOK.token_answers_to_lose:
            return app(environ, start_response)
        BOOK.token_answers_to_lose -= 1
        for _ in app(environ, lambda *_: None):
            pass
        environ["reference.connection"].shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError  # which wsgiref takes for a client that went away

    return cut
