"""The image of `deploy/container/`, built by buildah on a base of debootstrap, and its processes without an engine.

A process is put into the image's file system as `deploy/compose.yaml` asks: read-only but for the volumes and /tmp, as
the image's user, without capabilities. Its network is that of the test, where every service's name is this machine.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.operating.processes import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BASE, BUILT = "localhost/debian:bookworm", "localhost/inode-pipeline"
CLONE_NEWNET = 0x40000000
ENTER = """
set -e
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"
mount -t tmpfs tmpfs "$1/tmp" && mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev"
mount --bind "$2/hosts" "$1/etc/hosts"
mount --bind "$2/data" "$1/srv/inode/data" && mount --bind "$2/logs" "$1/srv/inode/dagster/storage"
root=$1; shift 2
exec chroot "$root" "$@"
"""
"""Run in a mount namespace of its own, which goes with the process: root file system, folder of volumes, command."""


def build(store: Path) -> dict[str, Any]:
    """Build the image, and return its configuration."""
    base = store / "base"
    run("debootstrap", "--variant=minbase", "bookworm", str(base))
    empty = buildah(store, "from", "scratch")
    buildah(store, "add", "--quiet", empty, str(base), "/")
    buildah(store, "commit", "--quiet", "--rm", empty, BASE)
    shutil.rmtree(base)
    # With the certificates of this machine, in case its way to the packages leads through a proxy.
    buildah(store, "build", "--format", "docker", "--build-arg", f"BASE={BASE}", "--build-arg", "PIP_CERT=/run/ca.crt",
            "--volume", f"{CERTIFICATES}:/run/ca.crt:ro", "--tag", BUILT,
            "--file", str(ROOT / "deploy/container/Containerfile"), str(ROOT))  # fmt: skip
    inspected: dict[str, Any] = json.loads(buildah(store, "inspect", "--type", "image", BUILT))
    return dict(inspected["Docker"]["config"])


def buildah(store: Path, *arguments: str) -> str:
    """What buildah prints, such as the name of what it made."""
    folders = ("--root", str(store / "images"), "--runroot", str(store / "run"))
    return run("buildah", *folders, *arguments, BUILDAH_ISOLATION="chroot")


def run(*command: str, **variables: str) -> str:
    """What a command prints; a failure shows it."""
    done = subprocess.run(
        command, env=os.environ | variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-5000:]}"
    return done.stdout.strip()


@contextmanager
def own_network() -> Iterator[None]:
    """A loopback of its own for this thread and what it starts, so that the ports of the image are free."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as before:
        assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            run("ip", "link", "set", "lo", "up")
            yield
        finally:
            libc.setns(before.fileno(), CLONE_NEWNET)


@dataclass
class Containers:
    """Processes in a file system made of the image, one for each service of `deploy/compose.yaml`."""

    root: Path
    folder: Path
    config: dict[str, Any]

    def __post_init__(self) -> None:
        names = " ".join(["localhost", *COMPOSE["services"]])
        (self.folder / "hosts").write_text(f"127.0.0.1 {names}\n")
        user = int(self.config["User"].split(":")[0])
        for volume in ("data", "logs"):
            (self.folder / volume).mkdir()
            os.chown(self.folder / volume, user, user)

    def command(self, *command: str, **variables: str) -> list[str]:
        """What starts a command in the image, after its entry point and with its environment."""
        user = self.config["User"].replace(":", " --regid ")
        powers = f"setpriv --reuid {user} --clear-groups --no-new-privs --bounding-set=-all".split()
        environment = [*self.config["Env"], *(f"{name}={value}" for name, value in variables.items())]
        inside = [*powers, "env", "--ignore-environment", f"--chdir={self.config['WorkingDir']}", *environment]
        alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*alone, "sh", "-c", ENTER, "sh", str(self.root), str(self.folder),
                *inside, *self.config["Entrypoint"], *command]  # fmt: skip

    def run(self, *command: str, **variables: str) -> str:
        """What a command prints."""
        return run(*self.command(*command, **variables))

    @contextmanager
    def service(self, name: str, variables: Mapping[str, str]) -> Iterator[None]:
        """A running service with the command that compose gives it, or with the image's."""
        command = COMPOSE["services"][name].get("command", self.config["Cmd"])
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                self.command(*command, **variables), stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)

    def is_healthy(self, name: str, variables: Mapping[str, str]) -> bool:
        """Whether the service's health check, or the image's, succeeds."""
        check = COMPOSE["services"][name].get("healthcheck", {}).get("test", self.config["Healthcheck"]["Test"])
        command = self.command(*check[1:], **variables)
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
