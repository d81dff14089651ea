"""A process of its own that loads walks, for tests that kill it or run two at once.

`load_process.py URL kill`: for each number read, a copy of the process loads day 1 and kills itself with SIGKILL at its
step of that number, a step being a statement or the commit; prints `killed`, or `done` if the load had fewer steps.
`load_process.py URL load DAY...`: waits for a line, then loads these days one after the other; prints `done`.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event

from inode_pipeline.config import LocalSettings
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse
from inode_pipeline.warehouse.merge import MergeRules

LINKS = {str(number): 1 for number in range(20)}


def main(url: str, mode: str, *days: str) -> None:
    shared = _shared()
    if mode == "kill":
        tell("ready")
        for line in sys.stdin:
            tell("killed" if _load_and_die(shared, url, int(line)) else "done")
        return
    with _opened(url) as warehouse:
        loader = shared.Loader(warehouse, rules=MergeRules(1.0, allow_shrink=True))
        tell("ready")
        sys.stdin.readline()
        for day in days:
            with loader.loading(loader.land(int(day)), f"load-{day}") as load:
                loader.merge(load, {**LINKS, f"day-{day}": int(day)})
    tell("done")


def tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _shared() -> Any:
    """The folder's conftest, as a plain module."""
    spec = importlib.util.spec_from_file_location("shared", Path(__file__).with_name("conftest.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["shared"] = module
    spec.loader.exec_module(module)
    return module


def _opened(url: str) -> Warehouse:
    return open_warehouse(LocalSettings(warehouse_url=url, _env_file=None))


def _load_and_die(shared: Any, url: str, step: int) -> bool:
    """Whether the copy was killed before it had finished."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    warehouse = _opened(url)
    loader = shared.Loader(warehouse)
    walk = loader.land(1)
    steps = iter(range(step))

    def count(*_: object) -> None:
        if next(steps, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(warehouse.engine, "before_cursor_execute", count)
    event.listen(warehouse.engine, "commit", count)
    with loader.loading(walk, "the-load") as load:
        loader.merge(load, LINKS, ["rejected"])
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
