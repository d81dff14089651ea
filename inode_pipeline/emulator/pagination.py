"""Paginate a list by page number, by offset, by cursor, or not at all, with Django REST framework's envelopes."""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import URL, QueryParams

from inode_pipeline.emulator.config import EmulatorConfig

Record = Mapping[str, Any] | bytes
"""A record to be serialised, or its JSON, which is sent unchanged."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page's body, and whether it is the last page."""

    body: bytes
    is_last: bool


def as_json(value: object) -> bytes:
    """Compact UTF-8 JSON as written by Django REST framework; lone surrogates stay escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def is_first_page(query: QueryParams, config: EmulatorConfig) -> bool:
    """Whether this request is for the first page."""
    if config.pagination == "page":
        return _number(query, "page", default=1) == 1
    if config.pagination == "limit-offset":
        return _number(query, "offset", default=0) == 0
    return config.pagination == "none" or "cursor" not in query


def cut_page(url: URL, records: Sequence[Record], config: EmulatorConfig) -> Page:
    """The page at an absolute URL; raises `LookupError` if there is none."""
    query = QueryParams(url.query)
    if config.pagination == "none":
        return Page(_array(records), is_last=True)
    name = "limit" if config.pagination == "limit-offset" else "page_size"
    size = min(_number(query, name, default=0) or config.page_size, config.max_page_size)
    if config.pagination == "page":
        return _by_number(url, query, records, size)
    if config.pagination == "limit-offset":
        return _by_offset(url, query, records, size)
    return _by_cursor(url, query, records, size)


def _number(query: QueryParams, name: str, *, default: int) -> int:
    """A whole number from the query; `default` if it is missing, negative or not a number."""
    text = query.get(name, "")
    return int(text) if text.isdecimal() else default


def _by_number(url: URL, query: QueryParams, records: Sequence[Record], size: int) -> Page:
    pages = max(1, math.ceil(len(records) / size))
    number = _number(query, "page", default=0) if query.get("page") else 1
    if not 1 <= number <= pages:
        raise LookupError("Invalid page.")
    next_ = url.include_query_params(page=number + 1) if number < pages else None
    previous = None
    if number > 1:
        previous = url.include_query_params(page=number - 1) if number > 2 else url.remove_query_params("page")
    return _envelope(len(records), next_, previous, records[(number - 1) * size : number * size])


def _by_offset(url: URL, query: QueryParams, records: Sequence[Record], limit: int) -> Page:
    offset = _number(query, "offset", default=0)
    next_ = previous = None
    if offset + limit < len(records):
        next_ = url.include_query_params(limit=limit, offset=offset + limit)
    if offset > 0:
        previous = url.remove_query_params("offset").include_query_params(limit=limit)
        if offset > limit:
            previous = previous.include_query_params(offset=offset - limit)
    return _envelope(len(records), next_, previous, records[offset : offset + limit])


def _by_cursor(url: URL, query: QueryParams, records: Sequence[Record], size: int) -> Page:
    """Records in the order of their ids, without a link to the previous page.

    The cursor is base64 of `p=<id>&o=<records to skip>`: the page begins after this id, and skips records only if
    several share an id.
    """
    ids = _comparable_ids(records)
    order = sorted(range(len(records)), key=ids.__getitem__)
    positions = [ids[place] for place in order]
    start = _start(query.get("cursor"), positions)
    stop = start + size
    page = [records[place] for place in order[start:stop]]
    if stop >= len(records):
        return _envelope(None, None, None, page)
    tie = bisect_left(positions, positions[stop])
    cursor = urlencode(({"p": positions[tie - 1]} if tie else {}) | ({"o": stop - tie} if stop > tie else {}))
    return _envelope(None, url.include_query_params(cursor=b64encode(cursor.encode()).decode()), None, page)


def _comparable_ids(records: Sequence[Record]) -> list[Any]:
    """The records' ids, or their positions if not all ids can be compared with each other."""
    ids = [record.get("id") if isinstance(record, Mapping) else None for record in records]
    return ids if any(all(type(one) is kind for one in ids) for kind in (int, str)) else list(range(len(ids)))


def _start(cursor: str | None, positions: list[Any]) -> int:
    if cursor is None:
        return 0
    try:
        parts = parse_qs(b64decode(cursor).decode())
        skipped = int(parts.get("o", ["0"])[0])
        if "p" not in parts:
            return skipped
        last = type(positions[0])(parts["p"][0]) if positions else None
    except ValueError as exc:
        raise LookupError("Invalid cursor") from exc
    return bisect_right(positions, last) + skipped


def _envelope(count: int | None, next_: URL | None, previous: URL | None, records: Sequence[Record]) -> Page:
    head = b"{" if count is None else b'{"count":%d,' % count
    links = (as_json(link and str(link)) for link in (next_, previous))
    body = head + b'"next":%b,"previous":%b,"results":%b}' % (*links, _array(records))
    return Page(body, is_last=next_ is None)


def _array(records: Sequence[Record]) -> bytes:
    return b"[" + b",".join(one if isinstance(one, bytes) else as_json(one) for one in records) + b"]"
