"""Send alerts to the addresses of INODE_ALERT_URLS, with Apprise in a separate process (`alert_process.py`).

An address is a secret: anyone who knows it can write to the channel. So errors and logs show only the service's name
and, for a self-hosted server, its host. Not here: when an alert is sent, see `alerts.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from inode_pipeline.config import AlertSettings
from inode_pipeline.errors import AlertError

MAX_SECONDS = 30.0
"""Dagster ends a sensor's tick after 60 seconds and discards its cursor; everything would then be sent again."""

TIMEOUT_S = MAX_SECONDS + 20

_PROBLEMS = {
    "unknown": "Apprise does not know this kind of address",
    "plain": "it is not encrypted; use the encrypted form, such as jsons:// or mailtos://",
    "unverified": "its verify=no would accept any certificate; set INODE_CA_FILE to your authority's instead",
    "late": "there was no time left; the next tick sends it",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """A message to the address at a position in INODE_ALERT_URLS.

    With `key` and `state` a service such as PagerDuty can resolve an incident.
    """

    position: int
    key: str
    state: Literal["problem", "over"]
    title: str
    text: str


def send_alerts(
    alerts: Sequence[Alert], settings: AlertSettings, *, max_seconds: float = MAX_SECONDS
) -> list[AlertError | None]:
    """Send each alert once, in order; return an error for each that failed, else None.

    After a failure nothing more is sent to the same address. Redirects are not followed.
    """
    request = {
        "alerts": [asdict(alert) for alert in alerts],
        "addresses": settings.alert_addresses,
        "proxy": settings.proxy.get_secret_value() if settings.proxy else None,
        "ca_file": str(settings.ca_file) if settings.ca_file else None,
        "max_seconds": max_seconds,
    }
    try:
        answers = _answers_of_process(json.dumps(request))
    except (subprocess.SubprocessError, ValueError) as problem:
        failed = AlertError(
            f"Messages could not be sent: the process that sends them failed ({type(problem).__name__}).",
            remedy="Check INODE_ALERT_URLS and INODE_CA_FILE.",
        )
        return [failed] * len(alerts)
    return [_problem(alert, answer) for alert, answer in zip(alerts, answers, strict=True)]


def _answers_of_process(request: str) -> list[dict[str, str | None]]:
    """Pass the addresses through a pipe, so that no process list shows them, and discard the process's log."""
    done = subprocess.run(  # noqa: S603 - our own file and arguments
        [sys.executable, "-P", str(Path(__file__).with_name("alert_process.py"))],
        input=request.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=TIMEOUT_S,
        check=True,
    )
    answers: list[dict[str, str | None]] = json.loads(done.stdout)
    return answers


def _problem(alert: Alert, answer: dict[str, str | None]) -> AlertError | None:
    problem, service = answer["problem"], answer.get("service")
    if problem is None:
        return None
    host = f" ({answer['host']})" if answer.get("host") else ""
    which = f"with {service}{host}" if service else f"to the address number {alert.position + 1}"
    why = _PROBLEMS.get(problem, problem)
    return AlertError(f"A message could not be sent {which}: {why}.", remedy="Check INODE_ALERT_URLS.")
