"""Which runs there are, and in which order: contestants take turns, so that a busy minute hits all of them alike.

Every function yields one row a run. Keep out: how a run is made (`contest.py`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from api import Api
from contest import CLIENTS, HERE, Target, run, run_whole
from postgresql import Server

DATABASES = ("sqlite", "postgresql")
STEPS = {"first": {}, "unchanged": {}, "1 % changed": {"changed_every": 100}}
SLOW = {
    ("dlt, tuned", "postgresql"): 100_000,
    ("dlt, tuned", "sqlite"): 10_000,
    ("dlt, as documented", "postgresql"): 10_000,
    ("dlt, as documented", "sqlite"): 10_000,
}
"""Up to how many records these are run: they take minutes beyond, and the second run of dlt into SQLite far more."""

FIRST = date(2025, 1, 1)
LATENCIES_MS = (0, 20, 100)
LATENCY_PAGES = 100
"""Enough that the first page, which must come alone, and a last round that is not full weigh little: of 50 pages eight
at a time no more than 6.25x is possible."""
LATENCY_PAGE = 100
Row = dict[str, Any]


def throughput(server: Server, sizes: list[int], repeats: int) -> Iterator[Row]:
    """Client CPU of a first load, of an unchanged one and of one with 1 % changed, on both databases."""
    with Api() as api:
        for records in sizes:
            for repeat in range(repeats if records < 1_000_000 else 1):
                yield from _one_round(api, server, records, repeat)


def _one_round(api: Api, server: Server, records: int, repeat: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        entrants = _entrants(records, repeat)
        targets = {entrant: _target(api, server, Path(folder), *entrant) for entrant in entrants}
        for step, how in STEPS.items():
            api.serve(records, **how)
            for who, kind in entrants:
                logged = server.written_bytes()
                measured = run(who, targets[who, kind])
                measured["wal_bytes"] = server.written_bytes() - logged
                yield {"case": "throughput", "who": who, "database": kind, "records": records, "step": step, **measured}


def _entrants(records: int, repeat: int) -> list[tuple[str, str]]:
    """Who takes part with which database: the slow ones once and not beyond their size; BENCH_WHO names others."""
    usual = ["ours", "floor"] if records >= 1_000_000 else list(CLIENTS)
    wanted = os.environ.get("BENCH_WHO", ";".join(usual)).split(";")
    entrants = [(who, kind) for who in wanted for kind in DATABASES]
    return [one for one in entrants if one not in SLOW or (records <= SLOW[one] and repeat == 0)]


def _target(api: Api, server: Server, folder: Path, who: str, kind: str) -> Target:
    name = "".join(character if character.isalnum() else "_" for character in f"{who}_{kind}")
    own = folder / name
    own.mkdir()
    url = f"sqlite:///{own / 'bench.db'}" if kind == "sqlite" else server.new_database(name)
    return Target(api.base_url, url, own)


def distance(server: Server, repeats: int) -> Iterator[Row]:
    """The wall of a first sync by each contestant, as it is without any setting, by page numbers."""
    for latency_ms in LATENCIES_MS:
        with Api(latency_s=latency_ms / 1000) as api:
            api.serve(LATENCY_PAGES * LATENCY_PAGE)
            for repeat in range(repeats):
                with tempfile.TemporaryDirectory() as folder:
                    for who in CLIENTS:
                        if repeat == 0 or (who, "sqlite") not in SLOW:
                            target = _target(api, server, Path(folder), who, "sqlite")
                            measured = run(who, target, BENCH_PAGE_SIZE=LATENCY_PAGE, INODE_PAGE_SIZE=LATENCY_PAGE)
                            yield {"case": "distance", "who": who, "latency_ms": latency_ms, **measured}


def latency(server: Server, repeats: int) -> Iterator[Row]:
    """The wall of a landing with `INODE_CONCURRENCY` 1 and 8, by page numbers and by cursor."""
    for pagination in ("page", "cursor"):
        for latency_ms in LATENCIES_MS:
            with (
                Api(latency_s=latency_ms / 1000, pagination=pagination) as api,
                tempfile.TemporaryDirectory() as folder,
            ):
                api.serve(LATENCY_PAGES * LATENCY_PAGE)
                target = _target(api, server, Path(folder), f"latency_{pagination}", "sqlite")
                run("ours", target, INODE_CONCURRENCY=8)
                for _ in range(repeats):
                    for concurrency in (1, 8):
                        settings = {"INODE_CONCURRENCY": concurrency, "INODE_PAGE_SIZE": LATENCY_PAGE}
                        yield {
                            "case": "latency",
                            "pagination": pagination,
                            "latency_ms": latency_ms,
                            "concurrency": concurrency,
                            **run("ours", target, **settings),
                        }


def nightly(server: Server, repeats: int) -> Iterator[Row]:
    """`inode-pipeline sync` of 5,000 links, the start of the process included: the first one and the next."""
    with Api() as api:
        for repeat in range(repeats):
            with tempfile.TemporaryDirectory() as folder:
                target = _target(api, server, Path(folder), "nightly", "sqlite")
                for step, how in STEPS.items():
                    api.serve(5_000, **how)
                    measured = run_whole(["-m", "inode_pipeline", "sync", "--json"], target)
                    yield {"case": "nightly", "step": step, "repeat": repeat, **measured}


def replay(server: Server, dates: int, links: int) -> Iterator[Row]:
    """`inode-pipeline replay` of dates that are landed."""
    with Api() as api, tempfile.TemporaryDirectory() as folder:
        target = _target(api, server, Path(folder), "replay", "sqlite")
        run_whole([str(HERE / "clients" / "land_dates.py"), str(FIRST), str(dates), str(links)], target)
        last = FIRST + timedelta(days=dates - 1)
        command = ["-m", "inode_pipeline", "replay", "--from", str(FIRST), "--to", str(last), "--json"]
        yield {"case": "replay", "dates": dates, "links": links, **run_whole(command, target)}


def start_up(server: Server, repeats: int) -> Iterator[Row]:
    """`inode-pipeline --help`."""
    with Api() as api, tempfile.TemporaryDirectory() as folder:
        target = _target(api, server, Path(folder), "help", "sqlite")
        for _ in range(repeats):
            yield {"case": "help", **run_whole(["-m", "inode_pipeline", "--help"], target)}
