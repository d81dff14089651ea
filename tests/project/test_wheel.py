"""What a user installs is whole: the wheel in an empty folder migrates, demonstrates and syncs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from inode_pipeline.emulator import EmulatorConfig, EmulatorServer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, installed from the wheel into an environment that sees this one's other packages."""
    home = tmp_path_factory.mktemp("home") / "venv"
    venv.create(home, with_pip=False)
    packages = next(home.glob("lib/python*/site-packages"))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(packages), str(wheel)],
        check=True,
        capture_output=True,
    )
    # The checkout itself is installed beside those packages as a path of its own, which must not win.
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    script = home / "bin" / "inode-pipeline"
    script.write_text(f"#!{home}/bin/python\nfrom inode_pipeline.__main__ import main\nmain()\n")
    script.chmod(0o755)
    where = [str(home / "bin/python"), "-c", "import inode_pipeline; print(inode_pipeline.__file__)"]
    assert str(packages) in subprocess.run(where, check=True, capture_output=True, text=True, cwd=home).stdout
    return script


def run(command: Path, folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    return subprocess.run(
        [str(command), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_wheel_brings_every_file_of_sql(wheel: Path) -> None:
    """Each file of sql/ is in the wheel, inside the package."""
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
    files = [file for file in (ROOT / "sql").rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    expected = {f"inode_pipeline/{file.relative_to(ROOT)}" for file in files}
    assert expected - names == set()
    assert len(expected) > 3


@pytest.mark.slow
def test_the_wheel_migrates_demonstrates_and_syncs(command: Path, tmp_path: Path) -> None:
    """In an empty folder, away from the checkout, the three commands end well."""
    migrated = run(command, tmp_path, "migrate")
    assert (migrated.returncode, (tmp_path / "data/inode.db").is_file()) == (0, True), migrated.stderr

    demonstrated = run(command, tmp_path, "demo")
    assert (demonstrated.returncode, (tmp_path / "data/demo.db").is_file()) == (0, True), demonstrated.stderr

    with EmulatorServer(EmulatorConfig(links=20)) as server:
        synced = run(command, tmp_path, "sync", "--json", INODE_BASE_URL=server.base_url, INODE_API_KEY="demo-api-key")
    assert synced.returncode == 0, synced.stderr
    assert json.loads(synced.stdout)["inserted"] == 20
