"""Temporary tables in which the observations of one load are worked out, gone before its commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Boolean, Column, Connection, PrimaryKeyConstraint, Table, Text

from inode_pipeline.warehouse.fact_tables import VALUES, FactTables
from inode_pipeline.warehouse.staging import temporary_table
from inode_pipeline.warehouse.types import UtcTimestamp


@cache
def scratch_of(tables: FactTables, *, is_postgresql: bool) -> Scratch:
    """The same objects for every load: SQLAlchemy compiles a statement once for each set of tables."""
    return Scratch(tables, is_postgresql=is_postgresql)


class Scratch:
    """The temporary tables for one endpoint's facts.

    `disputed`: the places (link and time) about which this walk and what is stored do not agree.
    `sets`: for each of these, every set of values that is to be kept, in `observations` or in `corrections`.
    `bins`: the bins that the load has computed again.
    """

    def __init__(self, tables: FactTables, *, is_postgresql: bool) -> None:
        self.tables = tables
        self.is_postgresql = is_postgresql
        name = tables.observations.name
        columns = tables.observations.c
        self.disputed = temporary_table(
            f"disputed_{name}",
            Column("link_id", Text, nullable=False),
            Column("observed_at", UtcTimestamp, nullable=False),
            PrimaryKeyConstraint("link_id", "observed_at"),
            is_postgresql=is_postgresql,
        )
        self.sets = temporary_table(
            f"sets_{name}",
            Column("link_id", Text, nullable=False),
            Column("observed_at", UtcTimestamp, nullable=False),
            *(Column(value, columns[value].type) for value in VALUES),
            Column("snapshot_at", UtcTimestamp, nullable=False),
            Column("is_latest", Boolean, nullable=False),
            PrimaryKeyConstraint("link_id", "observed_at", "snapshot_at"),
            is_postgresql=is_postgresql,
        )

        self.bins = temporary_table(
            f"computed_{tables.bins.name}",
            *(Column(column.name, column.type) for column in tables.bins.c),
            is_postgresql=is_postgresql,
        )

    @contextmanager
    def made(self, connection: Connection, *tables: Table) -> Iterator[None]:
        """The tables, empty, for the length of the block. An error undoes the transaction, and them with it.

        Make those only that are needed: on PostgreSQL each costs dozens of rows in the catalogue.
        """
        for table in tables:
            table.create(connection, checkfirst=False)
        yield
        for table in tables:
            table.drop(connection, checkfirst=False)

    def analyze(self, connection: Connection, table: Table) -> None:
        """On PostgreSQL, let the planner know how few rows there are: it must not read whole tables to find them."""
        if self.is_postgresql:
            connection.exec_driver_sql(f"ANALYZE {connection.dialect.identifier_preparer.format_table(table)}")
