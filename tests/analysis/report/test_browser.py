"""The report opened from disk in a real browser, without a network: on a desktop, a phone and paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from inode_pipeline.analysis.report import write_report
from inode_pipeline.analysis.report.place import Kind
from inode_pipeline.config import LocalSettings
from inode_pipeline.warehouse.engine import Warehouse
from tests.browser import PICTURES, chromium

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
SECTIONS = ["glance", "map", "worst", "changes", "silent", "history", "receipt"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser of our own."""
    with chromium() as browser:
        yield browser


class Visit:
    """A browser tab with its console messages and requests."""

    def __init__(self, browser: Browser, size: str, file: Path) -> None:
        self.page: Page = browser.new_context(viewport=SIZES[size], offline=True).new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())

    def count(self, script: str) -> int:
        return int(self.page.evaluate(script))


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Callable[[Warehouse, str], Visit]]:
    """Write the report of a warehouse and open it."""
    visits: list[Visit] = []

    def go(warehouse: Warehouse, size: str, place: tuple[Kind, str] | None = None) -> Visit:
        file = tmp_path / "report.html"
        write_report(warehouse, LocalSettings(_env_file=None), file, place=place)
        visits.append(Visit(browser, size, file))
        return visits[-1]

    yield go
    for each in visits:
        each.page.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_it_opens_offline_without_a_complaint(warehouse, fill, visit, size):
    """No console message, no other request, no horizontal scrolling; all sections and pictures are visible."""
    fill(warehouse, links=300)
    seen = visit(warehouse, size)
    seen.page.screenshot(path=PICTURES / f"report-{size}.png", full_page=True)

    assert (seen.complaints, [address.split(":")[0] for address in seen.requests]) == ([], ["file"])
    assert seen.count("document.documentElement.scrollWidth") == SIZES[size]["width"]
    assert [name for name in SECTIONS if not seen.page.locator(f"#{name}").is_visible()] == []
    pictures = "[...document.images].filter(image => image.complete && image.naturalWidth > 0).length"
    assert seen.count(pictures) == seen.count("document.images.length") == 1


@pytest.mark.parametrize("size", SIZES)
def test_hostile_names_are_read_and_never_run(warehouse, fill, visit, hostile_records, size):
    """Each is shown as text, the title does not change, and a name of 2,000 letters does not widen the page."""
    fill(warehouse, records=hostile_records)
    seen = visit(warehouse, size)

    assert seen.complaints == []
    assert seen.page.title().startswith("Network report, data as of ")
    assert seen.count("document.scripts.length") == 0
    assert seen.count("document.documentElement.scrollWidth") == SIZES[size]["width"]
    text = seen.page.inner_text("body")
    names = ["".join(each if each.isprintable() else "?" for each in record["name"]) for record in hostile_records]
    assert [name for name in names if name not in text] == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", [("link", "a"), ("corridor", "<script>")], ids=["link", "corridor"])
def test_a_place_opens_offline_without_a_complaint(a_place, visit, size, place):
    """Map, series, week and months are visible on a screen, a phone and paper; its name is never executed."""
    seen = visit(a_place, size, place)
    seen.page.screenshot(path=PICTURES / f"report-{place[0]}-{size}.png", full_page=True)
    assert (seen.complaints, [address.split(":")[0] for address in seen.requests]) == ([], ["file"])
    assert seen.count("document.documentElement.scrollWidth") == SIZES[size]["width"]
    assert seen.count("document.scripts.length") == 0
    assert [
        name for name in ("map", "series", "week", "months") if not seen.page.locator(f"#{name}").is_visible()
    ] == []
    assert seen.count("[...document.images].filter(image => image.complete && image.naturalWidth > 0).length") == 3
    seen.page.emulate_media(media="print")
    assert seen.page.pdf(format="Letter").startswith(b"%PDF")


def test_its_policy_stops_a_script_that_got_in(warehouse, fill, visit, tmp_path, browser):
    """If a name were not escaped, the browser would still refuse to run it and report it."""
    fill(warehouse)
    visit(warehouse, "desktop")
    taken = tmp_path / "taken.html"
    script = "<script>document.title = 'taken'</script>"
    taken.write_text((tmp_path / "report.html").read_text().replace("<main>", f"<main>{script}"))
    seen = Visit(browser, "desktop", taken)

    assert seen.page.title() != "taken"
    assert len(seen.complaints) == 1
    assert "Content Security Policy" in seen.complaints[0]
    seen.page.context.close()


def test_the_banner_is_red_on_paper_too(warehouse, fill, visit, books, noon):
    """White on red on every medium; the map is not taller than its page."""
    fill(warehouse)
    books.run("late", noon.replace(month=12), outcome="failed", error="ApiUnreachableError", message="No answer.")
    seen = visit(warehouse, "desktop")
    seen.page.emulate_media(media="print")

    banner = seen.page.locator(".failure")
    style = "element => [getComputedStyle(element).backgroundColor, getComputedStyle(element).printColorAdjust]"
    assert banner.evaluate(style) == ["rgb(178, 24, 43)", "exact"]
    height = seen.page.locator("img.map").evaluate("element => element.getBoundingClientRect().height")
    assert 0 < height < 800
    assert seen.page.pdf(format="Letter").startswith(b"%PDF")
