"""The files for containers and Kubernetes agree with the project: locks, commands, settings, who may do what."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from inode_pipeline.config import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
CONTAINERFILE = (ROOT / "deploy/container/Containerfile").read_text()
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "inode-pipeline"}
EVERY_SERVICE_OF_OURS = pytest.mark.parametrize("name", OURS)
IN_THE_IMAGE = {"sh", "python3"}


def pins(lock: str) -> dict[str, str]:
    """The versions that a lock pins; a package that differs by platform stands there more than once."""
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_everything_installed_is_pinned_with_hashes() -> None:
    """The image is installed from two locks which share no package, and each line of them has a hash."""
    locks = re.findall(r"-r (\S+)", CONTAINERFILE)
    assert locks == ["requirements.lock", "requirements-extras.lock"]
    assert "--require-hashes --only-binary :all:" in CONTAINERFILE
    assert pins(locks[0]).keys() & pins(locks[1]).keys() == set()
    assert {"dagster-postgres", "dagster-k8s"} <= pins(locks[1]).keys()
    for lock in locks:
        entries = re.split(r"\n(?=\w)", (ROOT / lock).read_text().strip())
        assert [entry for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


def test_what_is_copied_is_there() -> None:
    """Each file that the image copies exists, and .dockerignore lets it through."""
    let_through = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = " ".join(re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE)).split()
    assert len(copied) > 5
    for name in copied:
        assert (ROOT / name).exists(), name
        assert any(name == allowed or name.startswith(f"{allowed}/") for allowed in let_through), name


def test_the_result_has_a_user_and_no_compiler() -> None:
    """The last stage installs three packages, runs as a user of its own under tini, and checks its health."""
    last = CONTAINERFILE.split("\nFROM ")[-1]
    installed = re.search(r"--no-install-recommends ([^\\&\n]+)", last)
    assert installed is not None
    assert installed.group(1).split() == ["ca-certificates", "python3", "tini"]
    for line in ("USER 10001:10001", 'ENTRYPOINT ["/usr/bin/tini", "--"]', "HEALTHCHECK "):
        assert line in last


@EVERY_SERVICE_OF_OURS
def test_each_command_of_compose_exists(name: str) -> None:
    """The programs of a service's command and of its health check are those of this project."""
    checked = OURS[name].get("healthcheck", {}).get("test", ["CMD"])[1:]
    command = OURS[name].get("command", [])
    inside = re.split(r"; ", command[-1]) if command[:1] == ["sh"] else []
    programs = {line.split()[0] for line in inside} | {words[0] for words in (command, checked) if words}
    assert [p for p in programs - IN_THE_IMAGE if not (Path(sys.executable).parent / p).exists()] == []


@EVERY_SERVICE_OF_OURS
def test_each_service_may_do_little(name: str) -> None:
    """Read-only but for volumes, without capabilities, reached by nginx alone; its secrets come from deploy/.env."""
    service = OURS[name]
    assert (service["read_only"], service["cap_drop"], "ports" in service) == (True, ["ALL"], False)
    secret = {key: value for key, value in service["environment"].items() if "PASSWORD" in key}
    assert secret
    assert all(re.match(r"\$\{\w+", value) for value in secret.values())
    assert ("env_file" in service, "outside" in service["networks"]) == ((name == "code-server"),) * 2


def test_each_name_of_the_environment_is_known() -> None:
    """Each variable is a setting of the pipeline, or one that deploy/dagster-postgresql.yaml reads."""
    settings = {f"INODE_{name.upper()}" for name in Settings.model_fields}
    store = set(re.findall(r"env: (\w+)", (ROOT / "deploy/dagster-postgresql.yaml").read_text()))
    for service in OURS.values():
        assert service["environment"].keys() - settings == store


def test_the_workspace_names_the_code_server() -> None:
    """The webserver and the daemon ask the service and the port at which the image's command serves."""
    [entry] = yaml.safe_load((ROOT / "deploy/container/workspace.yaml").read_text())["load_from"]
    server = entry["grpc_server"]
    assert (server["host"] in OURS, server["location_name"]) == (True, "inode_pipeline")
    assert f'"--port", "{server["port"]}"' in CONTAINERFILE


def test_only_nginx_is_reached_from_outside() -> None:
    """Its two ports are those of deploy/nginx/dagster.conf, and what compose replaces there is there."""
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert published == {"nginx": ["443:443", "8443:8443"]}
    config = (ROOT / "deploy/nginx/dagster.conf").read_text()
    replaced = re.findall(r"s/([\d.:]+)/([\w-]+):(\d+)/", COMPOSE["services"]["nginx"]["command"][-1])
    assert [name for _, name, _ in replaced] == ["webserver", "analysts"]
    for old, name, port in replaced:
        assert f"server {old};" in config
        assert port in OURS[name]["command"]


def test_the_chart_of_kubernetes_is_told_what_the_instance_is_told() -> None:
    """The values repeat limits, retries and logs of deploy/dagster-postgresql.yaml in the chart's own names."""
    values = yaml.safe_load((ROOT / "deploy/kubernetes/values.yaml").read_text())
    instance = yaml.safe_load((ROOT / "deploy/dagster-postgresql.yaml").read_text())
    pools, runs = (values["concurrency"][name] for name in ("pools", "runs"))
    assert {
        "granularity": pools["granularity"],
        "default_limit": pools["defaultLimit"],
        "op_granularity_run_buffer": pools["opGranularityRunBuffer"],
    } == instance["concurrency"]["pools"]
    assert runs["maxConcurrentRuns"] == instance["concurrency"]["runs"]["max_concurrent_runs"]
    retries = values["dagsterDaemon"]["runRetries"]
    assert [retries["enabled"], retries["maxRetries"], retries["retryOnAssetOrOpFailure"]] == [
        instance["run_retries"][name] for name in ("enabled", "max_retries", "retry_on_asset_or_op_failure")
    ]
    assert values["pythonLogs"]["managedPythonLoggers"] == instance["python_logs"]["managed_python_loggers"]
    assert values["postgresql"]["postgresqlScheme"] == instance["storage"]["postgres"]["postgres_db"]["scheme"]
    [location] = values["dagster-user-deployments"]["deployments"]
    assert location["codeServerArgs"] == [
        "--module-name",
        "inode_pipeline.definitions",
        "--location-name",
        "inode_pipeline",
    ]
