"""Pages and their addresses. The server names the next page, whose address is rebuilt on the configured origin.

An address contains a page number, an offset, or something opaque such as a cursor. For the first two, the addresses of
later pages can be computed.
Not here: sending requests, see `client.py`; whether the pages are complete, see `walk.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote_plus, urljoin, urlsplit

from inode_pipeline.api.answer import PREFIX_REMEDY, Answer
from inode_pipeline.errors import ApiContractError, ForeignUrlError
from inode_pipeline.text import quoted

MAX_ADDRESS_LENGTH: Final = 8_000
_LINK: Final = re.compile(r'<([^>]*)>((?:[^,"<]|"(?:[^"\\]|\\.)*")*)')
_RELATION: Final = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.IGNORECASE)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NEVER_SENT: Final = "access_token"


Identify = Callable[[Sequence[Any]], Sequence[str | None]]
"""Returns the id of each record of a page, None if it cannot be read."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as received. `number` counts from 1; `address` is complete but has no secrets; `fetched_at` is UTC."""

    number: int
    address: str
    body: bytes
    answer: Answer
    fetched_at: datetime


def with_headers(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """Add the total count and, if the body names no next page, the next page from the headers.

    Of two counts the larger is used, because it may reveal that records are missing.
    """
    counts = [count for count in (answer.count, _count_in(headers)) if count is not None]
    following = answer.next if answer.next is not None else _next_link_in(headers.get("link", ""))
    return replace(answer, count=max(counts, default=None), next=following)


def _count_in(headers: Mapping[str, str]) -> int | None:
    unit, _, total = headers.get("content-range", "").rpartition("/")
    texts = [headers.get("x-total-count", ""), headers.get("x-total", ""), "" if unit.startswith("bytes") else total]
    counts = [int(text) for text in map(str.strip, texts) if text.isascii() and text.isdigit() and len(text) <= 15]
    return max(counts, default=None)


def _next_link_in(header: str) -> str | None:
    """The address with the relation `next` in the header `Link` (RFC 8288)."""
    for address, parameters in _LINK.findall(header):
        relations = [quoted or plain for quoted, plain in _RELATION.findall(parameters)]
        if relations and "next" in relations[0].lower().split():
            return str(address).strip() or None
    return None


class Origin:
    """Scheme, host and port of INODE_BASE_URL, to which alone credentials are sent."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self.base_url = base_url
        self.path = parts.path
        self.scheme = parts.scheme.lower()
        self.host = (parts.hostname or "").lower()
        self.port = parts.port or _DEFAULT_PORTS[self.scheme]

    @property
    def hint(self) -> str:
        """A hint if the base URL does not end in /api/ like that of an iNode API, else empty."""
        if self.path.endswith("/api/"):
            return ""
        before, is_in, _ = self.base_url.partition("/api/")
        likely = f"{before}/api/" if is_in else f"{self.base_url}api/"
        return f"INODE_BASE_URL is {self.base_url}, which does not end in /api/; is {likely} meant? "

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}")

    def rebuilt(self, address: str, *, seen_from: str) -> str:
        """Rebuild an address on this origin: http on the same host becomes https, and a missing port is restored.

        Raises:
            ForeignUrlError: it names another host, port or scheme, or hides one.

        """
        if len(address) > MAX_ADDRESS_LENGTH:
            raise ApiContractError("The address of the next page is too long.", remedy=_REPORT)
        if "\\" in address or any(ord(character) <= 0x20 or ord(character) == 0x7F for character in address):
            raise self._foreign("an address with invalid characters")
        try:
            named, parts = urlsplit(address), urlsplit(urljoin(seen_from, address))
            is_headless = not named.netloc and (
                named.scheme or address.startswith("//")
            )  # browsers read a host from it
            is_ours = not is_headless and self._is_ours(parts)
        except ValueError as problem:
            raise self._foreign("an address that cannot be read") from problem
        if not is_ours:
            raise self._foreign(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
        query = "&".join(pair for pair in parts.query.split("&") if pair and _parameter_name(pair) != _NEVER_SENT)
        return f"{self}/{parts.path.lstrip('/')}" + (f"?{query}" if query else "")

    def _is_ours(self, parts: SplitResult) -> bool:
        scheme = parts.scheme.lower()
        is_upgrade = scheme == "http" and self.scheme == "https"
        if (scheme != self.scheme and not is_upgrade) or "@" in parts.netloc:
            return False
        if (parts.hostname or "") != self.host:
            return False
        is_lost = parts.port is None or (is_upgrade and parts.port == 80 and self.port == 443)
        return is_lost or parts.port == self.port

    def _foreign(self, where: str) -> ForeignUrlError:
        return ForeignUrlError(
            f"The API names {quoted(where)} as the next page, which is not on {self}. Nothing was sent there.",
            remedy="Check that INODE_BASE_URL is the API's own address, not that of something in front of it.",
        )


_REPORT: Final = "Check that INODE_BASE_URL is the API's address; if it is, report it to the API's support."


@dataclass(frozen=True, slots=True)
class Position:
    """The parameter `page` or `offset` of an address and its value."""

    name: str
    number: int


class Route:
    """The addresses of one endpoint's pages."""

    def __init__(self, origin: Origin, path: str, *, page_size: int, page_size_param: str) -> None:
        self._origin = origin
        self.page_size = page_size
        self.page_size_param = page_size_param
        self.first = f"{origin.base_url}{path}?{page_size_param}={page_size}"

    def first_with(self, **parameters: int) -> str:
        """The first page's address with additional or changed parameters."""
        address = self.first
        for name, value in parameters.items():
            address = _with_parameter(address, name, value)
        return address

    def following(self, page: Page) -> str | None:
        """The address of the page after this one, with the same page size; None at the end.

        Raises:
            ForeignUrlError: it is on another server, or outside the path of INODE_BASE_URL.

        """
        if page.answer.next is None:
            return None
        address = self._origin.rebuilt(page.answer.next, seen_from=page.address)
        if not urlsplit(address).path.startswith(self._origin.path):
            raise self._outside(address)
        where = position(address)
        if where is not None and where.name == "offset":
            return _with_parameter(address, "limit", self.page_size)
        if self.page_size_param in _parameters(address):
            return address
        return _with_parameter(address, self.page_size_param, self.page_size)

    def _outside(self, address: str) -> ForeignUrlError:
        return ForeignUrlError(
            f"The next page, {quoted(address.partition('?')[0])}, is outside INODE_BASE_URL, which is "
            f"{self._origin.base_url}. Nothing was sent there.",
            remedy=PREFIX_REMEDY,
        )

    def upcoming(self, page: Page, address: str, *, received: int, window: int) -> list[str]:
        """The addresses of up to `window` pages after this one, `address` first, as far as they can be computed.

        `received` is the number of records on all pages up to this one.
        """
        where, step = position(address), self._step(page, address)
        if where is None or step is None or page.answer.count is None:
            return [address]
        records = len(page.answer.records) if where.name == "page" else step
        pages_left = -(-(page.answer.count - received) // records) if records else 1
        return [
            address if ahead == 0 else _with_parameter(address, where.name, where.number + ahead * step)
            for ahead in range(max(1, min(window, pages_left)))
        ]

    def _step(self, page: Page, address: str) -> int | None:
        """The difference between the numbers of consecutive pages; None if it is not known yet."""
        where, here = position(address), position(page.address)
        if where is None:
            return None
        if where.name == "page":
            return 1
        if _parameters(page.address).get("limit") != _parameters(address).get("limit"):
            return None  # the first page had the server's default size, the next ones have ours
        step = where.number - (here.number if here is not None else 0)
        return step if step > 0 else None


def position(address: str) -> Position | None:
    """The page number or offset in an address; None if it is opaque."""
    parameters = _parameters(address)
    for name in ("offset", "page"):
        value = parameters.get(name, "")
        if value.isascii() and value.isdigit() and len(value) <= 15:
            return Position(name, int(value))
    return None


def page_key(address: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A key that is the same for all addresses of a page, whatever the order and escaping of their parameters."""
    parts = urlsplit(address)
    return parts.path, tuple(sorted(parse_qsl(parts.query, keep_blank_values=True)))


def _parameters(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))


def _parameter_name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])


def _with_parameter(address: str, name: str, value: int) -> str:
    """The address with one parameter replaced or appended."""
    place, _, query = address.partition("?")
    pairs = [pair for pair in query.split("&") if pair]
    if any(_parameter_name(pair) == name for pair in pairs):
        pairs = [f"{name}={value}" if _parameter_name(pair) == name else pair for pair in pairs]
    else:
        pairs.append(f"{name}={value}")
    return f"{place}?{'&'.join(pairs)}"
