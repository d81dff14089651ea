"""The migrations of `sql/migrations`, then the views: applied, listed, or printed for a database administrator.

All pending ones run in one transaction under the database's own lock: nobody sees a half-migrated warehouse, and two
processes that start at once do not collide. Only migrations create tables.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Dialect, Inspector, Table, UniqueConstraint, inspect, text
from sqlalchemy.types import TypeEngine

from inode_pipeline.errors import NotMigratedError, SchemaConflictError
from inode_pipeline.warehouse import views
from inode_pipeline.warehouse.dictionary import explain, explanation_sql
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.statements import analyze
from inode_pipeline.warehouse.tables import METADATA

_LOCK = 0x1_0DE_314  # of pg_advisory_xact_lock; any number that no other program uses

BEFORE_RELEASE = frozenset(
    {
        "0001_links_and_bookkeeping",
        "0002_facts",
        "0003_analyst_tables",
        "0004_repeated_walks",
        "0005_sums_of_walks",
    }
)
"""The states of a warehouse before the first release, which had five migrations where 0.1.0 has one."""


def sql_folder() -> Path:
    """The folder `sql`: inside the package once installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "sql"
    return inside if inside.is_dir() else package.parent / "sql"


def migrate(warehouse: Warehouse) -> list[str]:
    """Apply the pending migrations, recreate the views if they differ, and update the descriptions of tables and views.

    Returns the names of what was applied, `views` last; none when there is nothing to do.

    Raises:
        NotMigratedError: the warehouse was migrated by a newer version.

    """
    with transaction(warehouse) as connection:
        if warehouse.is_postgresql:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        names = _pending(warehouse, connection)
        if names:
            _migrate(warehouse, connection, names)
        explain(connection, warehouse.schema, sql_folder() / "views")
        if names:
            analyze(connection, METADATA.sorted_tables)
    return names


def _migrate(warehouse: Warehouse, connection: Connection, names: list[str]) -> None:
    """A view blocks changes to the columns it shows, so views are dropped first and recreated last."""
    views.execute(connection, views.drop_statements(views.stored_state(connection, warehouse.schema)))
    if names != [views.NAME]:
        has_schema = _has_schema(warehouse, connection)
        command.upgrade(_config(warehouse, connection=connection, has_schema=has_schema), "head")
    views.execute(connection, _view_statements(warehouse))


def _view_statements(warehouse: Warehouse) -> list[str]:
    return views.create_statements(views.read_views(sql_folder() / "views"), postgresql=warehouse.is_postgresql)


def pending(warehouse: Warehouse) -> list[str]:
    """The names of the migrations that `migrate` would apply, oldest first, then `views` if those differ.

    Writes nothing.

    Raises:
        NotMigratedError: the warehouse was migrated by a newer version.

    """
    with reading(warehouse) as connection:
        return _pending(warehouse, connection)


def migration_sql(warehouse: Warehouse) -> str:
    """What `migrate` would execute, as SQL to be run by hand; empty when there is nothing to do. Writes nothing."""
    with reading(warehouse) as connection:
        names = _pending(warehouse, connection)
        if not names:
            return ""
        present = _present(warehouse, connection)
        has_schema = _has_schema(warehouse, connection)
        old_views = views.drop_statements(views.stored_state(connection, warehouse.schema))
    buffer = io.StringIO()
    buffer.write(_script(warehouse, old_views) if old_views else "")
    if names != [views.NAME]:
        config = _config(warehouse, output=buffer, has_schema=has_schema)
        command.upgrade(config, f"{present}:head" if present else "head", sql=True)
    buffer.write(_script(warehouse, _view_statements(warehouse)))
    return buffer.getvalue() + explanation_sql(warehouse.schema, sql_folder() / "views")


def _script(warehouse: Warehouse, statements: list[str]) -> str:
    """Statements without schema names, as one transaction."""
    first = [f'SET LOCAL search_path TO "{warehouse.schema}"'] if warehouse.schema else []
    return "".join(f"{statement};\n" for statement in ("BEGIN", *first, *statements, "COMMIT"))


def require_migrated(warehouse: Warehouse) -> None:
    """Check before the first write that the tables are those of this version; an empty SQLite file is migrated.

    Raises:
        NotMigratedError: migrations are pending.
        SchemaConflictError: the tables were changed by hand in a way that breaks loads.

    """
    with reading(warehouse) as connection:
        present = _present(warehouse, connection)
    names = _pending_migrations(warehouse, present)  # views need not be those of this version: no load reads one
    if names and present is None and not warehouse.is_postgresql:
        migrate(warehouse)
    elif names:
        missing = f"{len(names)} migration{'s' if len(names) > 1 else ''}"
        raise NotMigratedError(
            f"{warehouse.place} lacks {missing}: {', '.join(names)}.",
            remedy=NotMigratedError.REMEDY,
        )
    with reading(warehouse) as connection:
        _require_our_tables(connection, warehouse.schema, warehouse.place)


