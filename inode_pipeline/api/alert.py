"""Send one alert to an address of INODE_ALERT_URLS, with Apprise in a process of its own (`alert_process.py`).

An address is a secret: whoever knows it may write into the channel. So no error and no log shows more than the
service's name and the host of a server of one's own. What is worth an alert: `alerts.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from inode_pipeline.config import AlertSettings
from inode_pipeline.errors import AlertError

TIMEOUT_S = 20.0

_PROBLEMS = {
    "unknown": "it is no address that Apprise knows",
    "plain": "it is not encrypted; use the encrypted form, such as jsons:// or mailtos://",
    "unverified": "its verify=no would accept any certificate; name your authority's in INODE_CA_FILE",
}


def send_alert(position: int, settings: AlertSettings, *, key: str, state: str, title: str, text: str) -> None:
    """Send a message once to the address at this position; redirects are not followed.

    `key` and `state` (`problem` or `over`) let a service such as PagerDuty resolve what it has opened.

    Raises:
        AlertError: it was not sent; the error names the service and host only.

    """
    request = {
        "address": settings.alert_addresses[position],
        "key": key,
        "state": state,
        "title": title,
        "text": text,
        "proxy": settings.proxy.get_secret_value() if settings.proxy else None,
        "ca_file": str(settings.ca_file) if settings.ca_file else None,
    }
    answer = _answer_of_process(json.dumps(request), position)
    if problem := answer["problem"]:
        which = f"{answer['service']} ({answer['host']})" if answer.get("host") else answer.get("service")
        raise _not_sent(position, which, _PROBLEMS.get(problem, problem))


def _answer_of_process(request: str, position: int) -> dict[str, str | None]:
    """The address goes through a pipe, so that no list of processes shows it; what the process logs is discarded."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("alert_process.py"))]
    try:
        done = subprocess.run(  # noqa: S603 - our own file, and nothing foreign among the arguments
            command,
            input=request.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=True,
        )
        answer: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError) as problem:
        raise _not_sent(position, None, f"the process that sends it failed ({type(problem).__name__})") from None
    return answer


def _not_sent(position: int, service: str | None, why: str) -> AlertError:
    which = f"with {service}" if service else f"to the address number {position + 1}"
    return AlertError(f"A message could not be sent {which}: {why}.", remedy="Check INODE_ALERT_URLS.")
