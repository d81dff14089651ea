"""Promises that the bookkeeping answers: `loads` and `walks`. Each function examines one; `promises.py` words them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from inode_pipeline.analysis.finding import NOTHING_LOADED, Copy, Finding, some
from inode_pipeline.analysis.nights import newest_tick, promised_dates
from inode_pipeline.warehouse.engine import reading
from inode_pipeline.warehouse.receipt import SUM
from inode_pipeline.warehouse.tables import LOADS, WALKS, endpoint_table

NIGHTS = timedelta(days=30)


def walk_is_proven(copy: Copy) -> Finding:
    """Broken where the API gives no count, so that nobody can tell whether a record is missing."""
    walks = copy.loaded_walks(1)
    if not walks:
        return NOTHING_LOADED
    walk = walks[0]
    when = f"The walk of {walk.snapshot_at:%Y-%m-%d %H:%M} UTC"
    figures = {"verdict": walk.verdict, "pages": walk.pages, "received": walk.received}
    if walk.verdict == "unverified":
        return Finding("broken", f"{when} is unverified: the API tells no count, so none was marked as gone.", figures)
    if not walk.may_remove:
        text = f"{when} is {walk.verdict}, but holds records whose id cannot be read, so none was marked as gone."
        return Finding("broken", text, figures)
    return Finding("kept", f"{when} is {walk.verdict}: {walk.received} records on {walk.pages} pages.", figures)


def receipts_balance(copy: Copy) -> Finding:
    """Broken if the counts of a load do not add up to what it received."""
    counted = sum((LOADS.c[name] for name in SUM[1:]), LOADS.c[SUM[0]])
    of_endpoint = LOADS.c.endpoint == copy.endpoint.name
    wrong = select(LOADS.c.load_id).where(of_endpoint, LOADS.c.received != counted).order_by(LOADS.c.started_at.desc())
    with reading(copy.warehouse) as connection:
        loads = connection.scalar(select(func.count()).select_from(LOADS).where(of_endpoint)) or 0
        unbalanced = list(connection.scalars(wrong))
    figures = {"loads": loads, "unbalanced": len(unbalanced)}
    if not loads:
        return NOTHING_LOADED
    if unbalanced:
        text = f"{len(unbalanced)} of {loads} loads do not add up to what they received: {some(unbalanced)}."
        return Finding("broken", text, figures)
    return Finding("kept", f"All {loads} loads add up to what they received.", figures)


def no_sudden_shrink(copy: Copy) -> Finding:
    """Broken by a refused walk that waits for a person, or by a load that lacks more than is allowed."""
    walks = copy.loaded_walks(2)
    refused = _refused_since(copy, walks[0].snapshot_at if walks else None)
    if refused:
        text = f"Refused and waiting for a person: {some([f'{day}: {reason}' for day, reason in refused], 3)}"
        return Finding("broken", text, {"refused": len(refused)})
    if not walks:
        return NOTHING_LOADED
    if len(walks) == 1:
        return Finding("not checked", "Not checked: only one walk is loaded, so there is none to compare it with.")
    newest, before = walks
    held = before.received - before.duplicate
    rows = endpoint_table(copy.endpoint)
    gone = select(func.count()).select_from(rows).where(rows.c.last_seen_at == before.snapshot_at)
    allowed = select(WALKS.c.allow_shrink).where(WALKS.c.walk_id == newest.walk_id)
    with reading(copy.warehouse) as connection:
        lacking, permitted = connection.scalar(gone) or 0, connection.scalar(allowed)
    share = lacking / held if held else 0.0
    text = f"The newest walk lacks {lacking} of the {held} records of the walk before it."
    figures = {"lacking": lacking, "share": share, "limit": copy.settings.max_shrink_fraction}
    if share <= copy.settings.max_shrink_fraction:
        return Finding("kept", text, figures)
    if permitted:
        return Finding("kept", f"{text} A person has allowed that.", figures)
    return Finding("broken", text, figures)


def nothing_is_set_aside(copy: Copy) -> Finding:
    """Broken by every record that could not be typed: fewer than the limit do not stop a load, but are no green."""
    walks = copy.loaded_walks(1)
    if not walks:
        return NOTHING_LOADED
    rejected, received = walks[0].rejected, walks[0].received
    share = rejected / received if received else 0.0
    figures = {"rejected": rejected, "share": share, "limit": copy.settings.max_rejected_fraction}
    if not rejected:
        return Finding("kept", f"All {received} records of the newest walk could be typed.", figures)
    text = f"{rejected} of {received} records of the newest walk could not be typed; rejected_records says why."
    return Finding("broken", text, figures)


def data_is_fresh(copy: Copy) -> Finding:
    """Broken if the newest loaded walk is of an earlier date than the last tick that is due."""
    walks = copy.loaded_walks(1)
    if not walks:
        return NOTHING_LOADED
    newest: datetime = walks[0].snapshot_at
    due = newest_tick(copy.settings.sync_schedule, copy.zone, copy.now - copy.grace)
    figures: dict[str, float | str] = {
        "snapshot_at": newest.isoformat(),
        "age_h": round((copy.now - newest).total_seconds() / 3600, 2),
    }
    if due is None:
        return Finding("not checked", "Not checked: INODE_SYNC_SCHEDULE has not ticked within a year.", figures)
    text = f"The newest data was read at {newest:%Y-%m-%d %H:%M} UTC; the last sync was due at {due:%Y-%m-%d %H:%M %Z}."
    return Finding("kept" if walks[0].snapshot_date >= due.date() else "broken", text, figures)


def no_night_is_missed(copy: Copy) -> Finding:
    """Broken by each date without a loaded walk, from the first date that has one."""
    of_endpoint = LOADS.c.endpoint == copy.endpoint.name
    with reading(copy.warehouse) as connection:
        loaded = set(connection.scalars(select(LOADS.c.snapshot_date).where(of_endpoint).distinct()))
    if not loaded:
        return NOTHING_LOADED
    gaps = missed_dates(copy, loaded)
    if not gaps:
        return Finding("kept", "No scheduled date of the last 30 days is without a snapshot.", {"missed": 0})
    text = f"Missed: {some([str(day) for day in gaps])}. The API returns only the present, so these gaps stay."
    return Finding("broken", text, {"missed": len(gaps)})


def missed_dates(copy: Copy, loaded: set[date]) -> list[date]:
    """The dates of the last 30 days that a tick promised and that are not among the loaded ones, oldest first."""
    since, until = copy.now - NIGHTS, copy.now - copy.grace
    promised = promised_dates(copy.settings.sync_schedule, copy.zone, since, until)
    return [day for day in promised if day > min(loaded) and day not in loaded]


def _refused_since(copy: Copy, newest: datetime | None) -> list[tuple[date, str]]:
    """The refused walks that nobody has allowed and that are newer than what is loaded."""
    refused = select(WALKS.c.snapshot_date, WALKS.c.refused_reason).where(
        WALKS.c.endpoint == copy.endpoint.name, WALKS.c.refused_at.is_not(None), WALKS.c.allow_shrink.is_(False)
    )
    if newest is not None:
        refused = refused.where(WALKS.c.snapshot_at > newest)
    with reading(copy.warehouse) as connection:
        return [(day, reason or "") for day, reason in connection.execute(refused.order_by(WALKS.c.snapshot_at))]
