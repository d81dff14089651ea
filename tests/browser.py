"""A browser of our own: Debian's Chromium, which `.ci/run` installs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
PICTURES = Path(__file__).parents[1] / "test-artifacts"
"""Where screenshots are kept, outside what is committed."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. A machine without one skips the tests that need it, but not the one that judges a change."""
    if not CHROMIUM.exists() and "CI" not in os.environ:
        pytest.skip(f"needs Debian's chromium at {CHROMIUM}: apt-get install chromium, or run .ci/run")
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
