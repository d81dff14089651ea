"""`migrate`: make or renew the warehouse's tables, or print how."""

from __future__ import annotations

import click

from inode_pipeline.errors import ConfigError, NotMigratedError


@click.command(short_help="Make or renew the warehouse's tables.")
@click.option("--sql", "print_sql", is_flag=True, help="Print the statements for an administrator; change nothing.")
@click.option("--check", is_flag=True, help="Say whether migrations are pending, exit 1 if so; change nothing.")
def migrate(print_sql: bool, check: bool) -> None:
    """Make or renew the warehouse's tables, as the owner of the database. SQLite gets them from the first sync.

    All pending migrations are applied in one transaction.
    """
    if print_sql and check:
        raise ConfigError("--sql and --check exclude each other.", remedy="Use one of them.")
    from inode_pipeline.config import LocalSettings
    from inode_pipeline.warehouse import migrate as migrations
    from inode_pipeline.warehouse.engine import open_warehouse

    with open_warehouse(LocalSettings.load(), read_only=check) as warehouse:
        if print_sql:
            click.echo(migrations.migration_sql(warehouse), nl=False)
            return
        if not check:
            _tell(migrations.migrate(warehouse))
            return
        if names := migrations.pending(warehouse):
            raise NotMigratedError(f"{warehouse.place} lacks {', '.join(names)}.", remedy=NotMigratedError.REMEDY)
    click.echo("No migration is pending.")


def _tell(names: list[str]) -> None:
    click.echo("\n".join(f"applied {name}" for name in names) if names else "No migration was pending.")
