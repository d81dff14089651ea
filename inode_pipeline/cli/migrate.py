"""`migrate`: create or update the warehouse's tables, or print the SQL for it."""

from __future__ import annotations

import click

from inode_pipeline.errors import ConfigError, NotMigratedError


@click.command(short_help="Create or update the warehouse's tables.")
@click.option("--sql", "print_sql", is_flag=True, help="Print the statements for an administrator; change nothing.")
@click.option("--check", is_flag=True, help="Exit 1 if migrations are pending; change nothing.")
def migrate(print_sql: bool, check: bool) -> None:
    """Create or update the warehouse's tables, as the owner of the database. On SQLite the first sync does this.

    All pending migrations are applied in one transaction.
    """
    if print_sql and check:
        raise ConfigError("--sql and --check cannot be combined.", remedy="Use one of them.")
    from inode_pipeline.config import LocalSettings
    from inode_pipeline.warehouse import migrate as migrations
    from inode_pipeline.warehouse.engine import open_warehouse

    with open_warehouse(LocalSettings.load(), read_only=check) as warehouse:
        if print_sql:
            click.echo(migrations.migration_sql(warehouse), nl=False)
            return
        if not check:
            _print_applied(migrations.migrate(warehouse))
            return
        if names := migrations.pending(warehouse):
            raise NotMigratedError(f"{warehouse.place} lacks {', '.join(names)}.", remedy=NotMigratedError.REMEDY)
    click.echo("No migration is pending.")


def _print_applied(names: list[str]) -> None:
    click.echo("\n".join(f"applied {name}" for name in names) if names else "No migration was pending.")
