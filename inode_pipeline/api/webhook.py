"""Post one JSON object to an address that a person has set for messages. Nothing of the account is sent there.

The address is a secret: whoever knows it may write into the channel. So no error and no log shows more than its host.
Keep out: what is worth a message (`alerts.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from inode_pipeline import __version__
from inode_pipeline.api.trust import trusted_context
from inode_pipeline.config import AlertSettings, is_loopback
from inode_pipeline.errors import AlertError

TIMEOUT_S = 10.0

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # below that they log whole addresses


def post_json(address: str, payload: Mapping[str, object], settings: AlertSettings) -> None:
    """Send the object once; redirects are not followed and the environment's proxies are not used.

    Raises:
        AlertError: the server could not be reached, or answered with anything but success.

    """
    host = urlsplit(address).hostname
    proxy = None if settings.proxy is None or is_loopback(host) else settings.proxy.get_secret_value()
    headers = {"User-Agent": f"inode-pipeline/{__version__}"}
    try:
        with httpx.Client(
            verify=trusted_context(settings), proxy=proxy, trust_env=False, timeout=TIMEOUT_S, headers=headers
        ) as client:
            status = client.post(address, json=payload).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise _undelivered(f"{host} cannot be reached ({type(problem).__name__})") from None
    if not 200 <= status < 300:
        raise _undelivered(f"{host} answered {status}")


def _undelivered(why: str) -> AlertError:
    return AlertError(f"A message could not be posted: {why}.", remedy="Check INODE_ALERT_WEBHOOK_URL.")
