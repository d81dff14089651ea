"""What a contestant measures of itself: the work without the imports before it. Only the standard library.

CPU is user and system time of the process and of its children; the peak is that of the largest of them.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def cpu_s() -> float:
    """The CPU time so far, in seconds."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def peak_mb() -> float:
    """The largest process's greatest resident memory so far, in MB of 10^6 bytes."""
    status = Path("/proc/self/status").read_text().splitlines()
    own_kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return max(own_kib, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024 / 1e6


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """Measure the block, and print the result as one JSON object; the block adds what it knows."""
    result: dict[str, Any] = {"start_cpu_s": cpu_s()}
    begun = time.perf_counter()
    yield result
    result |= {"cpu_s": cpu_s() - result["start_cpu_s"], "wall_s": time.perf_counter() - begun, "peak_mb": peak_mb()}
    print(json.dumps(result))
