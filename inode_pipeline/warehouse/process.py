"""Which process a run belongs to, so that a later one can tell whether it still works.

Keep out: anything about runs; this knows only the operating system.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path


def this_process() -> str:
    """`host:pid:start`; `start` tells this process from a later one that got the same number."""
    return f"{_host()}:{os.getpid()}:{_start(os.getpid()) or ''}"


def is_gone(process: str) -> bool | None:
    """Whether the process has ended; None if that cannot be known because it ran on another machine."""
    try:
        host, number, start = process.rsplit(":", 2)
        pid = int(number)
    except ValueError:
        return None
    if host != _host():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it lives, and belongs to somebody else
        pass
    return _start(pid) != (start or None)


def _host() -> str:
    """The machine and, on Linux, the space of process numbers: containers may share a name but not the numbers."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{space}"


def _start(pid: int) -> str | None:
    """When the process began, in clock ticks since the machine did; None if it has ended or /proc does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
    return None if state in "ZX" else fields[18]
