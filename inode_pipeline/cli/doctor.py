"""`doctor`: check everything a sync needs, and say what to do about what is not ok.

Checks that need the API are in `api_checks.py`, the others in `local_checks.py`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

import click

from inode_pipeline.cli import local_checks
from inode_pipeline.cli.api_checks import MEASUREMENTS
from inode_pipeline.cli.failure import OPERATIONS
from inode_pipeline.cli.local_checks import Finding, failed, ok, skipped, worst
from inode_pipeline.text import visible_lines

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "bright_black"}


@click.command(short_help="Check everything a sync needs.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one JSON object.")
def doctor(as_json: bool) -> None:
    """Check settings, warehouse, address, login and the first page of links, and say what to do if one is not ok.

    Writes nothing. The exit code is that of the worst finding: 2 settings, 1 API, data or warehouse, 3 try again later.
    """
    findings = []
    for finding in _findings():
        findings.append(finding)
        if not as_json:
            _print(finding)
    code = worst(findings)
    if as_json:
        click.echo(json.dumps({"exit_code": code, "findings": [asdict(finding) for finding in findings]}))
    elif code == 0:
        is_measured = all(finding.check != MEASUREMENTS for finding in findings)
        click.echo("Ready: inode-pipeline sync" if is_measured else "Ready, but nothing would be measured; see above.")
    sys.exit(code)


def _findings() -> Iterator[Finding]:
    problem = local_checks.settings_problem()
    yield failed("settings", problem) if problem else ok("settings", "complete and valid")
    yield from local_checks.unknown_variables()
    if problem:
        yield skipped("everything else", "not checked: correct the settings first")
        return
    from inode_pipeline.cli import api_checks
    from inode_pipeline.config import Settings

    settings = Settings.load()
    yield from local_checks.proxy_variables(settings)
    yield from local_checks.weak_tls_of_warehouse(settings)
    yield from local_checks.start_date(settings)
    yield local_checks.sampling(settings)
    yield local_checks.field_map(settings)
    yield from local_checks.warehouse(settings)
    yield from api_checks.api(settings)


def _print(finding: Finding) -> None:
    mark = click.style(f"{finding.state:>7}", fg=COLOURS[finding.state])
    kind = f"[{finding.error}] " if finding.error else ""
    click.echo(f"{mark}  {finding.check}: {kind}{visible_lines(finding.text)}")
    anchor = f" See {OPERATIONS}#{finding.error.lower()}" if finding.error else ""
    if finding.remedy:
        click.echo(f"         {visible_lines(finding.remedy)}{anchor}")
