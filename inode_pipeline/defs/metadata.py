"""The metadata of the assets: columns, number of rows, the receipt of each load, and a preview.

Each number is a separate entry, so that the UI can plot it over time. Of the records, only the typed columns of the
preview are shown. Concept: https://docs.dagster.io/guides/build/assets/metadata-and-tags
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg
from sqlalchemy import Table

from inode_pipeline.analysis.receipts import preview, preview_facts, summary, unmeasured
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.text import visible
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.receipt import Receipt, sum_of
from inode_pipeline.warehouse.tables import FACTS, RAW_PAGES, endpoint_table

AssetMetadata = dict[str, Any]
"""The metadata of one asset for one date."""

Previews = Mapping[str, Sequence[str]]
"""The columns shown of each table: few, because a wide preview pushes other values off the asset's page."""

TEXT_LIMIT = 28
"""The maximum length of a text in the preview, because a name may be a megabyte long."""

COLUMN_TYPES = {
    "UtcTimestamp": "timestamp",
    "CalendarDate": "date",
    "BigInteger": "bigint",
    "Double": "double",
    "Json": "json",
    "LargeBinary": "bytes",
}

FACT_UNITS = {"travel_time_s": "s", "speed_kmh": "km/h"}

CHANGES = ("inserted", "updated", "unchanged", "reopened", "vanished", "superseded", "rejected", "duplicate")
OBSERVATIONS = ("no_data", "observations_inserted", "observations_corrected")
COST = ("pages", "requests", "retries", "logins", "seconds", "walks")


def pages_schema() -> dg.TableSchema:
    """The columns of the landed pages."""
    return _schema(RAW_PAGES, types={}, units={})


def table_schema(endpoint: Endpoint) -> dg.TableSchema:
    """The columns of the endpoint's table with their units: its own first, then the bookkeeping columns."""
    return _schema(
        endpoint_table(endpoint),
        types={column.name: column.type for column in endpoint.columns},
        units={column.name: column.unit for column in endpoint.columns if column.unit},
    )


def fact_schema(endpoint: Endpoint, table: Table) -> dg.TableSchema:
    """The columns of one of the endpoint's fact tables with their units."""
    return _schema(
        table,
        types={column.name: column.type for column in endpoint.columns},
        units={**{column.name: column.unit for column in endpoint.columns if column.unit}, **FACT_UNITS},
    )


def _schema(table: Table, *, types: Mapping[str, str], units: Mapping[str, str]) -> dg.TableSchema:
    columns = []
    key = table.primary_key.columns.keys()
    for column in table.columns:
        unit = f" Unit: {units[column.name]}." if column.name in units else ""
        columns.append(
            dg.TableColumn(
                column.name,
                types.get(column.name) or COLUMN_TYPES.get(type(column.type).__name__, "text"),
                description=f"{column.comment}{unit}",
                constraints=dg.TableColumnConstraints(nullable=bool(column.nullable), unique=key == [column.name]),
            )
        )
    return dg.TableSchema(columns=columns)


def about_walks(warehouse: Warehouse, receipts: Sequence[Receipt]) -> AssetMetadata:
    """What was landed for one date, and the requests it took: 0 if landed pages were loaded again."""
    total = sum_of(receipts).as_json()
    names = ("verdict", "snapshot_at", "received", *COST)
    return {
        **{name: total[name] for name in names},
        **_table(warehouse, "raw_pages", rows=int(total["pages"]), schema=pages_schema()),
    }


def about_table(
    warehouse: Warehouse, endpoint: Endpoint, receipts: Sequence[Receipt], previews: Previews, not_known: str | None
) -> AssetMetadata:
    """The table after the loads of one date: its completeness, then the changes, then the requests and time.

    `not_known` says which questions the tables cannot answer.
    """
    receipt = sum_of(receipts)
    total = receipt.as_json()
    count, rows = preview(warehouse, endpoint)
    warnings = {"not_measured": unmeasured(receipt), "not_known": not_known}
    return {
        **{name: text for name, text in warnings.items() if text},
        "verdict": receipt.verdict,
        "summary": summary(receipt),
        **{name: total[name] for name in (*CHANGES, "received", *OBSERVATIONS)},
        "preview": _preview(rows, previews[endpoint.name]),
        **{name: total[name] for name in ("snapshot_at", "load_id", *COST)},
        **_table(warehouse, endpoint.name, rows=count, schema=table_schema(endpoint)),
    }


def about_facts(
    warehouse: Warehouse, endpoint: Endpoint, receipts: Sequence[Receipt], previews: Previews
) -> dict[str, AssetMetadata]:
    """The endpoint's fact tables, by name: what the loads of one date wrote, and the first rows."""
    total = sum_of(receipts).as_json()
    shown: dict[str, AssetMetadata] = {}
    tables = FACTS[endpoint.name]
    for table, (count, rows) in preview_facts(warehouse, tables, receipts).items():
        about = _table(warehouse, table.name, rows=count, schema=fact_schema(endpoint, table))
        if table is not tables.versions:  # only the rows of the date are counted
            about["dagster/partition_row_count"] = about.pop("dagster/row_count")
        counts = OBSERVATIONS if table is tables.observations else ()
        shown[table.name] = {
            "verdict": total["verdict"],
            **{name: total[name] for name in counts},
            "preview": _preview(rows, previews[table.name]),
            **about,
        }
    return shown


def _preview(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> dg.MetadataValue:
    """Show rows as a table of the UI, so that no markup needs to be escaped."""
    if not rows:
        return dg.MetadataValue.text("no rows")
    return dg.MetadataValue.table(
        [dg.TableRecord({name: _shown(row[name]) for name in columns}) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name, "string") for name in columns]),
    )


def _table(warehouse: Warehouse, name: str, *, rows: int, schema: dg.TableSchema) -> AssetMetadata:
    """Dagster's standard metadata of a table."""
    url = warehouse.engine.url
    return {
        "dagster/row_count": rows,
        "dagster/column_schema": schema,
        "dagster/table_name": f"{url.database}.{warehouse.schema}.{name}" if warehouse.is_postgresql else name,
        "dagster/storage_kind": "postgresql" if warehouse.is_postgresql else "sqlite",
    }


def _shown(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return visible(value, TEXT_LIMIT)
