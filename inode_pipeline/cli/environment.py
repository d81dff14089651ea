"""The `INODE_` variables of this process: all of them set aside for a while, or the ones nobody knows named.

Keep out: what a variable means; that is `config/`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PREFIX = "INODE_"
DOTENV = Path(".env")


@contextmanager
def only(variables: Mapping[str, str]) -> Iterator[None]:
    """Inside, these are the only `INODE_` variables of the process; afterwards everything is as it was."""
    before = {name: value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}
    try:
        _replace(variables)
        yield
    finally:
        _replace(before)


def _replace(variables: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update(variables)


def inode_variables() -> list[str]:
    """The names of every `INODE_` variable in the environment and in `.env`, sorted, in capitals."""
    from dotenv import dotenv_values

    names = {*os.environ, *(dotenv_values(DOTENV, interpolate=False) if DOTENV.is_file() else {})}
    return sorted({name.upper() for name in names if name.upper().startswith(PREFIX)})


def machine_zone() -> str | None:
    """The IANA name of this machine's time zone, from TZ or from where /etc/localtime leads; None if neither tells."""
    from zoneinfo import ZoneInfo

    _, found, linked = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")
    for name in (os.environ.get("TZ", "").lstrip(":"), linked if found else ""):
        try:
            return ZoneInfo(name).key if name else None
        except (ValueError, OSError):
            continue
    return None