def _config(
    warehouse: Warehouse, *, connection: Connection | None = None, has_schema: bool, output: io.StringIO | None = None
) -> Config:
    config = Config(output_buffer=output or io.StringIO(), stdout=io.StringIO())
    config.set_main_option("script_location", str(sql_folder() / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(
        connection=connection,
        schema=warehouse.schema,
        has_schema=has_schema,
        dialect=warehouse.engine.dialect.name,
    )
    return config


def _present(warehouse: Warehouse, connection: Connection) -> str | None:
    """The revision the warehouse has; None before the first migration."""
    options = {"version_table_schema": warehouse.schema}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def _pending(warehouse: Warehouse, connection: Connection) -> list[str]:
    migrations = _pending_migrations(warehouse, _present(warehouse, connection))
    wanted = views.state(views.read_views(sql_folder() / "views"))
    is_stale = bool(migrations) or views.stored_state(connection, warehouse.schema) != wanted
    return [*migrations, views.NAME] if is_stale else migrations


def _pending_migrations(warehouse: Warehouse, present: str | None) -> list[str]:
    scripts = ScriptDirectory.from_config(_config(warehouse, has_schema=False))
    known = [script.revision for script in scripts.walk_revisions()]
    if present in BEFORE_RELEASE:
        raise NotMigratedError(
            f"{warehouse.place} has the tables of a development version before 0.1.0 ({present}); nothing was changed.",
            remedy="Name another file or schema; the next sync fills it. No later version carries these tables over.",
        )
    if present is not None and present not in known:
        raise NotMigratedError(
            f"{warehouse.place} was migrated to {present[:40]}, which this version does not know.",
            remedy="Install the newer version of inode-pipeline that migrated it.",
        )
    return list(reversed(known[: known.index(present)] if present else known))


def _has_schema(warehouse: Warehouse, connection: Connection) -> bool:
    return warehouse.schema is None or inspect(connection).has_schema(warehouse.schema)


def _require_our_tables(connection: Connection, schema: str | None, place: str) -> None:
    """Compare columns, types, NULLs, primary and unique keys of every table with those of `tables.py`.

    An added index, grant, comment, view or column that may be NULL does no harm and is left alone. Nothing is repaired.
    Not Alembic's `compare_metadata`: it leaves out primary keys, and takes 21 ms of each load where this takes 5.

    Raises:
        SchemaConflictError: naming each table and column that differs.

    """
    found = _Found(inspect(connection), schema)
    differences = [
        f"{table.name}: {difference}"
        for table in METADATA.sorted_tables
        for difference in _differences(table, found, connection.dialect)
    ]
    if differences:
        more = f" and {len(differences) - 10} more" if len(differences) > 10 else ""
        raise SchemaConflictError(
            f"{place} has tables that were changed by hand: {'; '.join(differences[:10])}{more}.",
            remedy="Undo those changes as the owner of the tables; nothing was written.",
        )


class _Found:
    """What the catalogue says, by table name."""

    def __init__(self, inspector: Inspector, schema: str | None) -> None:
        def by_name(answer: Mapping[Any, Any]) -> dict[str, Any]:
            return {name: value for (_, name), value in answer.items()}

        self.columns: dict[str, Sequence[Any]] = by_name(inspector.get_multi_columns(schema=schema))
        self.primary: dict[str, Any] = by_name(inspector.get_multi_pk_constraint(schema=schema))
        # Only the tables that have one: SQLite takes about a millisecond per table.
        unique = [table.name for table in METADATA.sorted_tables if _unique_keys(table)]
        self.unique: dict[str, Sequence[Any]] = by_name(
            inspector.get_multi_unique_constraints(schema=schema, filter_names=unique)
        )


def _differences(table: Table, found: _Found, dialect: Dialect) -> Iterator[str]:
    if table.name not in found.columns:
        yield "the table is missing"
        return
    there = {column["name"]: column for column in found.columns[table.name]}
    for column in table.columns:
        if column.name not in there:
            yield f"column {column.name} is missing"
            continue
        is_type, should_be = _type(there[column.name]["type"], dialect), _type(column.type, dialect)
        if is_type != should_be:
            yield f"column {column.name} is {is_type} and should be {should_be}"
        if there[column.name]["nullable"] != column.nullable:
            yield f"column {column.name} must {'' if column.nullable else 'not '}allow NULL"
    for name in there.keys() - table.columns.keys():
        if not there[name]["nullable"] and there[name]["default"] is None:
            yield f"column {name[:63]} is unknown and must not be NULL"
    yield from _key_differences(table, found)


def _key_differences(table: Table, found: _Found) -> Iterator[str]:
    key = list(table.primary_key.columns.keys())
    if found.primary[table.name]["constrained_columns"] != key:
        yield f"the primary key must be ({', '.join(key)})"
    unique = [set(constraint["column_names"]) for constraint in found.unique.get(table.name, ())]
    for names in _unique_keys(table):
        if set(names) not in unique:
            yield f"({', '.join(names)}) must be unique"


def _unique_keys(table: Table) -> list[list[str]]:
    return [keys.columns.keys() for keys in table.constraints if isinstance(keys, UniqueConstraint)]


def _type(kind: TypeEngine[Any], dialect: Dialect) -> str:
    return kind.compile(dialect=dialect)
