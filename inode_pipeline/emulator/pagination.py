"""The four forms in which a list is cut into pages, as Django REST framework cuts them.

Keep out: which records are served (`state.py`) and who may read them (`authentication.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.cursor import cut_at_cursor
from inode_pipeline.emulator.listing import Listing, as_json
from inode_pipeline.emulator.negotiation import Refusal


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The absolute address as the client wrote it, and its query parameters (the last of each name)."""

    address: str
    parameters: Mapping[str, str]

    def number(self, name: str, *, least: int, most: int | None, default: int) -> int:
        """A whole number from the query; `default` where it is missing, junk or below `least`, silently clamped."""
        try:
            number = int(self.parameters[name])
        except (KeyError, ValueError):
            return default
        if number < least:
            return default
        return number if most is None else min(number, most)

    def size(self, config: EmulatorConfig) -> int:
        """How many records the client gets on a page."""
        name = "limit" if config.pagination == "limit-offset" else config.page_size_param
        return self.number(name, least=1, most=config.max_page_size, default=config.page_size)


@dataclass(frozen=True, slots=True)
class ServedPage:
    """A page's body, and whether nothing follows it."""

    body: bytes
    is_last: bool


def is_first_page(request: PageRequest, config: EmulatorConfig) -> bool:
    """Whether a walk begins with this request."""
    if config.pagination == "page":
        return request.parameters.get("page") != "last" and request.number("page", least=1, most=None, default=1) == 1
    if config.pagination == "limit-offset":
        return request.number("offset", least=0, most=None, default=0) == 0
    return config.pagination == "none" or "cursor" not in request.parameters


def cut_page(request: PageRequest, listing: Listing, config: EmulatorConfig) -> ServedPage:
    """The page that the request asks for; raises `Refusal` 404 where there is none."""
    if config.pagination == "page":
        return _by_number(request, listing, request.size(config))
    if config.pagination == "limit-offset":
        return _by_offset(request, listing, request.size(config))
    if config.pagination == "cursor":
        cut = cut_at_cursor(listing, request.parameters.get("cursor"), request.size(config))
        next_ = _with(request.address, cursor=cut.next) if cut.next is not None else None
        previous = _with(request.address, cursor=cut.previous) if cut.previous is not None else None
        return _envelope(None, next_, previous, listing.array(cut.places))
    return ServedPage(listing.array(range(len(listing))), is_last=True)


def _by_number(request: PageRequest, listing: Listing, size: int) -> ServedPage:
    pages = max(1, math.ceil(len(listing) / size))
    asked = request.parameters.get("page") or "1"
    try:
        number = pages if asked == "last" else int(asked)
    except ValueError:
        number = 0
    if not 1 <= number <= pages:
        raise Refusal(404, "Invalid page.")
    next_ = _with(request.address, page=number + 1) if number < pages else None
    previous = _with(request.address, page=number - 1 if number > 2 else None) if number > 1 else None
    return _envelope(len(listing), next_, previous, listing.array(_places(listing, (number - 1) * size, size)))


def _by_offset(request: PageRequest, listing: Listing, limit: int) -> ServedPage:
    offset = request.number("offset", least=0, most=None, default=0)
    next_ = previous = None
    if offset + limit < len(listing):
        next_ = _with(request.address, limit=limit, offset=offset + limit)
    if offset > 0:
        previous = _with(request.address, limit=limit, offset=offset - limit if offset > limit else None)
    return _envelope(len(listing), next_, previous, listing.array(_places(listing, offset, limit)))


def _places(listing: Listing, start: int, size: int) -> range:
    return range(min(start, len(listing)), min(start + size, len(listing)))


def _envelope(count: int | None, next_: str | None, previous: str | None, results: bytes) -> ServedPage:
    head = b"{" if count is None else b'{"count":%d,' % count
    links = b'"next":%b,"previous":%b,"results":' % (as_json(next_), as_json(previous))
    return ServedPage(head + links + results + b"}", is_last=next_ is None)


def _with(address: str, **changes: object) -> str:
    """The address with query parameters set, or removed where None; sorted and encoded anew, as the framework does."""
    scheme, host, path, query, fragment = urlsplit(address)
    parameters = parse_qs(query, keep_blank_values=True)
    for name, value in changes.items():
        if value is None:
            parameters.pop(name, None)
        else:
            parameters[name] = [str(value)]
    return urlunsplit((scheme, host, path, urlencode(sorted(parameters.items()), doseq=True), fragment))
