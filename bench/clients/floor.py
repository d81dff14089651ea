"""The floor: fetch, land compressed, parse with a type check, insert. No proof, no quarantine, no merge, no history.

Every pipeline that keeps what it received has at least these costs; ours are measured against them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import psycopg
import zstandard
from meter import measured

FIELDS = {
    "id": int, "name": str, "status": str, "data_source": str, "grid": str, "distance": float, "free_flow_speed": float,
    "last_speed": float, "last_travel_time": float, "sample_size": int, "last_updated": str, "is_synthetic": bool,
}  # fmt: skip
SENSOR = msgspec.defstruct("Sensor", [("id", int), ("name", str), ("latitude", float), ("longitude", float)], gc=False)
LINK = msgspec.defstruct(
    "Link",
    [*FIELDS.items(), ("origin", SENSOR), ("destination", SENSOR), ("geometry", msgspec.Raw)],
    gc=False,
)
PAGE = msgspec.defstruct("Page", [("results", list[LINK]), ("next", str | None)])  # type: ignore[valid-type]
DECODER = msgspec.json.Decoder(PAGE)
COLUMNS = [*FIELDS, "origin_id", "origin_name", "destination_id", "destination_name", "geometry"]
TYPES = {int: "bigint", str: "text", float: "double precision", bool: "boolean"}


def main() -> None:
    """Do the unavoidable once, and print what it cost."""
    url = os.environ["BENCH_DATABASE"]
    with measured() as result:
        result["rows_written"] = _into_postgresql(url) if url.startswith("postgresql") else _into_sqlite(url)


def _pages() -> Iterator[tuple[bytes, list[tuple[Any, ...]]]]:
    """Each page compressed, and its rows."""
    compress = zstandard.ZstdCompressor(level=1).compress
    headers = {"Authorization": f"Token {os.environ['BENCH_API_KEY']}"}
    address: str | None = f"{os.environ['BENCH_API']}v1/links/?page_size={os.environ['BENCH_PAGE_SIZE']}"
    with httpx.Client(headers=headers, timeout=60) as client:
        while address:
            body = client.get(address).content
            page: Any = DECODER.decode(body)
            yield compress(body), [_row(link) for link in page.results]
            address = page.next


def _row(link: Any) -> tuple[Any, ...]:
    return (
        *[getattr(link, name) for name in FIELDS],
        str(link.origin.id),
        link.origin.name,
        str(link.destination.id),
        link.destination.name,
        bytes(link.geometry).decode(),
    )


def _table() -> str:
    types = {**{name: TYPES[kind] for name, kind in FIELDS.items()}, "id": "bigint PRIMARY KEY"}
    columns = ", ".join(f"{name} {types.get(name, 'text')}" for name in COLUMNS)
    return f"CREATE TABLE IF NOT EXISTS links ({columns})"


def _into_sqlite(url: str) -> int:
    written = 0
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS pages (body blob)")
    connection.execute(_table())
    insert = f"INSERT OR REPLACE INTO links VALUES ({', '.join('?' * len(COLUMNS))})"
    for body, rows in _pages():
        connection.execute("INSERT INTO pages VALUES (?)", (body,))
        written += connection.executemany(insert, rows).rowcount
    connection.commit()
    return written


def _into_postgresql(url: str) -> int:
    written = 0
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS pages (body bytea)")
        cursor.execute("DROP TABLE IF EXISTS links")
        cursor.execute(_table())
        for body, rows in _pages():
            cursor.execute("INSERT INTO pages VALUES (%s)", (body,))
            with cursor.copy(f"COPY links ({', '.join(COLUMNS)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            written += len(rows)
    return written


if __name__ == "__main__":
    main()
