"""The pipeline: land, then load, as `inode-pipeline sync` does. `INODE_` variables say where from and where to.

A first load walks twice. `confirm_cpu_s` is what the confirming walk costs by itself, which no other contestant makes.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from itertools import pairwise

from meter import cpu_s, measured
from sqlalchemy import text

from inode_pipeline.config import Settings
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Progress, land, load
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, reading
from inode_pipeline.warehouse.migrate import migrate


def main() -> None:
    """Sync once, and print what it cost."""
    settings = Settings.load(dotenv=False)
    endpoint = settings.endpoint(LINKS)
    run_id = str(uuid.uuid4())
    walks: list[float] = []

    def listen(step: Progress) -> None:
        if step.kind == "walk":
            walks.append(cpu_s())

    with open_warehouse(settings) as warehouse:
        migrate(warehouse)
        with measured() as result:
            begun, begun_at = cpu_s(), time.perf_counter()
            walk = land(settings, warehouse, endpoint, run_id, snapshot_date=datetime.now(UTC).date(), listen=listen)
            landed, landed_at, logged = cpu_s(), time.perf_counter(), _logged_bytes(warehouse)
            receipt = load(settings, warehouse, endpoint, walk, run_id, tally=walk)
            result |= {
                "land_wall_s": landed_at - begun_at,
                "land_cpu_s": landed - (walks[-1] if walks else begun),
                "load_cpu_s": cpu_s() - landed,
                "confirm_cpu_s": sum(later - earlier for earlier, later in pairwise([begun, *walks])),
                "load_wal_bytes": _logged_bytes(warehouse) - logged,
                "rows_written": receipt.inserted + receipt.updated,
            }


def _logged_bytes(warehouse: Warehouse) -> int:
    if not warehouse.is_postgresql:
        return 0
    with reading(warehouse) as connection:
        return int(connection.execute(text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")).scalar_one())


if __name__ == "__main__":
    main()
