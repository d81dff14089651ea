"""What takes messages, for one test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.alerts.servers import Hook, Mailbox, a_hook, a_mailbox


@pytest.fixture
def hook() -> Iterator[Hook]:
    with a_hook() as hook:
        yield hook


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with a_mailbox() as mailbox:
        yield mailbox
