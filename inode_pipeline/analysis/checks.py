"""The nine checks of a warehouse's tables, listed in `CHECKS`. `check.py` defines what a check is.

Not here: unique keys, receipts that add up, bins, versions, corrections and daily lists. Primary keys and the load's
transaction ensure them, and the tests assert them after every load.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import func, select

from inode_pipeline.analysis.check import (
    NOT_YET,
    NOTHING_LOADED,
    CheckContext,
    Result,
    Walk,
    check,
    scheduled_dates,
    some,
)
from inode_pipeline.analysis.inspect import inspect_page
from inode_pipeline.analysis.receipts import unmeasured, why_unverified
from inode_pipeline.api.answer import read_answer
from inode_pipeline.errors import LandingCorruptError
from inode_pipeline.normalise import NORMALISER_VERSION, Normaliser
from inode_pipeline.normalise.inventory import CONTAINER
from inode_pipeline.normalise.units import HIGHEST, LOWEST, motions
from inode_pipeline.text import short
from inode_pipeline.warehouse import landing
from inode_pipeline.warehouse.engine import reading
from inode_pipeline.warehouse.tables import FACTS, LOADS, REJECTED_RECORDS, WALKS, endpoint_table
from inode_pipeline.warehouse.walks import LandedWalk, walk_by_id

__all__ = ["CHECKS"]

NIGHTS = timedelta(days=30)
SILENT_AFTER = timedelta(days=2)

_rejected_fields = select(REJECTED_RECORDS.c.field).distinct()

NUMBERS = {"integer": "number"}
"""5 on one day and 5.5 on the next are the same kind of value."""

PURGED = Result("not checked", "Not checked: the pages of the newest loaded walk were purged.")


@check(
    "pages",
    "warning",
    "The newest loaded walk is shown to hold every record: its pages agree with the API's own count, or a second walk "
    "confirmed it.",
)
def walk_is_proven(_context: CheckContext, walk: Walk) -> Result:
    """Fails if no count proves the walk or an id cannot be read, so that a link may be missing."""
    when = f"The walk of {walk.snapshot_at:%Y-%m-%d %H:%M} UTC"
    figures = {"verdict": walk.verdict, "pages": walk.pages, "received": walk.received}
    if walk.verdict == "unverified":
        text = f"{when} is unverified: {why_unverified(walk)}, so no link was marked as gone."
        return Result("failed", text, figures)
    if not walk.may_remove:
        text = f"{when} is {walk.verdict}, but holds records whose id cannot be read, so no link was marked as gone."
        return Result("failed", text, figures)
    return Result("passed", f"{when} is {walk.verdict}: {walk.received} records on {walk.pages} pages.", figures)


@check("pages", "warning", "The records have the same fields of the same kinds as in the walk before.", walks=2)
def fields_stay(context: CheckContext, newest: Walk, before: Walk) -> Result:
    """Fails if a field is new, missing, or of another kind than in the previous loaded walk."""
    new, gone = sorted(newest.fields.keys() - before.fields.keys()), sorted(before.fields.keys() - newest.fields.keys())
    kinds, kinds_before = (_kinds(context, walk.walk_id) for walk in (newest, before))
    changed = [
        f"{short(path)} from {' or '.join(sorted(kinds_before[path]))} to {' or '.join(sorted(kinds[path]))}"
        for path in sorted(kinds.keys() & kinds_before.keys())
        if kinds[path] and kinds_before[path] and not kinds[path] & kinds_before[path]
    ]
    figures = {"new": len(new), "missing": len(gone), "changed": len(changed)}
    if not (new or gone or changed):
        return Result("passed", f"The same {len(newest.fields)} fields of the same kinds.", figures)
    parts = {"New": map(short, new), "Missing": map(short, gone), "Changed": iter(changed)}
    found = {word: some(names) for word, names in parts.items()}
    text = " ".join(f"{word}: {names}." for word, names in found.items() if names)
    return Result("failed", text, figures, about=[*map(short, (*new, *gone)), *changed])


@check(
    "pages",
    "warning",
    "Each date of the last 30 on which INODE_SYNC_SCHEDULE ticked has a loaded snapshot. One that has none cannot be "
    "fetched later.",
)
def no_night_is_missed(context: CheckContext, _newest: Walk) -> Result:
    """Fails if a scheduled date since the first loaded one has no loaded walk."""
    of_endpoint = LOADS.c.endpoint == context.endpoint.name
    with reading(context.warehouse) as connection:
        loaded = set(connection.scalars(select(LOADS.c.snapshot_date).where(of_endpoint).distinct()))
    since, until = context.now - NIGHTS, context.now - context.grace
    scheduled = scheduled_dates(context.settings.sync_schedule, context.zone, since, until)
    missed = [str(day) for day in scheduled if day > min(loaded) and day not in loaded]
    if not missed:
        return Result("passed", "No scheduled date of the last 30 days is without a snapshot.", {"missed": 0})
    text = f"Missed: {some(missed)}. The API returns only the present, so these gaps stay."
    return Result("failed", text, {"missed": len(missed)})


@check(
    "table",
    "error",
    "Read again from the landed pages, the newest loaded walk gives the counts of its receipt and exactly the rows of "
    "the table.",
)
def recount_agrees(context: CheckContext, walk: Walk) -> Result:
    """Fails if the landed pages disagree with the receipt or with the rows of the newest loaded walk."""
    landed = walk_by_id(context.warehouse, walk.walk_id)
    if landed is None or landed.purged_at is not None:
        return PURGED
    if walk.normaliser_version != NORMALISER_VERSION:
        return Result("not checked", "Not checked: the walk was loaded by another version; `replay` loads it again.")
    try:
        counts, hashes, rejected = _read_again(context, landed)
    except LandingCorruptError as problem:
        return Result("failed", problem.message)
    receipt = {name: getattr(walk, name) for name in counts}
    stored = _stored_hashes(context)
    differing = sum(stored.get(key) != found for key, found in hashes.items())
    unknown = len(stored.keys() - hashes.keys() - rejected)
    figures = {"differing_rows": differing, "rows_not_in_the_walk": unknown, **counts}
    if counts == receipt and not differing and not unknown:
        return Result("passed", f"{counts['received']} records counted again; receipt and rows agree.", figures)
    text = (
        f"The pages give {_listed(counts)}, the receipt says {_listed(receipt)}; {differing} records differ from their "
        f"row and {unknown} rows have no record. `inode-pipeline replay` of the newest date restores the rows, also "
        "after a change of the field map."
    )
    return Result("failed", text, figures)


@check(
    "table",
    "warning",
    "The newest walk lacks no larger share of the links than INODE_MAX_SHRINK_FRACTION, and no newer walk was refused "
    "for that.",
    walks=0,  # a refused walk may be the first of all
)
def no_sudden_shrink(context: CheckContext) -> Result:
    """Fails if a refused walk waits for permission, or if the newest load lacks more links than allowed."""
    walks = context.loaded_walks(2)
    refused = _refused_since(context, walks[0].snapshot_at if walks else None)
    if refused:
        text = f"Refused and waiting for a person: {some([f'{day}: {reason}' for day, reason in refused], 3)}"
        return Result("failed", text, {"refused": len(refused)})
    if len(walks) < 2:
        return NOT_YET if walks else NOTHING_LOADED
    newest, before = walks
    held = before.received - before.duplicate
    rows = endpoint_table(context.endpoint)
    gone = select(func.count()).select_from(rows).where(rows.c.last_seen_at == before.snapshot_at)
    allowed = select(WALKS.c.allow_shrink).where(WALKS.c.walk_id == newest.walk_id)
    with reading(context.warehouse) as connection:
        lacking, permitted = connection.scalar(gone) or 0, connection.scalar(allowed)
    share, limit = lacking / held if held else 0.0, context.settings.max_shrink_fraction
    text = f"The newest walk lacks {lacking} of the {held} records of the walk before it."
    figures = {"lacking": lacking, "share": share, "limit": limit}
    if share > limit and permitted:
        return Result("passed", f"{text} A person has allowed that.", figures)
    return Result("passed" if share <= limit else "failed", text, figures)


@check("table", "warning", "Every record of the newest loaded walk could be typed; none is in rejected_records.")
def nothing_is_set_aside(context: CheckContext, walk: Walk) -> Result:
    """Fails if any record could not be typed: a few do not stop a load, but the table is incomplete."""
    rejected, received = walk.rejected, walk.received
    share = rejected / received if received else 0.0
    figures = {"rejected": rejected, "share": share, "limit": context.settings.max_rejected_fraction}
    if not rejected:
        return Result("passed", f"All {received} records of the newest walk could be typed.", figures)
    of_walk = REJECTED_RECORDS.c.walk_id == walk.walk_id
    with reading(context.warehouse) as connection:
        fields = sorted(field or "record" for field in connection.scalars(_rejected_fields.where(of_walk)))
    text = (
        f"{rejected} of {received} records of the newest walk could not be typed ({some(fields)}); rejected_records "
        "says why."
    )
    return Result("failed", text, figures, about=fields)


@check(
    "table",
    "error",
    "Length divided by travel time is the speed: the median of 3.6 * length / time / speed is between 0.8 and 1.25.",
)
def units_agree(context: CheckContext, _newest: Walk) -> Result:
    """Not checked if no present row has a length, a travel time and a speed."""
    motion = context.endpoint.measured
    table = endpoint_table(context.endpoint)
    if motion is None:
        return Result("not checked", "Not checked: the endpoint measures no motion.")
    names = (motion.length, motion.time, motion.speed)
    present = select(*(table.c[name] for name in names)).where(table.c.last_seen_at.is_(None))
    with reading(context.warehouse) as connection:
        rows = connection.execute(present).all()
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    known = motions(*columns)
    if not known.size:
        unknown = [name for name, values in zip(names, columns, strict=True) if not any(values)]
        which = f"{' and '.join(unknown)} unknown in every row" if unknown else "no row knows all three"
        return Result("not checked", f"Not checked: of {', '.join(names)}, {which}.", {"rows_checked": 0})
    median = float(np.median(3.6 * known[0] / known[1] / known[2]))
    figures = {"median": median, "rows_checked": known.shape[1], "rows": len(rows)}
    text = f"The median over {known.shape[1]} of {len(rows)} present rows is {median:.3g}."
    return Result("passed" if LOWEST <= median <= HIGHEST else "failed", text, figures)


@check(
    "table",
    "warning",
    "The newest data is not older than the last tick of INODE_SYNC_SCHEDULE whose sync has had time to finish. What "
    "counts is when the data was read, not when a run ended.",
)
def data_is_fresh(context: CheckContext, walk: Walk) -> Result:
    """Fails if the newest loaded walk has an earlier date than the last tick that is due."""
    newest: datetime = walk.snapshot_at
    due = context.due_tick()
    figures: dict[str, float | str] = {
        "snapshot_at": newest.isoformat(),
        "age_h": round((context.now - newest).total_seconds() / 3600, 2),
    }
    if due is None:
        return Result("not checked", "Not checked: INODE_SYNC_SCHEDULE has not ticked within a year.", figures)
    text = f"The newest data was read at {newest:%Y-%m-%d %H:%M} UTC; the last sync was due at {due:%Y-%m-%d %H:%M %Z}."
    return Result("passed" if walk.snapshot_date >= due.date() else "failed", text, figures)


@check(
    "table",
    "warning",
    "Every present link that was ever measured and is not disabled has a measurement of the two days before the newest "
    "snapshot.",
)
def no_link_is_silent(context: CheckContext, walk: Walk) -> Result:
    """Fails if there is such a link, or if the newest walk has no measurement at all."""
    if context.endpoint.measured is None:
        return Result("not checked", "Not checked: the endpoint measures nothing.")
    if warning := unmeasured(walk):
        return Result("failed", warning, {"without_measurement": walk.no_data}, about=["no measurement"])
    table, key = endpoint_table(context.endpoint), context.endpoint.key.name
    observed = FACTS[context.endpoint.name].observations.c
    last = select(func.max(observed.observed_at)).where(observed.link_id == table.c[key]).scalar_subquery()
    is_enabled = func.lower(func.coalesce(table.c.status, "")) != "disabled"
    watched = select(table.c[key], last.label("last")).where(table.c.last_seen_at.is_(None), is_enabled).subquery()
    oldest = walk.snapshot_at - SILENT_AFTER
    with reading(context.warehouse) as connection:
        measured = connection.scalar(select(func.count(watched.c.last))) or 0
        silent = sorted(map(short, connection.scalars(select(watched.c[key]).where(watched.c.last < oldest))))
    figures = {"silent": len(silent), "watched": measured}
    if not silent:
        return Result("passed", f"All {measured} links that were ever measured were measured within two days.", figures)
    text = f"{len(silent)} of {measured} links were not measured within two days: {some(silent)}."
    return Result("failed", text, figures, about=silent)


CHECKS = (
    walk_is_proven,
    fields_stay,
    no_night_is_missed,
    recount_agrees,
    no_sudden_shrink,
    nothing_is_set_aside,
    units_agree,
    data_is_fresh,
    no_link_is_silent,
)


def _refused_since(context: CheckContext, newest: datetime | None) -> list[tuple[date, str]]:
    """The refused walks that are newer than the newest loaded one and not allowed yet."""
    refused = select(WALKS.c.snapshot_date, WALKS.c.refused_reason).where(
        WALKS.c.endpoint == context.endpoint.name, WALKS.c.refused_at.is_not(None), WALKS.c.allow_shrink.is_(False)
    )
    if newest is not None:
        refused = refused.where(WALKS.c.snapshot_at > newest)
    with reading(context.warehouse) as connection:
        return [(day, reason or "") for day, reason in connection.execute(refused.order_by(WALKS.c.snapshot_at))]


def _read_again(context: CheckContext, walk: LandedWalk) -> tuple[dict[str, int], dict[str, str], set[str]]:
    """The counts of the landed pages, each typed record's hash by its key, and the keys of rejected records."""
    normaliser = Normaliser(context.endpoint)
    hashes: dict[str, str] = {}
    rejected: set[str] = set()
    for page in landing.pages(context.warehouse, walk):
        batch = normaliser.page(page.number, read_answer(page.body).records)
        hashes.update(zip(batch.frame[context.endpoint.key.name], batch.frame["record_hash"], strict=True))
        rejected.update(batch.rejected["link_id"].dropna())
    counts = {name: int(getattr(normaliser, name)) for name in ("received", "rejected", "duplicate")}
    return counts, hashes, rejected


def _stored_hashes(context: CheckContext) -> dict[str, str]:
    table = endpoint_table(context.endpoint)
    present = select(table.c[context.endpoint.key.name], table.c.record_hash).where(table.c.last_seen_at.is_(None))
    with reading(context.warehouse) as connection:
        return dict(iter(connection.execute(present)))


def _kinds(context: CheckContext, walk_id: str) -> Mapping[str, set[str]]:
    """The kinds of each field, except null, on the first landed page of a walk; empty if the pages were purged."""
    walk = walk_by_id(context.warehouse, walk_id)
    if walk is None or walk.purged_at is not None:
        return {}
    try:
        page = next(landing.pages(context.warehouse, walk))
    except LandingCorruptError:  # `recount_agrees` reports it
        return {}
    described = inspect_page(context.endpoint, read_answer(page.body).records)
    return {
        row.path: {NUMBERS.get(kind, kind) for kind in row.types if kind != "null"}
        for row in described
        if row.column != CONTAINER
    }


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
