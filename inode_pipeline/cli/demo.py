"""`demo`: run the whole pipeline against a synthetic iNode on this machine, without an account.

It runs the nightly job in Dagster; `demo_days.py` fills the earlier days.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from inode_pipeline import errors
from inode_pipeline.cli import environment
from inode_pipeline.cli.demo_days import SAMPLE_SCHEDULE
from inode_pipeline.cli.output import print_receipts, progress, say
from inode_pipeline.errors import ConfigError, PipelineError

if TYPE_CHECKING:
    from inode_pipeline.analysis.status import LastRun
    from inode_pipeline.emulator import EmulatorServer
    from inode_pipeline.warehouse.engine import Warehouse
    from inode_pipeline.warehouse.receipt import Receipt

DATABASE = Path("data") / "demo.db"
JOB = "sync_links"
SHOWN_LINKS = 5
CITY_ZONE = "America/Toronto"
"""The time zone of the synthetic city and its peak hours."""
SYNTHETIC = "synthetic data: made from a seed, measured nowhere"


@click.command(short_help="Try everything on this machine, without an account.")
@click.option(
    "--days",
    type=click.IntRange(1, 92),
    default=1,
    show_default=True,
    help="The number of dates to fill, including today; earlier ones get samples of the peak hours.",
)
def demo(days: int) -> None:
    """Start a synthetic iNode, run the nightly job once in Dagster, and show what is in the tables.

    Everything stays on this machine, in data/demo.db, which the next demo replaces. Your .env is not read.
    """
    folder = Path.cwd()
    path = folder / DATABASE
    command = _command_as_typed(folder)
    _remove_earlier(path)
    from inode_pipeline.emulator import EmulatorConfig, EmulatorServer

    # Several pages, so that there is something to walk.
    with EmulatorServer(EmulatorConfig(max_page_size=100)) as server:
        say(f"1/3  a synthetic iNode with {server.config.links} links answers at {server.base_url}")
        today = datetime.now(ZoneInfo(CITY_ZONE)).date()
        first = today - timedelta(days=days - 1)
        with _demo_environment(server, path, first, is_sampled=days > 1):
            _mark(path)
            if days > 1:
                say(f"     filling it from {first} on, with samples of the peak hours ...")
                _fill(first)
            say(f"2/3  Dagster runs the job {JOB} for {today} ...")
            receipt = _run(today)
            say(f"3/3  done: {path}\n")
            _show(receipt, path.relative_to(folder), command, first)


def _fill(first: date) -> None:
    """Sync every night and sample before now. The current folder is a temporary one."""
    from inode_pipeline.cli.demo_days import fill, import_roads
    from inode_pipeline.config import Settings

    settings = Settings.load(dotenv=False)
    with _warehouse() as warehouse, progress() as listen:
        fill(settings, warehouse, first, datetime.now(UTC), listen)
        import_roads(warehouse, Path(), first)


@contextmanager
def _demo_environment(server: EmulatorServer, path: Path, first: date, *, is_sampled: bool) -> Iterator[None]:
    """Use only the demo's settings: none of the caller's variables, no `.env`, no Dagster instance."""
    from sqlalchemy import URL

    config = server.config
    settings = {
        "INODE_BASE_URL": server.base_url,
        "INODE_USERNAME": config.username,
        "INODE_PASSWORD": config.password,
        "INODE_CLIENT_ID": config.client_id,
        "INODE_CLIENT_SECRET": config.client_secret,
        "INODE_WAREHOUSE_URL": URL.create("sqlite", database=str(path)).render_as_string(),
        "INODE_TIMEZONE": CITY_ZONE,
        "INODE_START_DATE": first.isoformat(),
        "INODE_SAMPLE_SCHEDULE": SAMPLE_SCHEDULE if is_sampled else "",
    }
    with environment.only(settings), tempfile.TemporaryDirectory() as empty, chdir(empty):
        yield


def _run(today: date) -> Receipt:
    """Run the job in this process, without Dagster's log, and return the receipt of its load."""
    import dagster as dg

    from inode_pipeline.analysis.receipts import receipts_of_run
    from inode_pipeline.analysis.status import read_status
    from inode_pipeline.definitions import defs

    level = "DEBUG" if logging.getLogger("inode_pipeline").isEnabledFor(logging.DEBUG) else "CRITICAL"
    loggers = {"loggers": {"console": {"config": {"log_level": level}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def(JOB).execute_in_process(
            run_config=loggers, partition_key=today.isoformat(), instance=instance, raise_on_error=False
        )
    with _warehouse() as warehouse:
        if not result.success:
            raise _failure(read_status(warehouse).last_run)
        return receipts_of_run(warehouse, result.run_id)[-1]


def _failure(run: LastRun | None) -> PipelineError:
    """The error that stopped the job, from its row in `runs`."""
    kind = getattr(errors, run.error or "", None) if run else None
    if run is None or not (isinstance(kind, type) and issubclass(kind, PipelineError)):
        return PipelineError(
            f"The job {JOB} failed inside Dagster.",
            remedy="Run `inode-pipeline demo --debug` and report what it prints.",
        )
    return kind(run.message or "", remedy="`inode-pipeline demo --debug` shows more.")


def _warehouse() -> Warehouse:
    from inode_pipeline.config import LocalSettings
    from inode_pipeline.warehouse.engine import open_warehouse

    return open_warehouse(LocalSettings.load(dotenv=False))


def _remove_earlier(path: Path) -> None:
    """Remove the file of an earlier demo; refuse to replace any other file."""
    from inode_pipeline.warehouse.sqlite_file import DEMO_MARK

    if not path.exists():
        return
    with path.open("rb") as file:
        header = file.read(72)
    if header and header[68:72] != DEMO_MARK.to_bytes(4, "big"):
        raise ConfigError(
            f"{path} exists and was not made by the demo; it was kept.", remedy="Move it, or run the demo elsewhere."
        )
    for name in (path, *(path.with_name(path.name + companion) for companion in ("-wal", "-shm"))):
        name.unlink(missing_ok=True)


def _mark(path: Path) -> None:
    """Create the file with a mark by which the next demo recognises it."""
    from inode_pipeline.warehouse.sqlite_file import DEMO_MARK

    with _warehouse(), closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {DEMO_MARK}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the mark must survive if the demo is killed


def _show(receipt: Receipt, path: Path, command: str, first: date) -> None:
    """Print the receipt, the slowest links, the path of the file and what to try next."""
    from inode_pipeline.analysis.status import unanswerable_questions
    from inode_pipeline.config import LocalSettings

    click.echo(f"The receipt ({SYNTHETIC})")
    with _warehouse() as warehouse:
        not_known = unanswerable_questions(warehouse, LocalSettings.load(dotenv=False))
    print_receipts([receipt], ZoneInfo(CITY_ZONE), not_known)
    click.echo()
    _show_congested()
    click.echo(f"The tables are in {path} ({SYNTHETIC}). Next, ask them something:")
    dates = f"--param from={first} --param to={receipt.snapshot_date}"
    questions = ("status", f"query worst_links {dates}", f"query worst_corridors {dates}", "report")
    for question in questions if first < receipt.snapshot_date else questions[:1]:
        click.echo(f"  INODE_WAREHOUSE_URL=sqlite:///{path} {command} {question}")
    click.echo(f"For your own account: {command} init")


def _command_as_typed(folder: Path) -> str:
    """The command as the user can type it in `folder`, which must be the current one.

    `make demo` runs the command by its path, without activating the virtual environment.
    """
    called = Path(sys.argv[0]).absolute()
    if called.name != "inode-pipeline" or shutil.which(called.name) == str(called):
        return "inode-pipeline"
    return os.path.relpath(called, folder)


def _show_congested() -> None:
    """Print the five slowest links as a table of fixed width, so that a log looks the same."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from inode_pipeline.analysis.receipts import most_congested

    with _warehouse() as warehouse:
        slowest = most_congested(warehouse, limit=SHOWN_LINKS)
    title = f"The {len(slowest)} most congested links of the last hour ({SYNTHETIC})"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("link")
    for heading in ("km/h", "free flow km/h", "speed / free flow", "measured (UTC)"):
        table.add_column(heading, justify="right")
    for link in slowest:
        table.add_row(
            Text(link.name),
            f"{link.last_speed_kmh:.1f}",
            f"{link.free_flow_speed_kmh:.1f}",
            f"{link.speed_ratio:.2f}",
            f"{link.last_observed_at:%H:%M}",
        )
    Console(width=120).print(table)
