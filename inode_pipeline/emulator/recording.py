"""Recorded snapshots, and which login reads which of them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from inode_pipeline.emulator.oauth import Login


class Recording:
    """The snapshots of a file: lines of `{"snapshot": ISO time, "records": [...]}`, plain or gzipped.

    They are kept compressed in memory, except the few being read. An invalid line or an empty file raises `ValueError`.
    """

    def __init__(self, path: Path) -> None:
        self.times: list[str] = []
        self._lines: list[bytes] = []
        for number, line in enumerate(_lines_of(path), start=1):
            if line.strip():
                self.times.append(_snapshot(line, f"{path.name}, line {number}")["snapshot"])
                self._lines.append(zlib.compress(line, 1))
        if not self._lines:
            raise ValueError(f"{path.name} contains no snapshot")
        self.records = lru_cache(maxsize=4)(self._records)

    def __len__(self) -> int:
        return len(self._lines)

    def _records(self, index: int) -> list[dict[str, Any]]:
        """The records of a snapshot (counted from 0) exactly as recorded."""
        records: list[dict[str, Any]] = json.loads(zlib.decompress(self._lines[index]))["records"]
        return records


def _lines_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        is_gzipped = file.read(2) == b"\x1f\x8b"
    if is_gzipped:
        try:
            with gzip.open(path) as lines:
                yield from lines
        except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
            raise ValueError(f"{path.name} is truncated or damaged: {exc}") from exc
    else:
        with path.open("rb") as lines_of_text:
            yield from lines_of_text


def _snapshot(line: bytes, where: str) -> dict[str, Any]:
    try:
        snapshot = json.loads(line)
    except ValueError as exc:
        raise ValueError(f"{where}: not JSON") from exc
    match snapshot:
        case {"snapshot": str(), "records": list(records)} if all(isinstance(record, dict) for record in records):
            return dict(snapshot)
    raise ValueError(f"{where}: not a time under `snapshot` and a list of objects under `records`")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a page: its login (None with an API key), and whether it is for the first page of a walk.

    `is_inspection`: the client is `inspect` or `doctor`, which do not advance the recording.
    """

    login: Login | None
    is_first_page: bool
    is_inspection: bool


class Playback:
    """Decides which snapshot a client gets.

    A login keeps the snapshot of its first page, also after renewals, so that all walks of a client see the same state.
    Once a snapshot was read beyond its first page, or completely on a single page, the next login gets the next one.
    Concurrent logins, and a client that has to log in again during a walk, advance the recording only by one snapshot:
    a login that begins in the middle of a walk gets the snapshot of that walk.
    An API key has no logins, so only `advance` changes its snapshot.
    """

    def __init__(self, length: int) -> None:
        self._last = length - 1
        self.for_next_login = 0
        self.for_api_key = 0
        self._walked = 0

    def snapshot_for(self, request: PageRequest) -> int:
        """The snapshot (counted from 0) of the requested page."""
        login = request.login
        if login is None:
            return self.for_api_key
        if login.snapshot is None:
            login.snapshot = self.for_next_login if request.is_first_page or request.is_inspection else self._walked
        if not request.is_inspection:
            self._walked = login.snapshot
        return login.snapshot

    def note_served(self, request: PageRequest, *, is_last_page: bool) -> None:
        """Advance the next login's snapshot if the served page was not the first one, or was the only one."""
        login = request.login
        if (
            login is None
            or login.snapshot is None
            or request.is_inspection
            or (request.is_first_page and not is_last_page)
        ):
            return
        self.for_next_login = max(self.for_next_login, min(login.snapshot + 1, self._last))

    def advance(self) -> None:
        """Give the next login and all clients with an API key the next snapshot; stop at the last one."""
        self.for_next_login = min(self.for_next_login + 1, self._last)
        self.for_api_key = min(self.for_api_key + 1, self._last)
