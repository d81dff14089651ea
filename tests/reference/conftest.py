"""A real Django REST framework server with django-oauth-toolkit, run beside the tests and led by them.

`reference(pagination="cursor", ...)` gives the running server of that set of options (see `server/options.py`),
freshly reset. There is one process per set and session; it listens on loopback only and ends with its standard input.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.reference.running import Reference

Serve = Callable[..., Reference]


@pytest.fixture(scope="session")
def reference_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Reference]]:
    """Every server of this session by its options."""
    servers: dict[str, Reference] = {}
    yield servers
    for server in servers.values():
        server.dismiss()
    for server in servers.values():
        server.stop()


@pytest.fixture
def reference(reference_servers: dict[str, Reference], tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Give a function that returns the server of these options, started if need be and reset."""

    def serve(**options: Any) -> Reference:
        key = json.dumps(options, sort_keys=True)
        if key not in reference_servers:
            reference_servers[key] = Reference(tmp_path_factory.mktemp("reference"), options)
        reference_servers[key].reset()
        return reference_servers[key]

    return serve
