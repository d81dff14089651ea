"""Which runs there are, and in which order: contestants take turns, so that a busy minute hits all of them alike.

Every function yields one row a run.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from api import Api
from contest import CLIENTS, HERE, OURS, Target, run

from tests.postgresql import PostgreSQLServer

DATABASES = ("sqlite", "postgresql")
STEPS = {"first": 0, "unchanged": 0, "all measured anew": 1}
"""What happens one after another to one warehouse: the step, and by how many quarters its measurements are later."""

ENTRANTS = (
    ("ours", "varied", tuple(STEPS)),
    ("naive", "varied", tuple(STEPS)),
    ("ours", "flat", ("first",)),
)
DLT = ("dlt, tuned", "varied", ("first", "unchanged"))
"""Only on PostgreSQL, since its second run into SQLite takes minutes, and only in the first round."""

FIRST = date(2025, 1, 1)
Row = dict[str, Any]


def throughput(server: PostgreSQLServer, sizes: list[int], rounds: int) -> Iterator[Row]:
    """A first load, one in which nothing changed and one in which every measurement changed."""
    with Api() as api:
        for number in range(rounds):
            for database in DATABASES:
                entrants = [*ENTRANTS, DLT] if number == 0 and database == "postgresql" else ENTRANTS
                for records in sizes:
                    for row in _one_round(api, server, database, records, entrants):
                        yield {"case": "throughput", "round": number, "database": database, "records": records, **row}


def _one_round(api: Api, server: PostgreSQLServer, database: str, records: int, entrants: Any) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        targets = {(who, kind): _target(api, server, Path(folder), database) for who, kind, _ in entrants}
        for (who, _), target in targets.items():
            if who == "ours":
                run([*OURS, "migrate"], target)
        for step, quarters in STEPS.items():
            for who, kind, steps in entrants:
                if step in steps:
                    api.serve(records, kind=kind, quarters=quarters)
                    spent = server.cpu_s()
                    measured = run(CLIENTS[who], targets[who, kind])
                    measured["server_cpu_s"] = server.cpu_s() - spent
                    yield {"step": step, "who": who, "kind": kind, **measured}
        for target in targets.values():
            _remove(server, target)


def _target(api: Api, server: PostgreSQLServer, folder: Path, database: str) -> Target:
    own = Path(tempfile.mkdtemp(dir=folder))
    url = f"sqlite:///{own / 'bench.db'}" if database == "sqlite" else server.url(server.new_database())
    return Target(api.base_url, url, own)


def _remove(server: PostgreSQLServer, target: Target) -> None:
    """Drop a PostgreSQL database that is done with; a SQLite file goes with its folder."""
    if target.url.startswith("postgresql"):
        server.drop(target.url.rpartition("/")[2])


def large(server: PostgreSQLServer, records: int) -> Iterator[Row]:
    """The memory of a first load of a great many links."""
    with Api() as api, tempfile.TemporaryDirectory() as folder:
        api.serve(records)
        target = _target(api, server, Path(folder), "sqlite")
        yield {"case": "large", "records": records, **run(CLIENTS["ours"], target)}


def nightly(server: PostgreSQLServer, repeats: int) -> Iterator[Row]:
    """`inode-pipeline sync` of 5,000 links."""
    with Api() as api:
        for _ in range(repeats):
            with tempfile.TemporaryDirectory() as folder:
                target = _target(api, server, Path(folder), "sqlite")
                for step, quarters in STEPS.items():
                    api.serve(5_000, quarters=quarters)
                    name = f"`sync`, 5,000 links, {step}"
                    yield {"case": "commands", "name": name, **run(CLIENTS["ours"], target)}


def latency(server: PostgreSQLServer) -> Iterator[Row]:
    """`inode-pipeline sync` where each of 50 pages is answered 100 ms late."""
    for pagination, concurrency in (("page", 1), ("page", 4), ("page", 8), ("cursor", 4)):
        with Api(latency_s=0.1, pagination=pagination) as api, tempfile.TemporaryDirectory() as folder:
            api.serve(5_000)
            target = _target(api, server, Path(folder), "sqlite")
            settings = {"INODE_CONCURRENCY": concurrency, "INODE_PAGE_SIZE": 100}
            name = (
                f"`sync`, 5,000 links on 50 pages, twice, 100 ms late, by {pagination}, INODE_CONCURRENCY={concurrency}"
            )
            yield {"case": "commands", "name": name, **run(CLIENTS["ours"], target, **settings)}


def replay(server: PostgreSQLServer, dates: int, links: int) -> Iterator[Row]:
    """`inode-pipeline replay` of dates that are landed, each with other measurements."""
    with Api() as api, tempfile.TemporaryDirectory() as folder:
        target = _target(api, server, Path(folder), "sqlite")
        run([sys.executable, str(HERE / "clients" / "land_dates.py"), str(FIRST), str(dates), str(links)], target)
        last = FIRST + timedelta(days=dates - 1)
        command = [*OURS, "replay", "--from", str(FIRST), "--to", str(last)]
        yield {"case": "commands", "name": f"`replay` of {dates} dates of {links} links", **run(command, target)}


def start_up(server: PostgreSQLServer, repeats: int) -> Iterator[Row]:
    """`inode-pipeline --help`."""
    with Api() as api, tempfile.TemporaryDirectory() as folder:
        target = _target(api, server, Path(folder), "sqlite")
        for _ in range(repeats):
            yield {"case": "commands", "name": "`--help`", **run([*OURS, "--help"], target)}
