"""The temporary tables of one load, seen by its session only and gone with its transaction.

`Staging` has what is filled before the merge: on PostgreSQL the commit drops it, as a pooler demands; on SQLite, where
it is filled before the transaction, `clean` does. `Scratch` has what the load works out about its observations.
What a staged row changes is said in `rules.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    Subquery,
    Table,
    Text,
    func,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import SchemaItem

from inode_pipeline.errors import ApiContractError
from inode_pipeline.text import visible
from inode_pipeline.warehouse.fact_tables import FactTables
from inode_pipeline.warehouse.tables import REJECTED_RECORDS
from inode_pipeline.warehouse.types import UtcTimestamp

REJECTED_KEY = "link_id"
"""The column of `rejected_records` that holds a record's key, for every endpoint."""

BOOKKEEPING = ("first_seen_at", "last_seen_at", "deleted_at", "snapshot_at", "snapshot_date")
"""The columns of an endpoint's table that the merge fills, not the record."""


class Staging:
    """The temporary tables for one endpoint and the table they will be merged into. Holds nothing of a single load.

    `changes` has a row for each row of `links` (or the endpoint's own table) that the load must touch.
    """

    def __init__(self, target: Table, *, is_postgresql: bool) -> None:
        self.is_postgresql = is_postgresql
        self.target = target
        self.key, *self.values = [column.name for column in target.c if column.name not in BOOKKEEPING]
        self.records = self._table(
            f"staged_{target.name}",
            *(_like(target.c[name]) for name in (self.key, *self.values)),
            *_place(),
        )
        self.rejected = self._table(
            f"staged_rejected_{target.name}",
            *_place(),
            *(_like(REJECTED_RECORDS.c[name]) for name in (REJECTED_KEY, "field", "reason")),
        )
        self.changes = self._table(
            f"changed_{target.name}",
            Column(self.key, Text, nullable=False),
            Column("is_new", Boolean, nullable=False),
            Column("writes_values", Boolean, nullable=False),
            Column("first_seen_at", UtcTimestamp),
            Column("last_seen_at", UtcTimestamp),
            Column("deleted_at", UtcTimestamp),
            Column("was_deleted_at", UtcTimestamp),
        )

    def _table(self, name: str, *columns: Column[Any]) -> Table:
        return temporary_table(name, *columns, is_postgresql=self.is_postgresql)

    def held_by_rejects(self) -> Subquery:
        """The readable keys of the rejected records, each once: links that the walk holds without a typed record."""
        key = self.rejected.c[REJECTED_KEY]
        return select(key).where(key.is_not(None)).distinct().subquery("held_by_rejects")

    def create(self, connection: Connection) -> None:
        """Create the tables, empty."""
        for table in (self.records, self.rejected, self.changes):
            table.create(connection, checkfirst=False)

    def clean(self, connection: Connection) -> None:
        """After the transaction: remove them on SQLite, whose temporary tables live as long as the connection."""
        if self.is_postgresql:
            return
        name = connection.dialect.identifier_preparer.format_table
        with connection.begin():
            for table in (self.records, self.rejected, self.changes):
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name(table)}")

    def seal(self, connection: Connection) -> None:
        """End the staging: prepare the joins, and check that every key and every place occurs once.

        Raises:
            ApiContractError: two records have one key; both places are named.

        """
        if self.is_postgresql:
            self._analyze_key(connection)
        if self.is_postgresql or not self._index_key(connection):
            self._check_unique(connection, self.records, self.key)
        self._check_unique(connection, self.rejected, "page", "position")

    def _analyze_key(self, connection: Connection) -> None:
        """Tell the planner how many rows there are, by the key alone: geometries take long to analyse."""
        quote = connection.dialect.identifier_preparer
        connection.exec_driver_sql(f"ANALYZE {quote.format_table(self.records)} ({quote.quote(self.key)})")

    def _index_key(self, connection: Connection) -> bool:
        """On SQLite, create an index of the records' keys; false if a key occurs twice."""
        # By hand: an Index object would stay attached to the Table and be created with it the next time.
        quote = connection.dialect.identifier_preparer.quote
        name, table, key = (quote(text) for text in (f"ix_{self.records.name}", self.records.name, self.key))
        try:
            connection.exec_driver_sql(f"CREATE UNIQUE INDEX temp.{name} ON {table} ({key})")
        except IntegrityError:
            return False
        return True

    def _check_unique(self, connection: Connection, table: Table, *names: str) -> None:
        columns = [table.c[name] for name in names]
        places = func.min(table.c.page), func.max(table.c.page)
        twice = connection.execute(
            select(*columns, *places).group_by(*columns).having(func.count() > 1).limit(1)
        ).first()
        if twice is not None:
            keys, (first, last) = ", ".join(map(str, twice[:-2])), twice[-2:]
            raise ApiContractError(
                f"Two records of the walk have one {' and '.join(names)}: {visible(keys, 100)} "
                f"(pages {first} and {last}).",
                remedy=f"The field that {self.key} is read from is not unique; name the right one in the field map.",
            )


def temporary_table(name: str, *columns: SchemaItem, is_postgresql: bool) -> Table:
    """A table of the session's own; on PostgreSQL the commit drops it."""
    schema = "pg_temp" if is_postgresql else "temp"
    return Table(name, MetaData(), *columns, schema=schema, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


def _like(column: Column[Any]) -> Column[Any]:
    return Column(column.name, column.type, nullable=column.nullable)


def _place() -> tuple[Column[Any], Column[Any]]:
    return Column("page", BigInteger, nullable=False), Column("position", BigInteger, nullable=False)


class Scratch:
    """The temporary tables for one endpoint's facts.

    `disputed`: the places (link and time) about which this walk and what is stored do not agree.
    `sets`: for each of these, every set of values that is to be kept, in `observations` or in `corrections`.
    `bins`: the bins that the load has computed again.
    """

    def __init__(self, tables: FactTables, *, is_postgresql: bool) -> None:
        self.tables = tables
        self.is_postgresql = is_postgresql
        observations = tables.observations
        self.disputed = temporary_table(
            f"disputed_{observations.name}",
            *map(_like, observations.primary_key.columns),
            PrimaryKeyConstraint("link_id", "observed_at"),
            is_postgresql=is_postgresql,
        )
        self.sets = temporary_table(
            f"sets_{observations.name}",
            *map(_like, observations.columns),
            Column("is_latest", Boolean, nullable=False),
            PrimaryKeyConstraint("link_id", "observed_at", "snapshot_at"),
            is_postgresql=is_postgresql,
        )
        self.bins = temporary_table(
            f"computed_{tables.bins.name}", *map(_like, tables.bins.columns), is_postgresql=is_postgresql
        )

    @contextmanager
    def created(self, connection: Connection, *tables: Table) -> Iterator[None]:
        """The tables, empty, for the length of the block. An error undoes the transaction, and them with it.

        Create only those that are needed: on PostgreSQL each costs dozens of rows in the catalogue.
        """
        for table in tables:
            table.create(connection, checkfirst=False)
        yield
        for table in tables:
            table.drop(connection, checkfirst=False)

    def analyze(self, connection: Connection, table: Table) -> None:
        """On PostgreSQL, tell the planner how few rows there are, or it may read whole tables to find them."""
        if self.is_postgresql:
            connection.exec_driver_sql(f"ANALYZE {connection.dialect.identifier_preparer.format_table(table)}")


staging_of, scratch_of = cache(Staging), cache(Scratch)
"""The same objects for every load of an endpoint: SQLAlchemy compiles a statement once for each set of tables."""
