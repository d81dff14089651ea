"""Which Pythons the project takes, and what it says to the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("version", ["3.10", "3.15"])
def test_another_python_is_refused_with_the_way_out(tmp_path: Path, version: str) -> None:
    """`make` names the Pythons that it takes, the one it found, and how to name another; it makes nothing."""
    python = tmp_path / "python"
    pretend = f"import sys; sys.version_info = ({version.replace('.', ', ')}, 0); exec(sys.argv[1])"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{pretend}" "$2"\n')
    python.chmod(0o755)
    made = tmp_path / "venv"
    command = ["make", "-C", str(ROOT), f"VENV={made}", f"PYTHON={python}", str(made / "bin" / "python")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"Python 3.11 to 3.14 is needed, and {python} is {version}." in done.stderr
    assert "make demo PYTHON=python3.13" in done.stderr
    assert not made.exists()
