"""`status`: how complete the tables are and what to do; the first line says what matters most."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from inode_pipeline.text import visible_lines

if TYPE_CHECKING:
    from inode_pipeline.analysis.status import LastRun, Status


@click.command(short_help="Show how complete the tables are and as of when.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def status(as_json: bool) -> None:
    """Show how complete the tables are and as of when, how the last run ended, and what needs your attention.

    Only reads the warehouse; needs no credentials.
    """
    from inode_pipeline.analysis.status import is_sampled, open_existing, read_status, unanswerable_questions
    from inode_pipeline.config import LocalSettings
    from inode_pipeline.warehouse import stored

    settings = LocalSettings.load()
    now = datetime.now(UTC)
    with open_existing(settings) as warehouse:
        zone = ZoneInfo(stored.stored_zone(warehouse) or settings.zone.key)
        found, sampling_on = read_status(warehouse), is_sampled(warehouse)
        not_known, place = unanswerable_questions(warehouse, settings), warehouse.place
    line = headline(found, zone, now)
    if as_json:
        whole = {"headline": line, "warehouse": place, "data_as_of": found.data_as_of, "timezone": zone.key}
        click.echo(json.dumps({**whole, **asdict(found), "sampling_on": sampling_on}, default=_iso))
        return
    click.echo(f"{line}\n  {place}")
    for detail in _details(found, zone):
        click.echo(f"  {detail}")
    if not_known is not None:
        click.echo(f"  {not_known}")


def headline(found: Status, zone: ZoneInfo, now: datetime) -> str:
    """One line: how complete the tables are, as of when, how the last run ended and why, whether they are safe."""
    tables = "; ".join(
        f"{table.endpoint}: {table.completeness}"
        + (f", {table.held} rows as of {_when(table.snapshot_at, zone, now)}" if table.snapshot_at else "")
        for table in found.tables
    )
    safe = "The tables are safe to use." if found.data_as_of else "There is nothing to use yet."
    warnings = "".join(f"{table.warning} " for table in found.tables if table.warning)
    return visible_lines(f"{warnings}{tables[0].upper()}{tables[1:]}. {_ending(found.last_run, zone, now)} {safe}")


def _ending(run: LastRun | None, zone: ZoneInfo, now: datetime) -> str:
    if run is None:
        return "Nothing has run yet: `inode-pipeline sync` is the first run."
    return run.ending(_when(run.started_at, zone, now))


def _details(found: Status, zone: ZoneInfo) -> list[str]:
    from inode_pipeline.analysis.receipts import many

    lines = [
        f"{table.endpoint}: {table.held} present, {table.deleted} deleted; newest walk {table.verdict}, "
        f"{table.received} records, {table.rejected} set aside; {many(table.loads, 'load')}"
        for table in found.tables
        if table.snapshot_at
    ]
    if run := found.last_run:
        ended = f", ended {run.finished_at.astimezone(zone):%H:%M:%S}" if run.finished_at else ""
        lines.append(f"last run: {run.trigger}, for {run.snapshot_date}, {run.outcome}{ended}")
    lines += [
        f"refused: {walk.endpoint} of {walk.snapshot_date}: {walk.reason} If that is right: "
        f"inode-pipeline sync --date {walk.snapshot_date} --allow-shrink"
        for walk in found.refused
    ]
    if found.landed_not_loaded:
        lines.append(f"landed and not loaded: {found.landed_not_loaded}; `inode-pipeline replay` loads them")
    return [visible_lines(line) for line in lines]


def _when(instant: datetime, zone: ZoneInfo, now: datetime) -> str:
    minutes = max(0, int((now - instant).total_seconds() // 60))
    if minutes < 120:
        ago = f"{minutes} min ago"
    elif minutes < 48 * 60:
        ago = f"{minutes // 60} hours ago"
    else:
        ago = f"{minutes // (24 * 60)} days ago"
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M} {zone.key} ({ago})"


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
