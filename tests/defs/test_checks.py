"""The checks as Dagster shows them: after each run, blocking none, and green only if they passed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from sqlalchemy import text, update

from inode_pipeline.analysis.check import Check, Result
from inode_pipeline.analysis.checks import CHECKS
from inode_pipeline.emulator.state import State
from inode_pipeline.warehouse.engine import Warehouse, transaction
from inode_pipeline.warehouse.tables import LINKS_TABLE

if TYPE_CHECKING:
    from conftest import Location, Run

BY_NAME = {check.name: check for check in CHECKS}


def checked(run: Run) -> dict[str, dg.AssetCheckEvaluation]:
    """The result of each check of a run."""
    events = [entry.dagster_event for entry in run.stored if entry.is_dagster_event]
    data = [event.event_specific_data for event in events if event.event_type_value == "ASSET_CHECK_EVALUATION"]
    return {evaluation.check_name: evaluation for evaluation in data}


def outcomes(run: Run) -> dict[str, object]:
    return {name: evaluation.metadata["outcome"].value for name, evaluation in checked(run).items()}


def test_every_check_is_an_asset_check_with_its_description(location: Location) -> None:
    """Nine, at the pages and at the table, and none blocks what comes after."""
    graph = location.definitions.resolve_asset_graph()
    shown = {key.name: graph.get_check_spec(key) for key in graph.asset_check_keys}
    assert shown.keys() == BY_NAME.keys()
    assert {name: spec.description for name, spec in shown.items()} == {
        name: check.description for name, check in BY_NAME.items()
    }
    assert not any(spec.blocking for spec in shown.values())
    assert len(shown) == 9
    assert {spec.asset_key.to_user_string() for spec in shown.values()} == {"raw_links", "links"}


def test_a_run_executes_every_check(location: Location, filled: Warehouse, today: date) -> None:
    """After the load each check has its result; what has nothing to compare with yet says so, and passes."""
    run = location.sync(today)
    assert run.is_ok
    found = checked(run)
    assert found.keys() == BY_NAME.keys()
    for name in ("fields_stay", "no_sudden_shrink"):  # there is one walk only
        assert found[name].passed
        assert found[name].description.startswith("Not yet: ")
    for name in ("walk_is_proven", "recount_agrees", "units_agree"):
        assert found[name].passed, found[name]
    assert found["recount_agrees"].metadata["received"].value == 25


@pytest.mark.changes_tables_by_hand
def test_a_failed_check_is_red_and_fails_no_run(location: Location, filled: Warehouse, today: date) -> None:
    """Rows changed by hand are reported as an error; the run, which has loaded its date, stays a success."""
    location.sync(today)
    with transaction(filled) as connection:
        connection.execute(update(LINKS_TABLE).values(length_m=LINKS_TABLE.c.length_m * 1.609, record_hash="by hand"))
    run = location.checks("recount_agrees", "units_agree", "walk_is_proven")
    assert run.is_ok
    found = checked(run)
    assert {name: evaluation.passed for name, evaluation in found.items()} == {
        "recount_agrees": False,
        "units_agree": False,
        "walk_is_proven": True,
    }
    assert found["units_agree"].severity == dg.AssetCheckSeverity.ERROR
    assert found["units_agree"].description.startswith("The median over ")


@pytest.mark.changes_tables_by_hand
def test_a_warehouse_that_goes_away_leaves_the_checks_unchecked(location: Location, filled: Warehouse) -> None:
    """Where the tables cannot be read, nothing is green, the reason is reported, and no run fails."""
    with transaction(filled) as connection:
        schema = "inode." if filled.is_postgresql else ""
        connection.execute(text(f"ALTER TABLE {schema}loads RENAME TO away"))
    run = location.checks("walk_is_proven", "units_agree")
    assert run.is_ok
    assert outcomes(run) == {"walk_is_proven": "not checked", "units_agree": "not checked"}


def test_a_failure_keeps_what_it_is_about() -> None:
    """The names are kept with the result, for the alert, and no more of them than fit."""
    from inode_pipeline.defs.checks import MAX_SUBJECTS, shown

    check = Check("name", "table", "warning", "description", lambda _: Result("passed", ""))
    kept = shown(check, Result("failed", "text", about=[str(number) for number in range(MAX_SUBJECTS + 1)]))
    assert kept.metadata["about"].value == [str(number) for number in range(MAX_SUBJECTS)]


def test_s1_the_text_of_an_unknown_error_is_not_shown(
    location: Location, filled: Warehouse, today: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody expected may hold anything, so only its class gets into the event log."""
    from inode_pipeline.defs import checks

    def fail(_: object) -> Result:
        raise ValueError("canary-secret")

    monkeypatch.setattr(checks, "CHECKS", [Check("units_agree", "table", "error", "description", fail)])
    run = location.checks("units_agree")
    assert run.is_ok
    assert checked(run)["units_agree"].description == "Not checked: an unexpected error, ValueError."
    assert "canary-secret" not in run.text


@pytest.mark.parametrize(
    ("outcome", "severity", "expected"),
    [
        ("passed", "error", (True, "WARN")),
        ("not yet", "error", (True, "WARN")),
        ("failed", "error", (False, "ERROR")),
        ("failed", "warning", (False, "WARN")),
        ("not checked", "error", (False, "WARN")),
    ],
)
def test_green_is_only_what_passed(outcome: str, severity: str, expected: tuple[bool, str]) -> None:
    """A failure is as serious as its check, unchecked is a warning."""
    from inode_pipeline.defs.checks import shown

    check = Check("name", "table", severity, "description", lambda _: Result("passed", ""))
    result = shown(check, Result(outcome, "text"))
    assert (result.passed, result.severity.value) == expected


def test_a_past_load_is_examined_against_the_tables_as_they_are(
    location: Location, filled: Warehouse, account: State, today: date
) -> None:
    """A backfill examines the newest walk, whichever dates it loads."""
    location.sync(today)
    account.records[0]["colour"] = "red"
    location.sync(today)
    run = location.sync(today)
    assert outcomes(run)["fields_stay"] == "passed"
    assert outcomes(run)["no_sudden_shrink"] == "passed"


def test_a_run_that_fails_shows_what_is_found_and_not_that_every_check_failed(
    location: Location, filled: Warehouse, today: date
) -> None:
    """The checks of a run with a gap are never executed, so the failing step runs them itself."""
    location.sync(today)
    run = location.sync(today - timedelta(days=1))
    assert not run.is_ok
    found = checked(run)
    assert found.keys() == BY_NAME.keys()
    assert found["recount_agrees"].passed
    assert found["recount_agrees"].metadata["received"].value == 25
