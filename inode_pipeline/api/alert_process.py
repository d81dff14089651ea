"""Send alerts with Apprise in a separate process: `python -P alert_process.py`, with the request on standard input.

Apprise's services use `requests`, which takes proxies, certificates and passwords from the environment and `~/.netrc`
and logs complete addresses. Here the environment is replaced by our settings, the log is discarded, and only the
service's name, its host and an HTTP status leave the process.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def environment(proxy: str | None, bundle: str) -> dict[str, str]:
    """The only variables that `requests`, OpenSSL and Apprise see."""
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), proxy) if proxy else {}
    certificates = {"REQUESTS_CA_BUNDLE": bundle, "SSL_CERT_FILE": bundle}
    no_passwords = {"NETRC": os.devnull, "HOME": str(Path(bundle).parent)}
    return {**proxies, "NO_PROXY": ",".join(LOOPBACK), **certificates, **no_passwords}


def send_all(request: dict[str, Any], bundle: str) -> list[dict[str, Any]]:
    """Send each alert once, in order, except to an address that has failed and after the time is up."""
    os.environ.clear()
    os.environ.update(environment(request["proxy"], bundle))
    until = time.monotonic() + request["max_seconds"]
    failed: dict[str, dict[str, Any]] = {}
    answers = []
    for alert in request["alerts"]:
        address = request["addresses"][alert["position"]]
        if address in failed:
            answer = failed[address]
        elif time.monotonic() >= until:
            answer = {"problem": "late"}
        else:
            answer = send(address, alert)
        if answer["problem"]:
            failed[address] = answer
        answers.append(answer)
    return answers


def send(address: str, alert: dict[str, Any]) -> dict[str, Any]:
    """Send one alert. Of the address, the answer contains only the host of a self-hosted server."""
    import apprise  # here, because its modules read the environment

    asset = apprise.AppriseAsset(app_id="inode-pipeline", app_desc="inode-pipeline", http_redirects=False)
    service = apprise.Apprise.instantiate(address, asset=asset)
    if service is None:
        return {"problem": "unknown"}
    # Only services for self-hosted servers have both a plain and an encrypted scheme, and a host in their address.
    is_own_server = all(getattr(service, scheme) for scheme in ("protocol", "secure_protocol"))
    host = urlsplit(address).hostname if is_own_server else None
    answer = {"service": str(service.service_name), "host": host}
    if not service.verify_certificate:
        return {**answer, "problem": "unverified"}
    if is_own_server and not service.secure and host not in LOOPBACK:
        return {**answer, "problem": "plain"}
    service.redirects = False  # whatever the address says
    if hasattr(service, "dedup"):  # PagerDuty: with ?action=map, `over` resolves the incident
        service.dedup = service.dedup or alert["key"]
    sender = apprise.Apprise(asset=asset)
    sender.add(service)
    kind = apprise.NotifyType.SUCCESS if alert["state"] == "over" else apprise.NotifyType.FAILURE
    logs: list[str] = []
    is_sent = sender.notify(
        body=alert["text"],
        title=alert["title"],
        notify_type=kind,
        body_format=apprise.NotifyFormat.TEXT,
        log_callback=lambda entry, _: logs.append(str(entry)),
    )
    if is_sent:
        return {**answer, "problem": None}
    status = re.search(r"\berror=(\d{3})\b", "\n".join(logs))
    return {**answer, "problem": f"it answered {status[1]}" if status else "no connection, or it refused the message"}


def main() -> None:
    """Read the request from standard input and write the answers as one line of JSON."""
    import certifi

    request = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder, "bundle.pem")
        own = Path(request["ca_file"]).read_text() if request["ca_file"] else ""
        bundle.write_text(f"{Path(certifi.where()).read_text()}\n{own}")
        sys.stdout.write(json.dumps(send_all(request, str(bundle))))


if __name__ == "__main__":
    main()
