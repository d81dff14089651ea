"""No secret leaves the process but to its own server: not when all goes well, and not in any way in which it may fail.

Each secret is a canary with characters that change when it is quoted for an address, for HTML or for JSON. Whatever
the command prints with every logger at its loudest, and every byte it leaves on the disk or in the database, is
searched for each form of each canary.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, quote, quote_plus

import dagster as dg
import pytest
import zstandard
from sqlalchemy import MetaData, select

from inode_pipeline.config import LocalSettings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, reading
from inode_pipeline.warehouse.tables import METADATA
from tests.conftest import PostgreSQLServer
from tests.faults.conftest import CHECKOUT, Commands
from tests.faults.fault_proxy import SPOILS, FaultProxy, answer

ODD = "<i>&'\"a%41+b:cé"
PASSWORD = f"canarypass1{ODD}canarypass2"
CLIENT_SECRET = f"canaryclient1{ODD}canaryclient2"
API_KEY = "canarykey1%41+b&c<i>canarykey2"
DATABASE_PASSWORD = f"canarydb1{ODD}canarydb2"
PROXY_PASSWORD = "canaryproxy1%3Ccanaryproxy2"
SECRETS = (PASSWORD, CLIENT_SECRET, API_KEY, DATABASE_PASSWORD, PROXY_PASSWORD)

LOGIN = {
    "INODE_USERNAME": "demo",
    "INODE_PASSWORD": PASSWORD,
    "INODE_CLIENT_ID": "demo-client",
    "INODE_CLIENT_SECRET": CLIENT_SECRET,
}
KEY = {"INODE_API_KEY": API_KEY}


def forms(secret: str) -> set[bytes]:
    """How a secret may look where it should not be: halves, and each way of writing it."""
    written = {secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret), repr(secret)[1:-1]}
    written |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    for packed in (secret, f"demo:{secret}", f"demo-client:{secret}", f"user:{secret}"):
        written.add(base64.b64encode(packed.encode()).decode())
    halves = {secret[:12], secret[-12:]} if "canary" in secret else set()
    return {form.encode() for form in written | halves}


class Search:
    """Everything in which a secret must not be found."""

    def __init__(self) -> None:
        self._forms = {form for secret in SECRETS for form in forms(secret)}

    def also(self, *secrets: str) -> None:
        for secret in secrets:
            self._forms |= {form for form in forms(secret) if len(form) >= 12}

    def bytes(self, where: str, data: bytes) -> None:
        found = [form.decode() for form in self._forms if form in data]
        assert not found, f"{where} holds {found}"

    def folder(self, folder: Path) -> int:
        files = [path for path in folder.rglob("*") if path.is_file()]
        for path in files:
            self.bytes(str(path), path.read_bytes())
        return len(files)

    def warehouse(self, warehouse: Warehouse) -> None:
        metadata: MetaData = METADATA
        with reading(warehouse) as connection:
            for table in metadata.sorted_tables:
                for row in connection.execute(select(table)).all():
                    self.bytes(table.name, repr(tuple(row)).encode())
                    if table.name == "raw_pages":
                        self.bytes("a page", zstandard.ZstdDecompressor().decompress(row.body))


@dataclass
class Scene:
    """An account whose secrets are canaries, a proxy that spoils, and the command."""

    server: EmulatorServer
    proxy: FaultProxy
    commands: Commands
    folder: Path
    search: Search = field(default_factory=Search)

    def sync(self, **variables: str) -> tuple[int, str]:
        """Run with every logger at its loudest; search everything; the exit code and what was printed."""
        url = variables.pop("INODE_WAREHOUSE_URL", f"sqlite:///{self.folder / 'data' / 'inode.db'}")
        base = {"INODE_BASE_URL": self.proxy.base_url, "INODE_WAREHOUSE_URL": url, "INODE_WALK_DEADLINE_S": "3"}
        code = self.commands.run("sync", "--json", "--debug", variables=base | variables, log_everything=True)
        self.search.also(*self.tokens())
        printed = self.commands.output.read_bytes()
        self.search.bytes("the output", printed)
        assert self.search.folder(self.folder) > 1
        return code, printed.decode()

    def tokens(self) -> list[str]:
        """Every token that the server has given."""
        given = [json.loads(body.partition(b"\r\n\r\n")[2]) for body in self.proxy.granted]
        return [token for answer in given for token in (answer["access_token"], answer["refresh_token"])]


@pytest.fixture
def scene(tmp_path: Path, commands: Commands) -> Iterator[Scene]:
    config = EmulatorConfig(
        links=8, page_size=3, max_page_size=3, password=PASSWORD, client_secret=CLIENT_SECRET, api_key=API_KEY
    )
    with EmulatorServer(config) as server:
        server.state.freeze()
        proxy = FaultProxy(server.base_url)
        yield Scene(server, proxy, commands, tmp_path)
        proxy.close()


@pytest.mark.slow
@pytest.mark.parametrize("credentials", [LOGIN, KEY], ids=["login", "key"])
def test_no_secret_shows_when_all_goes_well(scene: Scene, credentials: dict[str, str]) -> None:
    """Two syncs, the second with a token that is revoked on the way; then each answer spoilt in its own way."""
    assert scene.sync(**credentials)[0] == 0
    scene.server.state.on_page = lambda _: scene.server.state.revoke_tokens()
    scene.sync(**credentials)
    assert len(scene.tokens()) > 0 or credentials is KEY
    scene.server.state.on_page = None
    codes = {}
    for name, spoil in SPOILS.items():
        scene.proxy.begin({2: spoil})
        codes[name], _ = scene.sync(**credentials)
    assert codes["throttled"] == 0
    assert {codes["results renamed"], codes["a link to elsewhere"], codes["forbidden"]} == {1}


STATUSES = (
    "500 Internal Server Error",
    "400 Bad Request",
    "401 Unauthorized",
    "403 Forbidden",
    "404 Not Found",
    "200 OK",
)


def as_text(request: bytes) -> bytes:
    return request


def as_html(request: bytes) -> bytes:
    return f"<html><pre>{html.escape(request.decode())}</pre></html>".encode()


def as_json(request: bytes) -> bytes:
    return json.dumps({"detail": request.decode(), "error": request.decode()[-150:]}).encode()


def as_decoded_html(request: bytes) -> bytes:
    """As a debugging page shows the fields of a form."""
    fields = parse_qsl(request.partition(b"\r\n\r\n")[2].decode())
    return f"<p>{html.escape(repr(fields))}</p>".encode() + b"".join(f"<b>{v}</b>".encode() for _, v in fields)


def repeating(status: str, echo: Callable[[bytes], bytes], tail: int | None) -> Callable[[bytes], bytes]:
    """Answer with the request, or with its end, where a form stands."""
    return lambda request: answer(status, echo(request if tail is None else request[-tail:]), "Retry-After: 86400")


@pytest.mark.slow
@pytest.mark.parametrize("echo", [as_text, as_html, as_json, as_decoded_html])
def test_a_server_that_repeats_the_login_makes_no_secret_show(scene: Scene, echo: Callable[[bytes], bytes]) -> None:
    """Its end, in which the password stands, within the part that an error quotes."""
    for status in ("500 Internal Server Error", "400 Bad Request"):
        scene.proxy.echo = {"POST": repeating(status, echo, 330)}
        assert scene.sync(**LOGIN)[0] in (1, 3)


@pytest.mark.soak
@pytest.mark.parametrize("echo", [as_text, as_html, as_json, as_decoded_html])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_server_that_repeats_the_request_makes_no_secret_show(
    scene: Scene, method: str, echo: Callable[[bytes], bytes]
) -> None:
    """Whatever the status, and whether it repeats the login or the request for a page."""
    for status, tail in itertools.product(STATUSES, (None, 330)):
        scene.proxy.echo = {method: repeating(status, echo, tail)}
        assert scene.sync(**LOGIN)[0] in (1, 3)
        if method == "GET":
            assert scene.sync(**KEY)[0] in (1, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"INODE_API_KEY": f"{API_KEY}\nX: y"}, id="a line break in the key"),
        pytest.param({"INODE_API_KEY": f"{API_KEY} "}, id="a key with a space behind it"),
        pytest.param({"INODE_API_KEY": f" {API_KEY}"}, id="a key with a space before it"),
        pytest.param({**KEY, "INODE_PROXY": f"socks9://user:{PROXY_PASSWORD}@127.0.0.1:1"}, id="an odd proxy"),
        pytest.param({**KEY, "INODE_PROXY": f"http://user:{PROXY_PASSWORD}@127.0.0.1:1"}, id="a dead proxy"),
        pytest.param({**KEY, "INODE_PROXY": f"http://user:{PROXY_PASSWORD}@127.0.0.1:x"}, id="a proxy without a port"),
        pytest.param({**KEY, "INODE_BASE_URL": f"https://demo:{API_KEY}@127.0.0.1/api/"}, id="a key in the address"),
        pytest.param(
            {**KEY, "INODE_WAREHOUSE_URL": f"postgresql://u:{quote(DATABASE_PASSWORD)}@127.0.0.1:1/inode"},
            id="a dead database",
        ),
        pytest.param(
            {**KEY, "INODE_WAREHOUSE_URL": f"mysql://u:{quote(DATABASE_PASSWORD)}@127.0.0.1:1/inode"},
            id="another database",
        ),
        pytest.param(
            {**KEY, "INODE_WAREHOUSE_URL": f"postgresql://u:{DATABASE_PASSWORD}@127.0.0.1:x/inode"},
            id="no database address",
        ),
        pytest.param(
            {
                **KEY,
                "INODE_WAREHOUSE_URL": "postgresql://u@127.0.0.1:1/inode?sslmode=canarydb1",
                "INODE_WAREHOUSE_PASSWORD": DATABASE_PASSWORD,
            },
            id="an odd option",
        ),
        pytest.param({**LOGIN, "INODE_CLIENT_ID": ""}, id="half a login"),
        pytest.param({**LOGIN, **KEY}, id="a login and a key"),
        pytest.param({**LOGIN, "INODE_PASSWORD": f"{PASSWORD}x"}, id="a wrong password"),
        pytest.param({**LOGIN, "INODE_CLIENT_SECRET": f"{CLIENT_SECRET}x"}, id="a wrong client"),
        pytest.param({"INODE_API_KEY": f"{API_KEY}x"}, id="a wrong key"),
    ],
)
def test_no_wrong_setting_shows_a_secret(scene: Scene, wrong: dict[str, str]) -> None:
    """The message names the variable, never its value."""
    if "canarydb1" in wrong.get("INODE_WAREHOUSE_URL", "") and "sslmode" in wrong["INODE_WAREHOUSE_URL"]:
        wrong = wrong | {"INODE_WAREHOUSE_URL": wrong["INODE_WAREHOUSE_URL"].replace("canarydb1", "sometimes")}
    code, printed = scene.sync(**wrong)
    assert code in (0, 1, 2, 3), printed


@pytest.mark.postgresql
def test_a_password_that_postgresql_refuses_does_not_show(
    scene: Scene, postgresql_server: PostgreSQLServer, postgresql_database: str
) -> None:
    """In the address or in its own variable, right or wrong."""
    url = postgresql_server.url(postgresql_database)
    host = url.partition("@")[2]
    scene.search.also("canarydb1")
    for variables in (
        {"INODE_WAREHOUSE_URL": f"postgresql://nobody_at_all:{quote(DATABASE_PASSWORD, safe='')}@{host}"},
        {"INODE_WAREHOUSE_URL": f"postgresql://nobody_at_all@{host}", "INODE_WAREHOUSE_PASSWORD": DATABASE_PASSWORD},
    ):
        code, printed = scene.sync(**KEY, **variables)
        assert code == 1, printed


@pytest.mark.slow
def test_no_secret_stands_in_the_warehouse_or_in_the_list_of_processes(
    scene: Scene, warehouse: Warehouse, tmp_path: Path
) -> None:
    """A real process: its command line while it works, and every value of every table afterwards, in both databases."""
    seen: list[bytes] = []

    def look(_: int) -> None:
        seen.extend(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())

    scene.server.state.on_page = look
    url = warehouse.engine.url.render_as_string(hide_password=False)
    for password in (PASSWORD, "canarypass1-wrong"):
        scene.search.also(password)
        done = subprocess.run(
            [sys.executable, "-m", "inode_pipeline", "sync", "--debug"],
            check=False,
            capture_output=True,
            timeout=60,
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(CHECKOUT),
                **LOGIN,
                "INODE_BASE_URL": scene.proxy.base_url,
                "INODE_WAREHOUSE_URL": url,
                "INODE_PASSWORD": password,
            },
        )
        assert done.returncode == (0 if password == PASSWORD else 1), done.stderr
        scene.search.bytes("the output", done.stdout + done.stderr)
    scene.search.also(*scene.tokens())
    assert any(b"inode_pipeline" in line for line in seen)
    for line in seen:
        scene.search.bytes("a command line", line)
    scene.search.warehouse(warehouse)


@pytest.mark.slow
def test_no_secret_is_kept_by_dagster(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of a persistent instance: runs, events and captured output of good and of failed runs."""
    from inode_pipeline.definitions import defs

    home = tmp_path / "dagster"
    home.mkdir()
    url = f"sqlite:///{tmp_path / 'data' / 'inode.db'}"
    variables = {**LOGIN, "INODE_BASE_URL": scene.proxy.base_url, "INODE_WAREHOUSE_URL": url}
    for name, value in {**variables, "INODE_WALK_DEADLINE_S": "3"}.items():
        monkeypatch.setenv(name, value)

    def repeat(request: bytes) -> bytes:
        return answer("400 Bad Request", as_decoded_html(request))

    results = []
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        job = defs.resolve_job_def("sync_links")
        for password, echo in (
            (PASSWORD, {}),
            ("canarypass1-wrong", {}),
            (PASSWORD, {"POST": repeat}),
            (PASSWORD, {"GET": repeat}),
        ):
            monkeypatch.setenv("INODE_PASSWORD", password)
            scene.search.also(password)
            scene.proxy.echo = dict(echo)
            done = job.execute_in_process(
                instance=instance,
                raise_on_error=False,
                partition_key=datetime.now(UTC).date().isoformat(),
            )
            results.append(done.success)
    assert results == [True, False, False, False]
    scene.search.also(*scene.tokens())
    assert scene.search.folder(tmp_path) > 3
    with open_warehouse(LocalSettings(warehouse_url=url, _env_file=None)) as warehouse:
        scene.search.warehouse(warehouse)
