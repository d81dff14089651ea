"""How Alembic runs our migrations: always inside the transaction that `warehouse/migrate.py` has begun.

`warehouse/migrate.py` hands over the connection, or for the SQL text the name of the database's kind, and the schema.
In PostgreSQL the schema is first in the search path, so a migration names no schema.
"""

from __future__ import annotations

from alembic import context

attributes = context.config.attributes
connection = attributes["connection"]
schema = attributes["schema"]

context.configure(
    connection=connection,
    dialect_name=attributes["dialect"] if connection is None else None,
    version_table_schema=schema,
    literal_binds=connection is None,
    transactional_ddl=True,
)
with context.begin_transaction():
    if schema is not None:
        if not attributes["has_schema"]:
            context.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        context.execute(f'SET LOCAL search_path TO "{schema}"')
    context.run_migrations()
