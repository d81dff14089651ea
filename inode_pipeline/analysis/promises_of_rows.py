"""Promises that the rows and the landed pages answer. Each function examines one; `promises.py` words them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
from sqlalchemy import func, select

from inode_pipeline.analysis.finding import NOTHING_LOADED, Copy, Finding, some
from inode_pipeline.analysis.inspect import inspect_page
from inode_pipeline.api.answer import read_answer
from inode_pipeline.errors import LandingCorruptError
from inode_pipeline.normalise import NORMALISER_VERSION, Normaliser
from inode_pipeline.normalise.inventory import CONTAINER, clean
from inode_pipeline.normalise.units import HIGHEST, LOWEST, motions
from inode_pipeline.warehouse import landing
from inode_pipeline.warehouse.engine import reading
from inode_pipeline.warehouse.landing import LandedWalk
from inode_pipeline.warehouse.tables import endpoint_table

SILENT_AFTER = timedelta(days=2)

NUMBERS = {"integer": "number"}
"""An API that writes 5 on one day and 5.5 on the next has changed nothing."""

PURGED = Finding("not checked", "Not checked: the pages of the newest loaded walk were purged.")


def keys_are_unique(copy: Copy) -> Finding:
    """Broken by a row without a key or with that of another one, which the primary key should have refused."""
    table = endpoint_table(copy.endpoint)
    key = table.c[copy.endpoint.key.name]
    with reading(copy.warehouse) as connection:
        rows, keys, different = connection.execute(
            select(func.count(), func.count(func.nullif(key, "")), func.count(func.nullif(key, "").distinct()))
        ).one()
    figures = {"rows": rows, "without_key": rows - keys, "repeated": keys - different}
    if not rows:
        return Finding("not checked", "Not checked: the table is empty.", figures)
    if different == rows:
        return Finding("kept", f"All {rows} rows have a key of their own.", figures)
    return Finding("broken", f"{rows - keys} rows have no key and {keys - different} repeat another's.", figures)


def units_agree(copy: Copy) -> Finding:
    """Not checked where a present row never knows length, travel time and speed at once."""
    motion = copy.endpoint.measured
    table = endpoint_table(copy.endpoint)
    if motion is None:
        return Finding("not checked", "Not checked: the endpoint measures no motion.")
    names = (motion.length, motion.time, motion.speed)
    present = select(*(table.c[name] for name in names)).where(table.c.last_seen_at.is_(None))
    with reading(copy.warehouse) as connection:
        rows = connection.execute(present).all()
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    known = motions(*columns)
    if not known.size:
        unknown = [name for name, values in zip(names, columns, strict=True) if not any(values)]
        which = f"{' and '.join(unknown)} unknown in every row" if unknown else "no row knows all three"
        return Finding("not checked", f"Not checked: of {', '.join(names)}, {which}.", {"rows_checked": 0})
    median = float(np.median(3.6 * known[0] / known[1] / known[2]))
    figures = {"median": median, "rows_checked": known.shape[1], "rows": len(rows)}
    text = f"The median over {known.shape[1]} of {len(rows)} present rows is {median:.3g}."
    return Finding("kept" if LOWEST <= median <= HIGHEST else "broken", text, figures)


def no_link_is_silent(copy: Copy) -> Finding:
    """Broken by each present row whose last measurement lies too far before the newest walk, or that never had one."""
    measured = copy.endpoint.observed_at
    walks = copy.loaded_walks(1)
    if not walks or measured is None:
        return NOTHING_LOADED
    table = endpoint_table(copy.endpoint)
    seen = table.c[measured.name]
    present = select(table.c[copy.endpoint.key.name], seen).where(table.c.last_seen_at.is_(None))
    with reading(copy.warehouse) as connection:
        rows = list(connection.execute(present.order_by(table.c[copy.endpoint.key.name])))
    if not any(instant for _, instant in rows):
        return Finding("not checked", f"Not checked: {measured.name} is unknown in every row.", {"present": len(rows)})
    oldest = walks[0].snapshot_at - SILENT_AFTER
    silent = [clean(key) for key, instant in rows if instant is None or instant < oldest]
    figures = {"silent": len(silent), "present": len(rows)}
    if not silent:
        return Finding("kept", f"All {len(rows)} present rows were measured within two days.", figures)
    text = f"{len(silent)} of {len(rows)} present rows were not measured within two days: {some(silent)}."
    return Finding("broken", text, figures)


def recount_agrees(copy: Copy) -> Finding:
    """Broken if the landed pages say another thing than the receipt or the rows of the newest loaded walk."""
    walks = copy.loaded_walks(1)
    if not walks:
        return NOTHING_LOADED
    load = walks[0]
    walk = landing.walk_by_id(copy.warehouse, load.walk_id)
    if walk is None or walk.purged_at is not None:
        return PURGED
    if load.normaliser_version != NORMALISER_VERSION:
        return Finding("not checked", "Not checked: the walk was loaded by another version; `replay` loads it again.")
    try:
        counts, hashes, refused = _read_again(copy, walk)
    except LandingCorruptError as problem:
        return Finding("broken", problem.message)
    said = {name: getattr(load, name) for name in counts}
    stored = _stored_hashes(copy)
    differing = sum(stored.get(key) != found for key, found in hashes.items())
    unknown = len(stored.keys() - hashes.keys() - refused)
    figures = {"differing_rows": differing, "rows_not_in_the_walk": unknown, **counts}
    if counts == said and not differing and not unknown:
        return Finding("kept", f"{counts['received']} records counted again; receipt and rows agree.", figures)
    text = (
        f"The pages give {_listed(counts)}, the receipt says {_listed(said)}; {differing} records differ from their "
        f"row and {unknown} rows have no record. If the field map has changed since, `inode-pipeline replay` mends it."
    )
    return Finding("broken", text, figures)


def fields_stay(copy: Copy) -> Finding:
    """Broken by a field that is new, gone, or of another kind than in the loaded walk before."""
    walks = copy.loaded_walks(2)
    if len(walks) < 2:
        return Finding("not checked", "Not checked: there is no earlier loaded walk to compare the fields with.")
    newest, before = walks
    new, gone = sorted(newest.fields.keys() - before.fields.keys()), sorted(before.fields.keys() - newest.fields.keys())
    kinds, kinds_before = (_kinds(copy, load.walk_id) for load in walks)
    changed = [
        f"{clean(path)} from {' or '.join(sorted(kinds_before[path]))} to {' or '.join(sorted(kinds[path]))}"
        for path in sorted(kinds.keys() & kinds_before.keys())
        if kinds[path] and kinds_before[path] and not kinds[path] & kinds_before[path]
    ]
    figures = {"new": len(new), "missing": len(gone), "changed": len(changed)}
    if not (new or gone or changed):
        return Finding("kept", f"The same {len(newest.fields)} fields of the same kinds.", figures)
    parts = {"New": map(clean, new), "Missing": map(clean, gone), "Changed": iter(changed)}
    found = {word: some(iter(names)) for word, names in parts.items()}
    return Finding("broken", " ".join(f"{word}: {names}." for word, names in found.items() if names), figures)


def _read_again(copy: Copy, walk: LandedWalk) -> tuple[dict[str, int], dict[str, str], set[str]]:
    """What the pages hold: the counts, each typed record's hash by its key, and the keys that were set aside."""
    normaliser = Normaliser(copy.endpoint)
    hashes: dict[str, str] = {}
    refused: set[str] = set()
    for page in landing.pages(copy.warehouse, walk):
        batch = normaliser.page(page.number, read_answer(page.body).records)
        hashes.update(zip(batch.frame[copy.endpoint.key.name], batch.frame["record_hash"], strict=True))
        refused.update(batch.rejected["link_id"].dropna())
    counts = {name: int(getattr(normaliser, name)) for name in ("received", "rejected", "duplicate")}
    return counts, hashes, refused


def _stored_hashes(copy: Copy) -> dict[str, str]:
    table = endpoint_table(copy.endpoint)
    present = select(table.c[copy.endpoint.key.name], table.c.record_hash).where(table.c.last_seen_at.is_(None))
    with reading(copy.warehouse) as connection:
        return dict(iter(connection.execute(present)))


def _kinds(copy: Copy, walk_id: str) -> Mapping[str, set[str]]:
    """The kinds of each field, nulls apart, on the first landed page of a walk; none if the pages are gone."""
    walk = landing.walk_by_id(copy.warehouse, walk_id)
    if walk is None or walk.purged_at is not None:
        return {}
    try:
        page = next(landing.pages(copy.warehouse, walk))
    except LandingCorruptError:  # `recount_agrees` tells of it
        return {}
    described = inspect_page(copy.endpoint, read_answer(page.body).records)
    return {
        row.path: {NUMBERS.get(kind, kind) for kind in row.types if kind != "null"}
        for row in described
        if row.column != CONTAINER
    }


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
