"""The units of `deploy/` are valid, start what is installed, and may do little else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy").glob("*/*.service"))
MAX_EXPOSURE = 49
"""In tenths: systemd calls 1.0 to 4.9 of 10 `OK`."""

EVERY_UNIT = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.stem))


@EVERY_UNIT
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    """Each line is known to systemd, and each command is there in this environment."""
    here = tmp_path / unit.name
    text = unit.read_text().replace("/srv/inode/.venv/bin", str(Path(sys.executable).parent))
    here.write_text(text.replace("/srv/inode", str(ROOT)))
    assert analyze("verify", "--man=no", str(here)) == (0, "")


@EVERY_UNIT
def test_the_unit_may_do_little(unit: Path) -> None:
    """What the service could do to its machine is at most "OK" by systemd's own judgement."""
    status, said = analyze("security", "--offline=yes", f"--threshold={MAX_EXPOSURE}", "--no-pager", str(unit))
    assert status == 0, said
    assert " OK " in said.splitlines()[-1]


def analyze(*arguments: str) -> tuple[int, str]:
    """What systemd-analyze answers: its status, and what it says."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.fail("The test of the units needs systemd-analyze: apt-get install systemd, or run .ci/run")
    command = [program, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
    return done.returncode, done.stdout.strip()
