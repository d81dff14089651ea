"""Each configuration a link ever had, once, by its hash. A row is never changed and never removed."""

from __future__ import annotations

from sqlalchemy import Connection, Table, insert, select

from inode_pipeline.warehouse.staging import Staging


def keep_versions(connection: Connection, staging: Staging, versions: Table) -> None:
    """Add the configurations of the staged records that are not known yet."""
    records, kept = staging.records.c, versions.c
    key, *values = kept.keys()
    is_known = (
        select(kept[key])
        .where(kept[key] == records[staging.key], kept.content_hash == records.content_hash)
        .exists()
    )  # fmt: skip
    fresh = select(records[staging.key], *(records[name] for name in values)).where(~is_known)
    connection.execute(insert(versions).from_select([key, *values], fresh))
