"""The same as a person does it, in a real browser: choose dates, launch, watch, read. Screenshots are kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from inode_pipeline.warehouse.tables import RAW_PAGES, WALKS
from tests.browser import PICTURES, chromium
from tests.operating.conftest import Backfills, LastNights
from tests.operating.processes import wait_for

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.postgresql,
    pytest.mark.xdist_group("operating"),
    pytest.mark.timeout(600),
]

SLOW_MS = 120_000
JOB = "/locations/inode_pipeline/jobs/sync_links"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Asked for before a deployment is started in vain."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def page(browser: Browser, deployment: LastNights) -> Page:
    """A tab of a browser of our own."""
    tab = browser.new_page(viewport={"width": 1500, "height": 1000}, base_url=deployment.address)
    tab.set_default_timeout(SLOW_MS)
    return tab


def picture(page: Page, name: str) -> None:
    page.screenshot(path=PICTURES / f"{name}.png")


def opened(page: Page, address: str, button: str, **options: Any) -> Locator:
    """The dialog that a page's button opens."""
    page.goto(address)
    materialize = page.locator("button", has_text=button)
    expect(materialize).to_be_enabled(timeout=SLOW_MS)
    materialize.click(**options)
    dialog = page.locator(".dagster-dialog")
    confirm = dialog.locator("button", has_text="Confirm")  # of a table whose pages Dagster has not seen yet
    dates = dialog.locator("input[type=text]").first
    expect(confirm.or_(dates)).to_be_visible(timeout=SLOW_MS)
    if confirm.is_visible():
        confirm.click()
    return dialog


def choose(dialog: Locator, dates: str) -> None:
    field = dialog.locator("input[type=text]").first
    field.click()
    field.fill(dates)
    field.press("Enter")


def launched(dialog: Locator, button: str, *, is_held_back: bool = False) -> dict[str, Any]:
    """What the UI sends when the dialog's button is pressed; nothing is launched if it is held back."""
    page = dialog.page
    if is_held_back:
        page.route("**/graphql", lambda route: route.continue_() if _params(route.request) is None else route.abort())
    with page.expect_request(lambda request: _params(request) is not None, timeout=SLOW_MS) as sent:
        dialog.locator("button", has_text=button).last.click()
    params = _params(sent.value)
    assert params is not None
    page.unroute_all()
    return params


def test_a_range_is_chosen_on_the_job_page_and_its_backfill_watched(
    page: Page, deployment: LastNights, backfill_ids: dict[str, str], backfills: Backfills
) -> None:
    """The job's dialog sends a range of three dates; the backfill that this launches is shown, and why a run is red."""
    dialog = opened(page, JOB, "Materialize all")
    picture(page, "1-job")
    choose(dialog, f"[{deployment.landed[0]}...{deployment.landed[1]}]")
    picture(page, "2-dates")
    params = launched(dialog, "Launch backfill", is_held_back=True)
    assert params == deployment.backfill_form("job", (deployment.landed[0], deployment.gap, deployment.landed[1]))
    page.goto(f"/runs/b/{backfill_ids['job']}")
    expect(page.get_by_text("sync_links").first).to_be_visible(timeout=SLOW_MS)
    picture(page, "3-backfill")
    [run] = [run for run in backfills["job"] if run["status"] == "FAILURE"]
    page.goto(f"/runs/{run['runId']}")
    expect(page.get_by_text("cannot be loaded: nothing was landed on it").first).to_be_visible(timeout=SLOW_MS)
    picture(page, "4-run")


@pytest.mark.usefixtures("backfills")
def test_a_range_is_chosen_on_the_page_of_one_table(page: Page, deployment: LastNights) -> None:
    """The dialog of the asset's page sends that asset alone; the pages and the other tables are made with it."""
    dialog = opened(page, "/assets/links", "Materialize")
    choose(dialog, f"[{deployment.landed[0]}...{deployment.landed[1]}]")
    params = launched(dialog, "Launch backfill", is_held_back=True)
    assert params == deployment.backfill_form("asset", (deployment.landed[0], deployment.gap, deployment.landed[1]))
    dates = {str(day) for day in deployment.landed}  # Dagster may show what it knew a moment ago
    wait_for("both dates", lambda: dates <= deployment.green("link_observations"), 60)


@pytest.mark.usefixtures("backfills")
def test_the_failed_dates_are_chosen_by_one_click(page: Page, deployment: LastNights) -> None:
    """After a run with a gap the job's dialog offers it as failed, and among the failed and missing ones."""
    dialog = opened(page, JOB, "Materialize all")
    dates = dialog.locator("input[type=text]").first
    dialog.get_by_role("button", name="Failed and missing", exact=True).click()
    expect(dates).not_to_have_value(str(deployment.gap), timeout=SLOW_MS)
    assert _is_among(str(deployment.gap), dates.input_value())
    dialog.get_by_role("button", name="Failed", exact=True).click()
    expect(dates).to_have_value(str(deployment.gap), timeout=SLOW_MS)
    assert launched(dialog, "Launch 1 run", is_held_back=True) == deployment.run_form(deployment.gap)


def _is_among(day: str, shown: str) -> bool:
    """Whether a date is among those shown: by itself, or in a range if its neighbours are missing too."""
    ranges = re.findall(r"(\d{4}-\d\d-\d\d)(?:\.\.\.(\d{4}-\d\d-\d\d))?", shown)
    return any(first <= day <= (last or first) for first, last in ranges)


def test_today_is_fetched_again_from_the_launchpad(page: Page, deployment: LastNights) -> None:
    """Shift-click opens the launchpad with its config; what was landed of today before is kept beside the new walk."""
    assert deployment.end_of(deployment.launch(deployment.today)) == "SUCCESS"
    before = set(deployment.rows(WALKS, "walk_id"))
    pages = set(deployment.rows(RAW_PAGES, "walk_id", "page", "sha256"))
    dialog = opened(page, JOB, "Materialize all", modifiers=["Shift"])
    expect(dialog.get_by_text("allow_shrink").first).to_be_visible(timeout=SLOW_MS)
    partition = dialog.get_by_placeholder("Partition")
    partition.click()
    partition.fill(str(deployment.today))
    page.locator(".dagster-popover").get_by_text(str(deployment.today), exact=True).first.click()
    picture(page, "7-launchpad")
    params = launched(dialog, "Materialize")
    assert {"key": "dagster/partition", "value": str(deployment.today)} in params["executionMetadata"]["tags"]
    assert "allow_shrink: false" in params["runConfigData"]
    wait_for("the new walk", lambda: set(deployment.rows(WALKS, "walk_id")) > before, 240)
    assert pages < set(deployment.rows(RAW_PAGES, "walk_id", "page", "sha256"))


def test_the_asset_page_shows_dates_metadata_and_checks(page: Page, deployment: LastNights) -> None:
    """The table of dates, the summary of a date and the checks can be read there."""
    day = max(wait_for("a loaded date", lambda: deployment.green("links")))  # whichever tests ran before
    show(page, f"/assets/links?view=partitions&partition={day}", "Complete: ")
    picture(page, "5-asset")
    show(page, "/assets/links?view=checks", "recount_agrees")
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


def _params(request: Request) -> dict[str, Any] | None:
    """The variables of a request that launches something."""
    body = json.loads(request.post_data) if request.method == "POST" and request.post_data else {}
    variables = body.get("variables", {}) if isinstance(body, dict) else {}
    return variables.get("backfillParams") or variables.get("executionParams")
