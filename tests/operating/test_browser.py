"""The same as a person does it, in a real browser: choose dates, launch, watch, read. Screenshots are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.operating.conftest import LastNights
from tests.operating.running import wait_for

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.postgresql,
    pytest.mark.xdist_group("operating"),
    pytest.mark.timeout(600),
]

PICTURES = Path(__file__).parents[2] / "test-artifacts"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
SLOW_MS = 120_000


@pytest.fixture(scope="module")
def page(deployment: LastNights) -> Iterator[Page]:
    """A tab of a browser of our own."""
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": 1500, "height": 1000}, base_url=deployment.address)
        tab.set_default_timeout(SLOW_MS)
        yield tab
        browser.close()


def picture(page: Page, name: str) -> None:
    page.screenshot(path=PICTURES / f"{name}.png")


def test_a_range_is_launched_and_watched_from_the_job_page(page: Page, deployment: LastNights) -> None:
    """The job's dialog takes a range of three dates, the backfill runs, and the pages show which date is missing."""
    sent: list[dict[str, Any]] = []
    page.on("request", lambda request: _note(request, sent))
    page.goto("/locations/inode_pipeline/jobs/sync_links")
    materialize = page.locator("button", has_text="Materialize all")
    expect(materialize).to_be_enabled(timeout=SLOW_MS)
    picture(page, "1-job")
    materialize.click()
    dialog = page.locator(".dagster-dialog")
    dates = dialog.locator("input[type=text]").first
    dates.click()
    dates.fill(f"[{deployment.landed[0]}...{deployment.landed[1]}]")
    dates.press("Enter")
    picture(page, "2-dates")
    dialog.locator("button", has_text="Launch backfill").click()
    expect(dialog).to_have_count(0, timeout=SLOW_MS)
    [params] = sent
    nodes = deployment.ask("{ assetNodes { assetKey { path } jobNames } }")["assetNodes"]
    nodes = [node for node in nodes if "sync_links" in node["jobNames"]]
    assert params == {
        "tags": [{"key": "dagster/from_ui", "value": "true"}],
        "assetSelection": sorted((node["assetKey"] for node in nodes), key=lambda key: key["path"]),
        "partitionNames": [str(day) for day in (deployment.landed[0], deployment.gap, deployment.landed[1])],
        "fromFailure": False,
        "selector": {
            "partitionSetName": "sync_links_partition_set",
            "repositorySelector": {"repositoryLocationName": "inode_pipeline", "repositoryName": "__repository__"},
        },
    }
    backfill = wait_for("the backfill", lambda: _newest_backfill(deployment))
    page.goto(f"/runs/b/{backfill}")
    [run] = wait_for("its end", lambda: _ended(deployment, backfill), 400)
    picture(page, "3-backfill")
    page.goto(f"/runs/{run['runId']}")
    expect(page.get_by_text("1 of 3 dates could not be loaded").first).to_be_visible(timeout=SLOW_MS)
    picture(page, "4-run")


def test_the_asset_page_shows_dates_metadata_and_checks(page: Page, deployment: LastNights) -> None:
    """The table of dates, the receipt and the promises can be read there."""
    day = max(wait_for("a loaded date", lambda: deployment.green("links")))  # whichever tests ran before
    show(page, f"/assets/links?view=partitions&partition={day}", "receipt")
    picture(page, "5-asset")
    show(page, "/assets/links?view=checks", "receipts_balance")
    picture(page, "6-checks")


def show(page: Page, address: str, text: str) -> None:
    """Open a page until a text is on it: Dagster's pages may keep an answer from before what they show was written."""
    for _ in range(2):
        page.goto(address)
        with suppress(AssertionError):
            expect(page.get_by_text(text).first).to_be_visible(timeout=SLOW_MS / 3)
            return
    page.goto(address)
    expect(page.get_by_text(text).first).to_be_visible(timeout=SLOW_MS)


def _note(request: Any, sent: list[dict[str, Any]]) -> None:
    body = json.loads(request.post_data) if request.method == "POST" and request.post_data else {}
    if isinstance(body, dict) and "backfillParams" in body.get("variables", {}):
        sent.append(body["variables"]["backfillParams"])


def _newest_backfill(deployment: LastNights) -> str | None:
    query = "{ partitionBackfillsOrError(limit: 1) { ... on PartitionBackfills { results { id } } } }"
    found = deployment.ask(query)["partitionBackfillsOrError"]["results"]
    return found[0]["id"] if found else None


def _ended(deployment: LastNights, backfill: str) -> list[dict[str, Any]]:
    runs = deployment.runs(dagster__backfill=backfill)
    return runs if runs and all(run["status"] in ("SUCCESS", "FAILURE") for run in runs) else []
