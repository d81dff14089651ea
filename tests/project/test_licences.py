"""The list of licences is of the packages that are installed."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
WRITTEN_ON = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "python_version": "3.11"}
WRITTEN_ON |= {"python_full_version": "3.11.7", "platform_machine": "x86_64"}


def test_each_locked_package_is_listed_with_its_licence() -> None:
    """docs/licences.md has every package that a deployment locks, in its version; `make licences` writes it anew."""
    locks = (ROOT / name for name in ("requirements.lock", "requirements-extras.lock"))
    lines = [line for lock in locks for line in re.findall(r"^[A-Za-z0-9].*(?= \\$)", lock.read_text(), re.MULTILINE)]
    environment = {**default_environment(), **WRITTEN_ON}
    locked = [one for one in map(Requirement, lines) if one.marker is None or one.marker.evaluate(environment)]
    expected = {(canonicalize_name(one.name), str(one.specifier).removeprefix("==")) for one in locked}
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", (ROOT / "docs/licences.md").read_text(), re.MULTILINE)
    listed = {(canonicalize_name(name), version): licence for name, version, licence in rows[1:]}
    assert expected == set(listed)
    assert "UNKNOWN" not in listed.values()
