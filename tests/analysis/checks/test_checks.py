"""Each check passes on good data, fails on bad data, and returns `not checked` if its data is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update

from inode_pipeline.analysis.check import Check, CheckContext, Result
from inode_pipeline.analysis.checks import CHECKS
from inode_pipeline.emulator import EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Attempt, replay
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.migrate import migrate
from inode_pipeline.warehouse.tables import LINK_FACTS, LINKS_TABLE, LOADS, RAW_PAGES, WALKS
from tests.analysis.checks.conftest import DAY, TODAY, Synced, account

OBSERVATIONS = LINK_FACTS.observations


def test_good_data_passes_every_check(synced: Synced) -> None:
    """After two ordinary nights every check passes."""
    results = {check.name: synced.examine(check.name) for check in CHECKS}
    assert {name: result.outcome for name, result in results.items()} == dict.fromkeys(results, "passed"), results


def test_nothing_is_green_before_the_first_load(empty_warehouse: Warehouse, server: EmulatorServer) -> None:
    """On an empty warehouse every check returns `not checked`, which is not a pass."""
    migrate(empty_warehouse)
    context = CheckContext(empty_warehouse, LINKS, account(server, "sqlite:///unused.db"), datetime.now(UTC))
    results = [check.examine(context) for check in CHECKS]
    assert {result.outcome for result in results} == {"not checked"}
    assert all(result.text.startswith("Not checked: ") for result in results)


def unverified(synced: Synced) -> None:
    synced.change(update(LOADS).values(verdict="unverified", may_remove=False))


def unreadable_ids(synced: Synced) -> None:
    synced.change(update(LOADS).values(may_remove=False))


def new_field(synced: Synced) -> None:
    synced.records[0]["colour"] = "red"
    synced.sync()


def lost_field(synced: Synced) -> None:
    for record in synced.records:
        del record["is_synthetic"]
    synced.sync()


def changed_type(synced: Synced) -> None:
    for record in synced.records:
        record["sample_size"] = record["sample_size"] and str(record["sample_size"])
    synced.sync()


def missed_nights(synced: Synced) -> None:
    synced.now += 3 * DAY


def other_receipt(synced: Synced) -> None:
    synced.change(update(LOADS).values(received=24, unchanged=24, inserted=0))


def other_row(synced: Synced) -> None:
    key = str(synced.records[3]["id"])
    synced.change(update(LINKS_TABLE).where(LINKS_TABLE.c.link_id == key).values(record_hash="changed by hand"))


def lost_row(synced: Synced) -> None:
    synced.change(delete(LINKS_TABLE).where(LINKS_TABLE.c.link_id == str(synced.records[3]["id"])))


def foreign_row(synced: Synced) -> None:
    key = LINKS_TABLE.c.link_id == str(synced.records[3]["id"])
    synced.change(update(LINKS_TABLE).where(key).values(link_id="nobody's"))


def corrupt_page(synced: Synced) -> None:
    synced.change(update(RAW_PAGES).values(sha256="0" * 64))


def shrunk(synced: Synced) -> None:
    del synced.records[15:]
    synced.sync(allow_shrink=True)
    synced.change(update(WALKS).values(allow_shrink=False, refused_at=None))


def refused(synced: Synced) -> None:
    del synced.records[15:]
    with pytest.raises(Exception, match="is refused"):
        synced.sync()


def set_aside(synced: Synced) -> None:
    synced.settings = synced.settings.model_copy(update={"max_rejected_fraction": 0.1})
    synced.records[0]["distance"] = "far"
    synced.sync()


def wrong_units(synced: Synced) -> None:
    synced.change(update(LINKS_TABLE).values(length_m=LINKS_TABLE.c.length_m * 1.609))


def stale(synced: Synced) -> None:
    synced.now += 2 * DAY


def of(synced: Synced, number: int = 3) -> str:
    return str(synced.records[number]["id"])


def silent(synced: Synced) -> None:
    """A link that was last measured three days ago."""
    last = OBSERVATIONS.c.link_id == of(synced)
    synced.change(
        update(OBSERVATIONS).where(last).values(observed_at=synced.now - 3 * DAY),
        update(LINKS_TABLE).where(LINKS_TABLE.c.link_id == of(synced)).values(last_observed_at=None),
    )


def unmeasured(synced: Synced) -> None:
    synced.change(update(LOADS).values(no_data=LOADS.c.received))


@pytest.mark.parametrize(
    ("name", "broken_by", "said"),
    [
        ("walk_is_proven", unverified, "the API gives no count"),
        ("walk_is_proven", unreadable_ids, "records whose id cannot be read"),
        ("fields_stay", new_field, "New: colour."),
        ("fields_stay", lost_field, "Missing: is_synthetic."),
        ("fields_stay", changed_type, "Changed: sample_size from number to text."),
        ("no_night_is_missed", missed_nights, "The API returns only the present, so these gaps stay."),
        ("recount_agrees", other_receipt, "The pages give 25 received, 0 rejected, 0 duplicate, the receipt says 24"),
        ("recount_agrees", other_row, "1 records differ from their row and 0 rows have no record"),
        ("recount_agrees", lost_row, "1 records differ from their row and 0 rows have no record"),
        ("recount_agrees", foreign_row, "1 records differ from their row and 1 rows have no record"),
        ("recount_agrees", corrupt_page, "its checksum differs"),
        ("no_sudden_shrink", shrunk, "lacks 10 of the 25 records"),
        ("no_sudden_shrink", refused, "Refused and waiting for a person"),
        ("nothing_is_set_aside", set_aside, "1 of 25 records of the newest walk could not be typed (distance)"),
        ("units_agree", wrong_units, "The median over"),
        ("data_is_fresh", stale, "the last sync was due at"),
        ("no_link_is_silent", silent, "1 of 24 links were not measured within two days"),
        ("no_link_is_silent", unmeasured, "Nothing is measured: none of the 25 links has a speed"),
    ],
)
def test_a_check_fails_on_what_it_is_about(
    synced: Synced, name: str, broken_by: Callable[[Synced], None], said: str
) -> None:
    """The result is a failure whose text says what is wrong."""
    broken_by(synced)
    result = synced.examine(name)
    assert (result.outcome, said in result.text) == ("failed", True), result


def test_each_check_has_failed_here() -> None:
    """Every check can fail."""
    [mark] = test_a_check_fails_on_what_it_is_about.pytestmark
    assert {name for name, *_ in mark.args[1]} == {check.name for check in CHECKS}


def purged(synced: Synced) -> None:
    synced.change(update(WALKS).values(purged_at=synced.now), delete(RAW_PAGES))


def other_version(synced: Synced) -> None:
    synced.change(update(LOADS).values(normaliser_version=0))


def unknown_speed(synced: Synced) -> None:
    synced.change(update(LINKS_TABLE).values(last_speed_kmh=None))


@pytest.mark.parametrize(
    ("name", "hidden_by", "said"),
    [
        ("recount_agrees", purged, "the pages of the newest loaded walk were purged"),
        ("recount_agrees", other_version, "loaded by another version"),
        ("units_agree", unknown_speed, "last_speed_kmh unknown in every row"),
    ],
)
def test_what_cannot_be_checked_is_not_green(
    synced: Synced, name: str, hidden_by: Callable[[Synced], None], said: str
) -> None:
    """If the data that a check needs is missing, the result says which."""
    hidden_by(synced)
    result = synced.examine(name)
    assert (result.outcome, said in result.text) == ("not checked", True), result


def test_a_disabled_link_and_one_that_was_never_measured_are_not_silent(synced: Synced) -> None:
    """Neither makes the check fail."""
    silent(synced)
    synced.change(
        update(LINKS_TABLE).where(LINKS_TABLE.c.link_id == of(synced)).values(status="Disabled"),
        delete(OBSERVATIONS).where(OBSERVATIONS.c.link_id == of(synced, 4)),
        update(LINKS_TABLE).where(LINKS_TABLE.c.link_id == of(synced, 4)).values(last_observed_at=None),
    )
    result = synced.examine("no_link_is_silent")
    assert (result.outcome, result.figures) == ("passed", {"silent": 0, "watched": 22})


def test_a_failure_names_what_it_is_about(synced: Synced) -> None:
    """The ids of the silent links, so that an additional one is reported."""
    silent(synced)
    assert synced.examine("no_link_is_silent").about == [of(synced)]


@pytest.mark.parametrize("name", ["fields_stay", "no_sudden_shrink"])
def test_on_the_first_load_what_has_nothing_to_compare_passes(synced: Synced, name: str) -> None:
    """It says "not yet", which is a pass."""
    synced.change(delete(LOADS).where(LOADS.c.snapshot_date < TODAY))
    result = synced.examine(name)
    assert (result.is_pass, result.text.startswith("Not yet: ")) == (True, True)


def test_a_shrink_that_a_person_allowed_passes(synced: Synced) -> None:
    """The check passes and mentions the permission recorded on the walk."""
    del synced.records[15:]
    with pytest.raises(Exception, match="is refused"):
        synced.sync()
    synced.sync(allow_shrink=True)
    result = synced.examine("no_sudden_shrink")
    assert (result.outcome, "A person has allowed that." in result.text) == ("passed", True), result


def test_records_set_aside_are_no_difference_between_pages_and_rows(synced: Synced) -> None:
    """A link whose record was set aside keeps its row, which does not count as a row without a record."""
    set_aside(synced)
    assert synced.examine("recount_agrees").outcome == "passed"


def test_a_night_that_is_not_due_yet_is_not_missed(synced: Synced) -> None:
    """A snapshot is not missed until the grace period after its tick is over."""
    hour = synced.settings.sync_schedule
    assert hour == "30 4 * * *"
    tick = datetime.combine(TODAY + DAY, datetime.min.time(), UTC) + timedelta(hours=4, minutes=30)
    early = CheckContext(synced.warehouse, LINKS, synced.settings, tick + timedelta(minutes=119))
    for name, outcomes in dict.fromkeys(("data_is_fresh", "no_night_is_missed"), ("passed", "failed")).items():
        (check,) = (check for check in CHECKS if check.name == name)
        late = replace(early, now=tick + timedelta(minutes=121))
        assert (check.examine(early).outcome, check.examine(late).outcome) == outcomes


@pytest.mark.parametrize(("loads", "outcome"), [(0, "failed"), (1, "passed"), (99, "not checked")])
def test_a_load_in_the_middle_fails_no_check(synced: Synced, loads: int, outcome: str) -> None:
    """A check that fails while a load is committed runs again; if loads never end, it is `not checked`."""
    attempts = iter(range(100))

    def examine(_: CheckContext) -> Result:
        if (attempt := next(attempts)) < loads:
            synced.sync()
        return Result("passed" if 0 < loads <= attempt else "failed", "")

    check = Check("name", "table", "error", "description", examine)
    assert check.run(CheckContext(synced.warehouse, LINKS, synced.settings, synced.now)).outcome == outcome


@pytest.mark.parametrize("broken_by", [other_row, lost_row, foreign_row])
def test_replay_restores_the_rows_of_the_pages(synced: Synced, broken_by: Callable[[Synced], None]) -> None:
    """As docs/operations.md says: loading the landed walks again undoes changes made by hand."""
    broken_by(synced)
    assert synced.examine("recount_agrees").outcome == "failed"
    attempt = Attempt("replay", "person")
    replay(synced.settings, synced.warehouse, LINKS, TODAY - DAY, TODAY, attempt=attempt)
    assert synced.examine("recount_agrees").outcome == "passed"
