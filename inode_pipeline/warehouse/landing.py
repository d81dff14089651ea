"""Landing: every page is stored as received before it is parsed, and checked against its checksum when read back.

Each page is one short transaction. The walk's row is written last and marks the walk as complete: pages without it are
never read. Not here: queries about complete walks, see `walks.py`.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import zstandard
from sqlalchemy import Connection, Row, delete, func, insert, select

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.errors import ClockError, LandingCorruptError, NotLandedError
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.statements import insert_if_absent, require_written
from inode_pipeline.warehouse.tables import RAW_PAGES, WALKS
from inode_pipeline.warehouse.walks import LandedWalk, landed_walk, newest_walk

if TYPE_CHECKING:  # commands that only read pages need not import the HTTP client
    from inode_pipeline.api.pagination import Page
    from inode_pipeline.api.walk import ProvenWalk

CLOCK_TOLERANCE = timedelta(seconds=5)
MICROSECOND = timedelta(microseconds=1)

PAGES_AT_ONCE = 100
AT_ONCE_BYTES = 8 * 2**20
"""How much of a walk one transaction reads: at most this many pages, and about this many bytes decompressed."""


@dataclass(frozen=True, slots=True)
class LandedPage:
    """A page read back: its position in the walk, from 1, and the answer exactly as received."""

    number: int
    body: bytes


class LandingStore:
    """Lands the walks of one call, one after the other; only the last one can be sealed."""

    def __init__(self, warehouse: Warehouse, endpoint: Endpoint, run_id: str, snapshot_date: date) -> None:
        self._warehouse = warehouse
        self._endpoint = endpoint.name
        self._run_id = run_id
        self._snapshot_date = snapshot_date
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._walk_id: str | None = None

    def begin(self, snapshot_at: datetime) -> None:
        """Start a walk at the instant of its first request, discarding an earlier one that was not sealed.

        Raises:
            ClockError: a landed walk is newer than this machine's clock.

        """
        self.discard()
        newest = newest_walk(self._warehouse, self._endpoint)
        if newest is not None and newest.snapshot_at > snapshot_at + CLOCK_TOLERANCE:
            raise ClockError(
                f"This machine's clock says {snapshot_at:%Y-%m-%d %H:%M:%S} UTC, but a walk was landed at "
                f"{newest.snapshot_at:%Y-%m-%d %H:%M:%S} UTC.",
                remedy="Set the clock right, or wait until it has passed that time.",
            )
        self._walk_id = f"{self._endpoint}-{snapshot_at:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:12]}"

    def page(self, page: Page) -> None:
        """Store a page of the current walk as received, in one short transaction."""
        row = {
            "walk_id": self._current(),
            "page": page.number,
            "run_id": self._run_id,
            "address": page.address,
            "fetched_at": page.fetched_at,
            "body": self._compressor.compress(page.body),
            "size_bytes": len(page.body),
            "sha256": hashlib.sha256(page.body).hexdigest(),
        }
        with transaction(self._warehouse) as connection:
            connection.execute(insert(RAW_PAGES), row)

    def discard(self) -> None:
        """Remove the pages of the current walk, if there is one."""
        if self._walk_id is not None:
            with transaction(self._warehouse) as connection:
                connection.execute(delete(RAW_PAGES).where(RAW_PAGES.c.walk_id == self._walk_id))
            self._walk_id = None

    def seal(self, accepted: ProvenWalk) -> LandedWalk:
        """Write the current walk's row, which completes it and makes it readable.

        If another walk of the endpoint has the same `snapshot_at`, it is moved on by a microsecond.

        Raises:
            LandingCorruptError: not exactly the pages from 1 to `accepted.pages` are stored.
            SchemaConflictError: the table does not keep what is written into it.

        """
        walk = LandedWalk(
            walk_id=self._current(),
            endpoint=self._endpoint,
            run_id=self._run_id,
            snapshot_at=accepted.snapshot_at,
            snapshot_date=self._snapshot_date,
            finished_at=datetime.now(UTC),
            verdict=accepted.verdict,
            pages=accepted.pages,
            received=accepted.received,
            requests=accepted.requests,
            retries=accepted.retries,
            logins=accepted.logins,
        )
        with transaction(self._warehouse) as connection:
            stored = select(func.count(), func.min(RAW_PAGES.c.page), func.max(RAW_PAGES.c.page)).where(
                RAW_PAGES.c.walk_id == walk.walk_id
            )
            count, first, last = connection.execute(stored).one()
            if (count, first, last) != (walk.pages, 1, walk.pages):
                raise LandingCorruptError(
                    f"Of walk {walk.walk_id}, {count} pages are stored and {walk.pages} were read.",
                    remedy="Sync again; if it happens again, look for what else removes rows of raw_pages.",
                )
            while not insert_if_absent(connection, WALKS, asdict(walk)):
                require_written(WALKS, 0 if _is_taken(connection, walk) else 1)
                walk = replace(walk, snapshot_at=walk.snapshot_at + MICROSECOND)
            kept = connection.execute(select(WALKS).where(WALKS.c.walk_id == walk.walk_id)).one_or_none()
            require_written(WALKS, 0 if kept is not None and landed_walk(kept) == walk else 1)
        self._walk_id = None
        return walk

    def _current(self) -> str:
        if self._walk_id is None:
            raise RuntimeError("begin() comes before page() and seal()")
        return self._walk_id


def _is_taken(connection: Connection, walk: LandedWalk) -> bool:
    """Whether another walk of the endpoint has the same `snapshot_at`."""
    same = WALKS.c.endpoint == walk.endpoint, WALKS.c.snapshot_at == walk.snapshot_at
    return connection.scalar(select(WALKS.c.walk_id).where(*same)) is not None


def pages(warehouse: Warehouse, walk: LandedWalk) -> Iterator[LandedPage]:
    """The pages of a walk in order, one at a time, with no transaction open in between.

    Raises:
        NotLandedError: they were purged.
        LandingCorruptError: a page is missing, or is not what was received.

    """
    if walk.purged_at is not None:
        raise NotLandedError(
            f"The pages of walk {walk.walk_id} were purged on {walk.purged_at:%Y-%m-%d}.",
            remedy="Nothing can be done for this date; raise INODE_RAW_RETENTION_DAYS to keep later ones longer.",
        )
    numbers = range(1, walk.pages + 1)
    at_once = 1
    while numbers:
        wanted, numbers = numbers[:at_once], numbers[at_once:]
        rows = _rows(warehouse, walk, wanted)
        for number in wanted:
            page = LandedPage(number, _body(walk, number, rows.pop(number, None)))
            yield page
        # The next pages are usually about as large as the last one.
        at_once = max(1, min(PAGES_AT_ONCE, AT_ONCE_BYTES // max(1, len(page.body))))


def _rows(warehouse: Warehouse, walk: LandedWalk, numbers: Collection[int]) -> dict[int, Row[Any]]:
    wanted = select(RAW_PAGES).where(RAW_PAGES.c.walk_id == walk.walk_id, RAW_PAGES.c.page.in_(numbers))
    with reading(warehouse) as connection:
        return {row.page: row for row in connection.execute(wanted)}


def _body(walk: LandedWalk, number: int, row: Row[Any] | None) -> bytes:
    if row is None:
        raise _corrupt(walk, number, "is missing")
    if row.run_id != walk.run_id:
        raise _corrupt(walk, number, "was landed by another run")
    try:
        body = zstandard.ZstdDecompressor().decompress(row.body, max_output_size=row.size_bytes)
    except zstandard.ZstdError:
        raise _corrupt(walk, number, "cannot be decompressed") from None
    if len(body) != row.size_bytes or hashlib.sha256(body).hexdigest() != row.sha256:
        raise _corrupt(walk, number, "is not what was received: its checksum differs")
    return body


def _corrupt(walk: LandedWalk, number: int, what: str) -> LandingCorruptError:
    return LandingCorruptError(
        f"Page {number} of walk {walk.walk_id} {what}.",
        remedy="Restore raw_pages from a backup, or sync today again; this walk cannot be loaded.",
    )
