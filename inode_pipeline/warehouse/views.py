"""The views of `sql/views`: read from their files, spelled for the database, dropped and created again.

One file a view: a comment that explains it and its columns (`dictionary.py` reads it), then one SELECT. A view that
uses another is created after it. They hold no rows, so making them again loses nothing; rights come back by themselves,
through the default privileges of `sql/roles`.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from sqlalchemy import Connection, inspect, select, text

from inode_pipeline.warehouse.dialect import spell
from inode_pipeline.warehouse.tables import PIPELINE_SETTINGS

NAME = "views"
"""What `migrate` calls all views together, and the name of their state in `pipeline_settings`."""


@dataclass(frozen=True, slots=True)
class View:
    """One view: its name, and its SELECT before it is spelled for a database."""

    name: str
    select: str

    def create(self, *, postgresql: bool) -> str:
        """The statement that makes it."""
        return f"CREATE VIEW {self.name} AS\n{spell(self.select, postgresql=postgresql)}"


def without_comments(sql: str) -> str:
    """SQL without its line comments; none of ours follows code or is in a string."""
    return "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))


@functools.cache
def read_views(folder: Path) -> tuple[View, ...]:
    """Every view of the folder, each after those it uses."""
    views = {
        file.stem: View(file.stem, without_comments(file.read_text(encoding="utf-8")).strip())
        for file in sorted(folder.glob("*.sql"))
    }
    uses = {
        name: [other for other in views if other != name and re.search(rf"\b{other}\b", view.select)]
        for name, view in views.items()
    }
    return tuple(views[name] for name in TopologicalSorter(uses).static_order())


def state(views: tuple[View, ...]) -> str:
    """The value in `pipeline_settings` once these views are made: their names, and a hash of their texts."""
    texts = json.dumps([view.create(postgresql=postgresql) for view in views for postgresql in (False, True)])
    mark = hashlib.sha256(texts.encode()).hexdigest()[:16]
    return json.dumps({"mark": mark, "names": [view.name for view in views]})


def made(connection: Connection, schema: str | None) -> str | None:
    """The state of the views that the warehouse has; None if they were never made."""
    if not inspect(connection).has_table(PIPELINE_SETTINGS.name, schema=schema):
        return None
    return connection.scalar(select(PIPELINE_SETTINGS.c.value).where(PIPELINE_SETTINGS.c.name == NAME))


def drop_statements(made: str | None) -> list[str]:
    """What removes the views that were made, those that others use last."""
    names: Mapping[str, list[str]] = json.loads(made) if made else {"names": []}
    return [f"DROP VIEW IF EXISTS {name}" for name in reversed(names["names"])]


def create_statements(views: tuple[View, ...], *, postgresql: bool) -> list[str]:
    """What makes the views and remembers their state; inside the schema, which the caller has put first."""
    return [
        *(view.create(postgresql=postgresql) for view in views),
        f"DELETE FROM pipeline_settings WHERE name = '{NAME}'",  # noqa: S608 - a constant
        f"INSERT INTO pipeline_settings (name, value) VALUES ('{NAME}', '{state(views)}')",  # noqa: S608 - our names
    ]


def execute(connection: Connection, statements: list[str]) -> None:
    """Run statements that name no schema. They hold colons and percent signs that are no parameters."""
    for statement in statements:
        connection.execute(text(statement.replace(":", r"\:")))
