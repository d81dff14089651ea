"""The image of `deploy/container/` can be built, and what `deploy/compose.yaml` starts in it works together."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.warehouse.tables import LINKS_TABLE
from tests.operating.container import BUILT, COMPOSE, Containers, build, buildah, own_network, run
from tests.operating.processes import ROOT, Processes, settings_of, wait_for, zone_at_noon
from tests.operating.running import Deployment
from tests.postgresql import PostgreSQLServer, running_postgresql

pytestmark = [pytest.mark.soak, pytest.mark.postgresql, pytest.mark.timeout(1800)]

PASSWORDS = {
    "POSTGRES_PASSWORD": "postgres's",
    "DAGSTER_PG_PASSWORD": "dagster's",
    "OWNER_PASSWORD": "owner's",
    "LOADER_PASSWORD": "loader's",
}


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """The image, newly built; this fetches packages."""
    missing = [name for name in ("buildah", "debootstrap", "unshare", "ip") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root, and buildah and debootstrap of Debian; missing: {missing}")
    store = tmp_path_factory.mktemp("store")
    config = build(store)
    root = Path(buildah(store, "mount", buildah(store, "from", BUILT)))
    yield Containers(root, tmp_path_factory.mktemp("containers"), config)
    buildah(store, "rm", "--all")
    shutil.rmtree(store)


def test_the_image_may_and_has_little(containers: Containers) -> None:
    """Its user is not root and can write nothing but the volumes; no compiler and no installer are in it."""
    assert containers.run("id", "--user").strip() == "10001"
    written = containers.run("sh", "-c", "for d in / /srv/inode /opt/inode data dagster/storage /tmp; do "
                                         "touch $d/x 2>/dev/null && echo $d; done")  # fmt: skip
    assert written.split() == ["data", "dagster/storage", "/tmp"]
    found = containers.run("sh", "-c", "command -v gcc cc c++ make ld pip || echo none")
    assert found == "none"
    assert re.fullmatch(r"inode-pipeline \d+\.\d+\.\d+", containers.run("inode-pipeline", "--version"))


def variables_of(service: str, account: dict[str, str]) -> dict[str, str]:
    """What compose puts into a service's environment."""
    own = {
        name: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: PASSWORDS[found.group(1)], value)
        for name, value in COMPOSE["services"][service]["environment"].items()
    }
    return (account if "env_file" in COMPOSE["services"][service] else {}) | own


def make_databases(server: PostgreSQLServer) -> None:
    """Run `deploy/container/databases.sh` as PostgreSQL's image does, and ask for passwords from then on."""
    script = (ROOT / "deploy/container/databases.sh").read_text().replace("/roles/", f"{ROOT}/sql/roles/")
    run("bash", "-c", script, PGHOST="127.0.0.1", PGPORT="5432", **PASSWORDS)
    rules = server.folder / "data" / "pg_hba.conf"
    rules.write_text("host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    server.execute("SELECT pg_reload_conf()")


def test_the_services_of_compose_sync_and_analysts_only_look(containers: Containers, tmp_path: Path) -> None:
    """Prepared and started as compose does it, a run launched on the operators' page fills the warehouse."""
    with own_network(), running_postgresql(port=5432) as server, EmulatorServer(EmulatorConfig(links=25)) as api:
        make_databases(server)
        zone = zone_at_noon()
        account = {"INODE_BASE_URL": api.base_url, "INODE_API_KEY": "demo-api-key", "INODE_TIMEZONE": zone}
        account |= {"INODE_START_DATE": str(datetime.now(ZoneInfo(zone)).date())}
        variables = {name: variables_of(name, account) for name in COMPOSE["services"] if name != "nginx"}
        containers.run(*COMPOSE["services"]["prepare"]["command"], **variables["prepare"])
        validate = ("dagster", "definitions", "validate", "--module-name", "inode_pipeline.definitions")
        containers.run(*validate, **variables["code-server"])
        with ExitStack() as stack:
            for name in ("code-server", "webserver", "analysts", "daemon"):
                stack.enter_context(containers.service(name, variables[name]))
                wait_for(f"the health of {name}", lambda name=name: containers.is_healthy(name, variables[name]))
            deployment = deployed_at(3000, server, account, tmp_path)
            assert deployment.end_of(deployment.launch(datetime.now(ZoneInfo(zone)).date())) == "SUCCESS"
            assert len(deployment.rows(LINKS_TABLE, "link_id")) == 25
            assert "25 rows" in containers.run("inode-pipeline", "status", **variables["code-server"])
            wait_for("the report", (containers.folder / "data/network_report.html").is_file)
            with pytest.raises(AssertionError, match="UnauthorizedError"):
                deployed_at(3001, server, account, tmp_path).launch(datetime.now(ZoneInfo(zone)).date())


def deployed_at(port: int, server: PostgreSQLServer, account: dict[str, str], home: Path) -> Deployment:
    """The deployment as its webserver on this port shows it."""
    settings = settings_of(account | {"INODE_WAREHOUSE_URL": server.url("inode")})
    return Deployment(f"http://127.0.0.1:{port}", settings, Processes({}, home))
