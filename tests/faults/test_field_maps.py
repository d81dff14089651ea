"""A field map that fits the present must not take from the past what was read there before."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from inode_pipeline.config import Settings
from inode_pipeline.emulator import EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import SchemaDriftError
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.tables import METADATA
from tests.faults.conftest import LOGIN
from tests.faults.tables import contents

MAP = '[links.columns.last_travel_time_s]\nsource = "journey"\n'


def test_m42_a_map_for_a_renamed_field_does_not_empty_the_days_before(
    emulator: EmulatorServer, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The API renames a field and the map follows; the days before are loaded again, and stop."""
    for name, value in (LOGIN | {"INODE_BASE_URL": emulator.base_url}).items():
        monkeypatch.setenv(name, value)
    records = emulator.state.records
    assert records is not None
    before, after = date(2026, 3, 1), date(2026, 3, 2)

    def sync(day: date, number: int) -> None:
        attempt = Attempt(f"run-{number}", "person")
        sync_date(
            Settings.load(dotenv=False), warehouse, LINKS, day, today=after if number else before, attempt=attempt
        )

    sync(before, 0)
    for record in records:
        record["journey"] = record.pop("last_travel_time")
        if record["last_updated"]:
            record["last_updated"] = (datetime.fromisoformat(record["last_updated"]) + timedelta(hours=1)).isoformat()
    (tmp_path / "map.toml").write_text(MAP)
    monkeypatch.setenv("INODE_FIELD_MAP_FILE", str(tmp_path / "map.toml"))
    sync(after, 1)
    kept = contents(warehouse)
    observations = METADATA.tables["link_observations"]
    with reading(warehouse) as connection:
        assert len(connection.execute(select(observations).where(observations.c.travel_time_s.is_not(None))).all()) > 40
    with pytest.raises(SchemaDriftError, match="journey"):
        sync(before, 2)
    assert kept == contents(warehouse)
