"""Keep the table of docs/reliability.md true to a run of the tests.

The name of a test of fault 7 contains `m07`. `--reliability check` fails the run if a fault has no passing test or a
row is out of date; `--reliability write` writes the last three columns anew. The first three are a person's words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
ROW = re.compile(r"^\| (?P<number>\d+) \| (?P<words>.+?) \| (?P<outcome>recovered|stopped|either) \|.*$", re.MULTILINE)
WITHOUT_DATABASE = ("api/", "reference/", "normalise/", "endpoints/", "test_config.py")
"""Rooms whose tests open no database; the others use SQLite unless they are marked `postgresql`."""


@dataclass
class FaultsTried:
    """The tests of each fault, the databases they use, and the faults of which a test has passed.

    A test that is skipped, because this machine cannot do what it needs, stays in the table.
    """

    tests: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    databases: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    passed: set[int] = field(default_factory=set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and not report.skipped:
            return
        place, _, name = report.nodeid.partition("::")
        function = name.partition("[")[0]
        place = place.removeprefix("tests/")
        for number in map(int, re.findall(r"_m(\d\d)(?=_)", function)):
            self.tests[number].add(f"{place}::{function}")
            if report.passed:
                self.passed.add(number)
            if not place.startswith(WITHOUT_DATABASE):
                self.databases[number].add("postgresql" if "postgresql" in report.keywords else "sqlite")

    def page(self, text: str) -> str:
        """The page with the columns of each row as this run makes them."""
        return ROW.sub(self._row, text)

    def _row(self, row: re.Match[str]) -> str:
        number = int(row["number"])
        tried = ("yes" if database in self.databases[number] else "" for database in ("sqlite", "postgresql"))
        own = f"::test_m{number:02}_"  # a test of several faults is named by the first of them
        first, *more = sorted(self.tests[number], key=lambda test: (own not in test, test)) or ["none"]
        names = f"`{first}`" + (f" and {len(more)} more" if more else "")
        return f"| {number} | {row['words']} | {row['outcome']} | {' | '.join(tried)} | {names} |"

    def faults(self, text: str) -> list[str]:
        """What is wrong with the page, a sentence each."""
        listed = {int(row["number"]) for row in ROW.finditer(text)}
        untested = [f"fault {number} has no passing test" for number in sorted(listed - self.passed)]
        unlisted = [f"fault {number} has tests and no row" for number in sorted(self.tests.keys() - listed)]
        stale = [] if self.page(text) == text else ["rows are out of date: run `make reliability`"]
        return untested + unlisted + stale


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reliability", choices=["check", "write"], help="the table of docs/reliability.md")


def pytest_configure(config: pytest.Config) -> None:
    is_worker = hasattr(config, "workerinput")
    if config.getoption("reliability") and not is_worker:
        config.pluginmanager.register(FaultsTried(), "faults_tried")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    tried = session.config.pluginmanager.get_plugin("faults_tried")
    if not isinstance(tried, FaultsTried):
        return
    text = PAGE.read_text()
    if session.config.getoption("reliability") == "write":
        PAGE.write_text(text := tried.page(text))
    if found := tried.faults(text):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.config.get_terminal_writer().line(f"\n{PAGE.name}: " + "; ".join(found))
