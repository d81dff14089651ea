"""Let Python's cyclic garbage collector run less often while pages are read.

A decoded page is some twenty thousand dicts and lists without a single cycle. By default the collector looks at them,
and at everything imported, every seven hundred new ones: measured, that was half of the CPU of a landing.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLD = 200_000
"""More new objects than the pages in flight have; cycles elsewhere are still found, only later."""

_lock = threading.Lock()
_inside = 0
_usual = gc.get_threshold()


@contextmanager
def relaxed_gc() -> Iterator[None]:
    """Raise the collector's threshold inside the block; the blocks of several threads may overlap."""
    global _inside, _usual  # noqa: PLW0603 - the collector is one for the whole process
    with _lock:
        if _inside == 0:
            _usual = gc.get_threshold()
            gc.set_threshold(THRESHOLD, *_usual[1:])
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                gc.set_threshold(*_usual)
