"""Recorded snapshots, served one after another: which login reads which."""

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
    """The snapshots of a file: newline-delimited `{"snapshot": ISO time, "records": [...]}`, plain or gzipped.

    Held compressed but for the few that are being read. A line that is no snapshot, or a file
    without any, is a `ValueError` that names the line.
    """

    def __init__(self, path: Path) -> None:
        self.times: list[str] = []
        self._lines: list[bytes] = []
        for number, line in enumerate(_lines_of(path), start=1):
            if line.strip():
                self.times.append(_snapshot(line, f"{path.name}, line {number}")["snapshot"])
                self._lines.append(zlib.compress(line, 1))
        if not self._lines:
            raise ValueError(f"{path.name} holds no snapshot")
        self.records = lru_cache(maxsize=4)(self._records)

    def __len__(self) -> int:
        return len(self._lines)

    def _records(self, index: int) -> list[dict[str, Any]]:
        """The records of a snapshot, counted from 0, with every field and type as recorded."""
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
            raise ValueError(f"{path.name} is cut off or broken: {exc}") from exc
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
class Visit:
    """One request for a page: by which login (None with an API key), and whether it is a walk's first page.

    `only_looks`: the client is `inspect` or `doctor`, which do not move the recording on.
    """

    login: Login | None
    is_first_page: bool
    only_looks: bool


class Playback:
    """Which snapshot a reader gets.

    A login keeps the snapshot of its first page for as long as it lives, renewals included, so that every walk of one
    client sees one state. The next login's first page is the next snapshot once the last one was read past its first
    page, or as a whole on one page. It is counted by snapshot and not by login, so logins at the same time, and a
    client that must log in anew in the middle of a walk, move it on by one and no more. A login whose first page lies
    in the middle is such a client: it goes on where the walks were. With an API key there are no logins, and only
    `move_on` moves.
    """

    def __init__(self, length: int) -> None:
        self._last = length - 1
        self.for_next_login = 0
        self.for_api_key = 0
        self._walked = 0

    def snapshot_for(self, visit: Visit) -> int:
        """The snapshot, counted from 0, from which this page is served."""
        login = visit.login
        if login is None:
            return self.for_api_key
        if login.snapshot is None:
            login.snapshot = self.for_next_login if visit.is_first_page or visit.only_looks else self._walked
        if not visit.only_looks:
            self._walked = login.snapshot
        return login.snapshot

    def note_served(self, visit: Visit, *, is_last_page: bool) -> None:
        """A page was served: its snapshot is used up if this was a page after the first, or the only one."""
        login = visit.login
        if login is None or login.snapshot is None or visit.only_looks or (visit.is_first_page and not is_last_page):
            return
        self.for_next_login = max(self.for_next_login, min(login.snapshot + 1, self._last))

    def move_on(self) -> None:
        """Let the next login, and every reader with an API key, have the next snapshot. The last one stays."""
        self.for_next_login = min(self.for_next_login + 1, self._last)
        self.for_api_key = min(self.for_api_key + 1, self._last)
