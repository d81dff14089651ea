"""Every statement of SQL in the docs runs on both databases, and every relation and query that they name exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from inode_pipeline.analysis.query import all_queries
from inode_pipeline.warehouse.engine import Warehouse, transaction
from inode_pipeline.warehouse.migrate import sql_folder
from inode_pipeline.warehouse.tables import METADATA

ROOT = Path(__file__).parents[2]
ANALYSTS = (ROOT / "docs/analysts.md", ROOT / "docs/maps.md", ROOT / "docs/your-tables.md")


def statements() -> Iterator[tuple[str, str]]:
    """Each statement, from the blocks of SQL and from the strings of the one-liners, with its page."""
    for page in ANALYSTS:
        written = page.read_text(encoding="utf-8")
        for block in re.findall(r"^```sql\n(.*?)^```", written, re.MULTILINE | re.DOTALL):
            yield from ((page.name, part.strip()) for part in block.split(";") if part.strip())
        yield from ((page.name, found) for found in re.findall(r'"(SELECT [^"]+)"', written))


def test_every_statement_of_the_docs_runs(warehouse: Warehouse) -> None:
    """In the order in which they stand, in a warehouse with the two corridors that the pages speak of."""
    with transaction(warehouse) as connection:
        if warehouse.schema:
            connection.execute(text(f'SET LOCAL search_path TO "{warehouse.schema}"'))
        for corridor in ("main-nb", "king-nb"):
            connection.execute(text("INSERT INTO corridors VALUES (:id, :id, 'NB')"), {"id": corridor})
        ran = [connection.execute(text(statement)) for _, statement in statements()]
    assert len(ran) >= 5


@pytest.mark.parametrize("page", ANALYSTS, ids=lambda page: page.name)
def test_every_name_of_the_docs_exists(page: Path) -> None:
    """What is written as code and looks like a relation or a column is one; each query is one of `sql/queries`."""
    written = page.read_text(encoding="utf-8")
    views = {file.stem for file in (sql_folder() / "views").glob("*.sql")}
    columns = {column.name for table in METADATA.tables.values() for column in table.columns}
    said = "\n".join(file.read_text(encoding="utf-8") for file in (sql_folder() / "views").glob("*.sql"))
    columns |= set(re.findall(r"^-- (\w+)(?: \([\w ]+\))?: ", said, re.MULTILINE))
    rules = {"am_peak", "pm_peak", "cfr_am_peak", "cfr_midday", "cfr_pm_peak", "cfr_weekend", "min_days"}
    others = {
        "enable_nestloop",
        "inode_analyst",
        "inode_editor",
        "p85_offpeak_speed",
        "percentile_cont",
        "network_report",
        "sync_links",
    }
    known = views | set(METADATA.tables) | columns | rules | others
    assert set(re.findall(r"`([a-z]+(?:_[a-z0-9]+)+)`", written)) - known == set()
    assert set(re.findall(r"inode-pipeline query ([a-z_]+)", written)) - set(all_queries()) == set()
