"""A real PgBouncer in transaction mode between the tests and their PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgresql import PostgreSQLServer

CONFIGURATION = """\
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {sessions}
"""


@contextmanager
def running_pooler(server: PostgreSQLServer, sessions: int) -> Iterator[int]:
    """Start PgBouncer before `server`, with that many sessions for each user and database; gives its port."""
    program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    assert program, "pgbouncer is missing: apt-get install pgbouncer"
    folder = Path(tempfile.mkdtemp(prefix="inode-pooler-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    users, settings = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text('"postgres" ""\n')
    settings.write_text(CONFIGURATION.format(server_port=server.port, port=port, users=users, sessions=sessions))
    user = "nobody" if os.geteuid() == 0 else None  # PgBouncer refuses to run as root
    if user:
        for path in (folder, users, settings):
            os.chown(path, pwd.getpwnam(user).pw_uid, -1)
    pooler = subprocess.Popen([program, "-q", str(settings)], user=user, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        pooler.terminate()
        pooler.wait(10)
        shutil.rmtree(folder)


def _wait_for(port: int) -> None:
    give_up_at = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < give_up_at, "PgBouncer does not answer"
            time.sleep(0.05)
        else:
            return
