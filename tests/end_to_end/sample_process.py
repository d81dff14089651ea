"""A process of its own that takes one sample: `sample_process.py RUN_ID [hold]`, settings from the environment.

It waits for a line, then reads and loads the links; with `hold` it waits for another line after its first page. It
prints `ready`, `page` for each page, and at the end the sample's instant, or the class of the error.
"""

from __future__ import annotations

import sys
from datetime import datetime

from inode_pipeline.config import Settings
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PipelineError
from inode_pipeline.sync import Attempt, Progress, sync_date
from inode_pipeline.warehouse.engine import open_warehouse


def main(run_id: str, mode: str = "go on") -> None:
    settings = Settings.load(dotenv=False)
    is_held = mode == "hold"

    def listen(step: Progress) -> None:
        nonlocal is_held
        if step.kind == "page":
            tell("page")
            if is_held:
                is_held = False
                sys.stdin.readline()

    with open_warehouse(settings) as warehouse:
        tell("ready")
        sys.stdin.readline()
        today = datetime.now(settings.zone).date()
        attempt = Attempt(run_id, "sample")
        try:
            (receipt,) = sync_date(settings, warehouse, LINKS, today, attempt=attempt, listen=listen)
        except PipelineError as problem:
            tell(problem.kind)
        else:
            tell(receipt.snapshot_at.isoformat())


def tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
