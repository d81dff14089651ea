"""End this process, as a power cut would, at the n-th thing it says to the API or to the warehouse.

Every call that leaves the process counts twice, before it is made and after it has come back: what goes through a
socket, each statement, each commit, each file opened. The calls are seen by Python's own profiler, so the program is
the one that users have; nothing in it is replaced.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

SOCKET_CALLS = {"connect", "recv", "send", "sendall"}
SQLITE_CALLS = {"execute", "executemany", "commit", "rollback"}
FILE_CALLS = {"open", "mkdir", "fsync", "replace", "rename", "unlink"}
PSYCOPG_CALLS = {
    ("cursor.py", "execute"),
    ("cursor.py", "executemany"),
    ("connection.py", "commit"),
    ("connection.py", "rollback"),
    ("copy.py", "write"),
}


def arm(kill_at: int, count_file: str, with_signal: signal.Signals = signal.SIGKILL) -> None:
    """Count the points from now on, in every thread, note each in `count_file`, and die (or stop) at the given one."""
    lock = threading.Lock()
    known: dict[CodeType, str | None] = {}
    passed = 0
    notes = os.open(count_file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)

    def point(name: str) -> None:
        nonlocal passed
        with lock:
            passed += 1
            os.write(notes, f"{name}\n".encode())
            if passed == kill_at:
                os.kill(os.getpid(), with_signal)

    def profile(frame: FrameType, event: str, function: Any) -> None:
        if event in ("c_call", "c_return"):
            name = function.__name__
            owner = type(getattr(function, "__self__", None)).__module__
            is_point = (
                (name in SOCKET_CALLS and owner in ("socket", "_socket"))
                or (name in SQLITE_CALLS and owner == "sqlite3")
                or (name in FILE_CALLS and getattr(function, "__module__", "") in ("posix", "io", "_io"))
            )
            if is_point and frame.f_code is not point.__code__:
                point(f"{event} {owner}.{name}")
        elif event in ("call", "return"):
            code = frame.f_code
            if code not in known:
                known[code] = _psycopg_call(code)
            if known[code]:
                point(f"{event} {known[code]}")

    threading.setprofile(profile)
    sys.setprofile(profile)


def _psycopg_call(code: CodeType) -> str | None:
    path = Path(code.co_filename)
    is_point = path.parent.name == "psycopg" and (path.name, code.co_name) in PSYCOPG_CALLS
    return f"psycopg.{path.name}.{code.co_name}" if is_point else None
