"""What takes messages, for one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts.certificates import a_certificate
from tests.alerts.servers import Hook, Mailbox, a_hook, a_mailbox


@pytest.fixture
def hook() -> Iterator[Hook]:
    with a_hook() as hook:
        yield hook


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with a_mailbox() as mailbox:
        yield mailbox


@pytest.fixture(scope="session")
def slack_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for Slack's host that an authority of our own has signed, and its key."""
    return a_certificate("hooks.slack.com", tmp_path_factory.mktemp("slack"))


@pytest.fixture(scope="session")
def pagerduty_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return a_certificate("events.pagerduty.com", tmp_path_factory.mktemp("pagerduty"))


@pytest.fixture(scope="session")
def teams_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return a_certificate("prod-01.westus.logic.azure.com", tmp_path_factory.mktemp("teams"))
