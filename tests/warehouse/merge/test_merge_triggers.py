"""A trigger of the database's owner that drops or changes rows: a load that is not in the tables is never green."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from inode_pipeline.errors import ConfigError, LandingCorruptError, SchemaConflictError
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.landing import pages
from inode_pipeline.warehouse.stored import store
from inode_pipeline.warehouse.tables import METADATA

COLUMN = {
    "links": "name",
    "link_versions": "name",
    "link_snapshots": "content_hash",
    "link_observations": "speed_kmh",
    "observation_corrections": "speed_kmh",
    "link_bins": "n_observations",
    "rejected_records": "reason",
    "loads": "received",
    "walks": "verdict",
    "raw_pages": "sha256",
    "pipeline_settings": "value",
}
TEXT = {"name", "content_hash", "reason", "verdict", "sha256", "value"}
WRITES = [
    ("links", "INSERT"),
    ("links", "UPDATE"),
    ("link_versions", "INSERT"),
    ("link_snapshots", "INSERT"),
    ("link_snapshots", "UPDATE"),
    ("link_snapshots", "DELETE"),
    ("link_observations", "INSERT"),
    ("link_observations", "UPDATE"),
    ("link_observations", "DELETE"),
    ("observation_corrections", "INSERT"),
    ("link_bins", "INSERT"),
    ("link_bins", "UPDATE"),
    ("link_bins", "DELETE"),
    ("rejected_records", "INSERT"),
    ("rejected_records", "DELETE"),
    ("loads", "INSERT"),
]


def trigger(table: str, event: str, effect: str, *, is_postgresql: bool) -> str:
    column, key = COLUMN[table], [column.name for column in METADATA.tables[table].primary_key.columns]
    other = "'other'" if column in TEXT else "77"
    if is_postgresql:
        body = f"NEW.{column} := {other}; RETURN NEW;" if effect == "changes" else "RETURN NULL;"
        return (
            f"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;"
            f"CREATE TRIGGER t BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION t()"
        )
    if effect == "drops":
        return f"CREATE TRIGGER t BEFORE {event} ON {table} BEGIN SELECT RAISE(IGNORE); END"
    same = " AND ".join(f"{name} = NEW.{name}" for name in key)
    return f"CREATE TRIGGER t AFTER {event} ON {table} BEGIN UPDATE {table} SET {column} = {other} WHERE {same}; END"


def load(loader: Any, day: float, records: dict[str, int], rejected: list[str], seconds: float) -> None:
    """A walk in which every link was measured, at a time that its version gives."""
    with loader.loading(loader.land(day)) as load:
        frame = loader.frame_of(records)
        load.stage(frame.assign(last_travel_time_s=[seconds] * len(frame)), loader.rejects_of(rejected))
        load.merge(loader.rules, loader.facts(len(records) + len(rejected)))


def everything(loader: Any) -> dict[str, list[tuple[object, ...]]]:
    with reading(loader.warehouse) as connection:
        tables = [METADATA.tables[name] for name in dict(WRITES)]
        ordered = {table.name: select(table).order_by(*table.primary_key.columns) for table in tables}
        return {name: [tuple(row) for row in connection.execute(rows)] for name, rows in ordered.items()}


EFFECTS = [(table, event, effect) for table, event in WRITES for effect in ("drops", "changes")]
EFFECTS = [one for one in EFFECTS if one[1:] != ("DELETE", "changes")]


@pytest.mark.owner
@pytest.mark.parametrize(("table", "event", "effect"), EFFECTS, ids=[" ".join(one) for one in EFFECTS])
def test_m80_a_trigger_that_drops_or_changes_rows_stops_the_load(
    loader: Any, table: str, event: str, effect: str
) -> None:
    """One sentence for every table and kind of statement; the tables are as they were."""
    first = {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0, "f": 0}
    load(loader, 0, first, ["r"], 60)
    before = everything(loader)
    with transaction(loader.warehouse) as connection:
        connection.exec_driver_sql(trigger(table, event, effect, is_postgresql=loader.warehouse.is_postgresql))
    day, rejected, seconds = 0.1, ["s"], 61.0
    records = {"a": 1, "b": 0, "c": 0, "d": 0, "e": 0, "new": 0}
    if event == "DELETE" and table != "link_snapshots":  # the first walk once more, read by another field map
        day, rejected, seconds, records = 0, [], 60, {**first, "a": 1}
    with pytest.raises(SchemaConflictError) as caught:
        load(loader, day, records, rejected, seconds)
    assert f"The table {table} does not keep what a load writes" in caught.value.message
    assert "trigger" in caught.value.remedy
    assert before == everything(loader)


@pytest.mark.owner
@pytest.mark.parametrize("effect", ["drops", "changes"])
@pytest.mark.parametrize("table", ["walks", "raw_pages", "pipeline_settings"])
def test_m80_the_same_of_the_tables_that_a_load_begins_and_ends_with(
    warehouse: Warehouse, lander_class: Any, table: str, effect: str
) -> None:
    """A walk whose row or pages are not kept is not landed or not loaded, and no setting is lost."""
    lander = lander_class(warehouse)
    statement = trigger(table, "INSERT", effect, is_postgresql=warehouse.is_postgresql)
    with transaction(warehouse) as connection:
        connection.exec_driver_sql(statement)
    write = put_settings if table == "pipeline_settings" else lambda _: list(pages(warehouse, lander.land()))
    with pytest.raises((SchemaConflictError, LandingCorruptError, ConfigError)):
        write(warehouse)


def put_settings(warehouse: Warehouse) -> None:
    with transaction(warehouse) as connection:
        store(connection, zone="UTC", base_url=None)
