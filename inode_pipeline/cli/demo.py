"""`demo`: the whole pipeline on this machine against a synthetic iNode, without an account.

It runs the job of every night through Dagster; earlier days come from `demo_days.py`.
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
from inode_pipeline.warehouse.sqlite_file import DEMO_MARK

if TYPE_CHECKING:
    from inode_pipeline.analysis.status import LastRun
    from inode_pipeline.emulator import EmulatorServer
    from inode_pipeline.warehouse.engine import Warehouse
    from inode_pipeline.warehouse.receipt import Receipt

DATABASE = Path("data") / "demo.db"
JOB = "sync_links"
SHOWN_LINKS = 5
CITY_ZONE = "America/Toronto"
"""The time zone of the synthetic city, whose peak hours are those of its people."""
SYNTHETIC = "synthetic data: made from a seed, measured nowhere"


@click.command(short_help="Try everything here, without an account.")
@click.option(
    "--days",
    type=click.IntRange(1, 92),
    default=1,
    show_default=True,
    help="How many dates to fill, today included; the earlier ones with samples of the peak hours.",
)
def demo(days: int) -> None:
    """Start a synthetic iNode, run the nightly job once through Dagster, and show what is in the tables.

    Everything happens on this machine, in data/demo.db, which a later demo replaces. Your .env is not read.
    """
    folder = Path.cwd()
    path = folder / DATABASE
    command = _as_called(folder)
    _remove_earlier(path)
    from inode_pipeline.emulator import EmulatorConfig, EmulatorServer

    # Pages smaller than the network, so that there is something to walk.
    with EmulatorServer(EmulatorConfig(max_page_size=100)) as server:
        say(f"1/3  a synthetic iNode with {server.config.links} links answers at {server.base_url}")
        today = datetime.now(ZoneInfo(CITY_ZONE)).date()
        first = today - timedelta(days=days - 1)
        with _surroundings(server, path, first, is_sampled=days > 1):
            _mark(path)
            if days > 1:
                say(f"     filling it from {first} on, with samples of the peak hours ...")
                _fill(first)
            say(f"2/3  Dagster runs the job {JOB} for {today} ...")
            receipt = _run(today)
            say(f"3/3  done: {path}\n")
            _show(receipt, path.relative_to(folder), command, first)


def _fill(first: date) -> None:
    """Every night and sample before now, in the current folder, which is empty."""
    from inode_pipeline.cli.demo_days import fill, import_roads
    from inode_pipeline.config import Settings

    settings = Settings.load(dotenv=False)
    with _warehouse() as warehouse, progress() as listen:
        fill(settings, warehouse, first, datetime.now(UTC), listen)
        import_roads(warehouse, Path(), first)


@contextmanager
def _surroundings(server: EmulatorServer, path: Path, first: date, *, is_sampled: bool) -> Iterator[None]:
    """The settings of the demo and no others: no variable of the caller's, no `.env`, no Dagster instance."""
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
    """Run the job in this process, Dagster's own log kept quiet; the receipt of its load."""
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
    """The error that stopped the job, as its row of `runs` keeps it."""
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
    """Remove the file of an earlier demo; any other file stays, and the demo does not run."""
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
    """Make the file, so that a later demo knows it as its own."""
    with _warehouse(), closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {DEMO_MARK}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # into the file itself, even if the demo is killed


def _show(receipt: Receipt, path: Path, command: str, first: date) -> None:
    """The receipt, the slowest links, where the file is and what to try next."""
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


def _as_called(folder: Path) -> str:
    """The command as the user can type it in `folder`: `make demo` calls it by its path, without activating anything.

    To be asked while `folder` is the current one.
    """
    called = Path(sys.argv[0]).absolute()
    if called.name != "inode-pipeline" or shutil.which(called.name) == str(called):
        return "inode-pipeline"
    return os.path.relpath(called, folder)


def _show_congested() -> None:
    """A table of the five slowest links; its width does not depend on the terminal, so that a log reads the same."""
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
