"""docs/data-dictionary.md is what the definitions of tables and views say today."""

from __future__ import annotations

from pathlib import Path

from inode_pipeline.warehouse.dictionary import as_markdown
from inode_pipeline.warehouse.migrate import sql_folder

PAGE = Path(__file__).parents[2] / "docs/data-dictionary.md"


def test_the_data_dictionary_is_current() -> None:
    """`make dictionary` writes it again."""
    assert as_markdown(sql_folder() / "views") == PAGE.read_text(encoding="utf-8")


def test_every_row_of_it_is_a_row_of_a_table() -> None:
    """Nothing that is said of a column breaks the table it stands in, and no meaning is blank."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    for row in rows:
        cells = row.replace("\\|", "").split("|")
        assert len(cells) == 6, row
        assert cells[4].strip(), row
    assert len(rows) > 100
