"""Lands the dates of a replay: walks the API, keeps the pages under the date given, and loads only the first one."""

from __future__ import annotations

import os
import sys
from datetime import date, timedelta

from api import Api

from inode_pipeline.config import Settings
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import land, load
from inode_pipeline.warehouse.engine import open_warehouse
from inode_pipeline.warehouse.migrate import migrate


def main() -> None:
    """Land so many dates of so many links from a date on, every link with another measurement on every date."""
    first, dates, links = date.fromisoformat(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with Api() as api:
        os.environ["INODE_BASE_URL"] = api.base_url
        settings = Settings.load(dotenv=False)
        with open_warehouse(settings) as warehouse:
            migrate(warehouse)
            for number in range(dates):
                api.serve(links, quarters=96 * (number - dates))
                day = first + timedelta(days=number)
                walk = land(settings, warehouse, settings.endpoint(LINKS), f"date-{number}", snapshot_date=day)
                if number == 0:
                    load(settings, warehouse, settings.endpoint(LINKS), walk, f"date-{number}")


if __name__ == "__main__":
    main()
