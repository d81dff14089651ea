"""The promises about the past: each is kept on good data, and broken by what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import ColumnElement, and_, delete, insert, null, select, update

from inode_pipeline.analysis.promises import PROMISES
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Attempt, replay
from inode_pipeline.warehouse.tables import LINK_FACTS, LINKS_TABLE
from tests.analysis.promises.conftest import DAY, TODAY, Synced

VERSIONS, SNAPSHOTS, BINS = LINK_FACTS.versions, LINK_FACTS.snapshots, LINK_FACTS.bins
OBSERVATIONS, CORRECTIONS = LINK_FACTS.observations, LINK_FACTS.corrections
OF_FACTS = [promise.name for promise in PROMISES if promise.about not in ("pages", "table")]


def key(synced: Synced) -> str:
    return str(synced.records[3]["id"])


def set_aside(synced: Synced) -> None:
    """A record that cannot be typed, of a link that is known, and one of a link that is not."""
    synced.settings = synced.settings.model_copy(update={"max_rejected_fraction": 0.1})
    synced.records[3]["distance"] = "far"
    synced.records.append({**synced.records[3], "id": 999_999})
    synced.sync()


def removed(synced: Synced) -> None:
    del synced.records[3]
    synced.sync()


def moved(synced: Synced) -> None:
    """Another configuration today than yesterday."""
    synced.records[3]["distance"] *= 1.01
    synced.sync()


def corrected(synced: Synced) -> None:
    """The API says something else of a time of which it has spoken before."""
    synced.records[3]["last_travel_time"] += 1
    synced.sync()


def taken_back(synced: Synced) -> None:
    """The API returns to what it said first, so that what it said in between still stands."""
    corrected(synced)
    synced.records[3]["last_travel_time"] -= 1
    synced.sync()


def measured_again(synced: Synced) -> None:
    """Three measurements of one quarter of an hour, one of which does not say how many vehicles it rests on."""
    record = synced.records[3]
    measured = datetime.fromisoformat(record["last_updated"])
    for number, sample_size in enumerate((3, None), start=1):
        record["last_updated"] = (measured + timedelta(seconds=number)).isoformat()
        record["last_travel_time"] *= 1.1
        record["sample_size"] = sample_size
        synced.sync()


@pytest.mark.parametrize("happened", [set_aside, removed, moved, corrected, taken_back, measured_again])
def test_what_happens_on_ordinary_nights_breaks_no_promise(synced: Synced, happened: Callable[[Synced], None]) -> None:
    """Records set aside, links that vanish or change and corrections leave the promises about the facts kept."""
    happened(synced)
    findings = {name: synced.examine(name) for name in OF_FACTS}
    assert {name: finding.outcome for name, finding in findings.items()} == dict.fromkeys(findings, "kept"), findings


def lost_version(synced: Synced) -> None:
    synced.change(delete(VERSIONS).where(VERSIONS.c.link_id == key(synced)))


def lost_earlier_version(synced: Synced) -> None:
    moved(synced)
    present = select(LINKS_TABLE.c.content_hash)
    synced.change(delete(VERSIONS).where(VERSIONS.c.content_hash.not_in(present)))


def other_version(synced: Synced) -> None:
    synced.change(update(VERSIONS).where(VERSIONS.c.link_id == key(synced)).values(length_m=VERSIONS.c.length_m + 1))


def listed(synced: Synced, day: date = TODAY) -> ColumnElement[bool]:
    return and_(SNAPSHOTS.c.snapshot_date == day, SNAPSHOTS.c.link_id == key(synced))


def unlisted_link(synced: Synced) -> None:
    synced.change(delete(SNAPSHOTS).where(listed(synced, TODAY - DAY)))


def foreign_link(synced: Synced) -> None:
    synced.change(insert(SNAPSHOTS).values(snapshot_date=TODAY, link_id="nobody's", content_hash="none"))


def forgotten_configuration(synced: Synced) -> None:
    synced.change(update(SNAPSHOTS).where(listed(synced, TODAY - DAY)).values(content_hash=null()))


def other_link(synced: Synced) -> None:
    synced.change(update(SNAPSHOTS).where(listed(synced)).values(link_id="nobody's"))


def other_configuration(synced: Synced) -> None:
    synced.change(update(SNAPSHOTS).where(listed(synced)).values(content_hash="another"))


def no_key(synced: Synced) -> None:
    synced.without_key(OBSERVATIONS, "'', observed_at", f"'{key(synced)}', NULL")


def repeated_key(synced: Synced) -> None:
    synced.without_key(OBSERVATIONS, "link_id, observed_at")


def no_value(synced: Synced) -> None:
    values = dict.fromkeys(("travel_time_s", "speed_kmh", "sample_count"))
    synced.change(update(OBSERVATIONS).where(OBSERVATIONS.c.link_id == key(synced)).values(values))


def observation_of_nobody(synced: Synced) -> None:
    synced.change(update(OBSERVATIONS).where(OBSERVATIONS.c.link_id == key(synced)).values(link_id="nobody's"))


def ahead(synced: Synced) -> None:
    later = synced.now + DAY
    synced.change(update(OBSERVATIONS).where(OBSERVATIONS.c.link_id == key(synced)).values(observed_at=later))


def lost_observation(synced: Synced) -> None:
    synced.change(delete(OBSERVATIONS).where(OBSERVATIONS.c.link_id == key(synced)))


def other_value(synced: Synced) -> None:
    faster = OBSERVATIONS.c.speed_kmh + 1
    synced.change(update(OBSERVATIONS).where(OBSERVATIONS.c.link_id == key(synced)).values(speed_kmh=faster))


def lost_correction(synced: Synced) -> None:
    corrected(synced)
    synced.change(delete(CORRECTIONS))


def correction_of_nothing(synced: Synced) -> None:
    corrected(synced)
    synced.change(delete(OBSERVATIONS).where(OBSERVATIONS.c.link_id == key(synced)))


def correction_that_changes_nothing(synced: Synced) -> None:
    corrected(synced)
    standing = select(OBSERVATIONS.c.travel_time_s).where(OBSERVATIONS.c.link_id == key(synced)).scalar_subquery()
    synced.change(update(CORRECTIONS).values(travel_time_s=standing))


def correction_from_later(synced: Synced) -> None:
    corrected(synced)
    synced.change(update(CORRECTIONS).values(snapshot_at=synced.now + DAY))


def other_mean(synced: Synced) -> None:
    synced.change(update(BINS).where(BINS.c.link_id == key(synced)).values(mean_travel_time_s=1.0))


def other_count(synced: Synced) -> None:
    synced.change(update(BINS).where(BINS.c.link_id == key(synced)).values(n_observations=2))


def forgotten_samples(synced: Synced) -> None:
    synced.change(update(BINS).where(BINS.c.link_id == key(synced)).values(sample_count=null()))


def lost_bin(synced: Synced) -> None:
    synced.change(delete(BINS).where(BINS.c.link_id == key(synced)))


def empty_bin(synced: Synced) -> None:
    """A travel time that cannot be true is in no bin."""
    synced.change(update(OBSERVATIONS).where(OBSERVATIONS.c.link_id == key(synced)).values(travel_time_s=0.0))


@pytest.mark.parametrize(
    ("name", "broken_by", "told"),
    [
        ("configurations_are_kept", lost_version, "1 links had a configuration that is not there"),
        ("configurations_are_kept", lost_earlier_version, "1 links had a configuration that is not there"),
        ("configurations_are_kept", other_version, "1 links differ from their configuration"),
        ("dates_hold_their_links", unlisted_link, f"{TODAY - DAY} lists 24 of 25"),
        ("dates_hold_their_links", foreign_link, f"{TODAY} lists 26 of 25"),
        ("dates_hold_their_links", forgotten_configuration, "1 of the 2 dates loaded last differ"),
        ("newest_list_is_the_table", other_link, "lacks 1 present links, and 1 differ or are gone"),
        ("newest_list_is_the_table", other_configuration, "lacks 0 present links, and 1 differ or are gone"),
        ("observations_have_keys", no_key, "2 lack a known link, a time or a value, and 0 stand twice"),
        ("observations_have_keys", repeated_key, "0 lack a known link, a time or a value, and 1 stand twice"),
        ("observations_have_keys", no_value, "1 lack a known link, a time or a value"),
        ("observations_have_keys", observation_of_nobody, "1 lack a known link, a time or a value"),
        ("no_observation_is_ahead", ahead, "1 observations are later than the walk that read them"),
        ("measurements_are_kept", lost_observation, "The last measurement of 1 of 25 links"),
        ("measurements_are_kept", other_value, "The last measurement of 1 of 25 links"),
        ("corrections_keep_what_was", lost_correction, "corrected 1 observations, and the earlier values of 0"),
        ("corrections_keep_what_was", correction_of_nothing, "Earlier values of 1 links are none"),
        ("corrections_keep_what_was", correction_that_changes_nothing, "Earlier values of 1 links are none"),
        ("corrections_keep_what_was", correction_from_later, "Earlier values of 1 links are none"),
        ("bins_are_their_observations", other_mean, "Of 25 bins 1 are missing or not the mean"),
        ("bins_are_their_observations", other_count, "Of 25 bins 1 are missing or not the mean"),
        ("bins_are_their_observations", forgotten_samples, "Of 25 bins 1 are missing or not the mean"),
        ("bins_are_their_observations", lost_bin, "Of 25 bins 1 are missing or not the mean"),
        ("bins_are_their_observations", empty_bin, "1 more have none"),
    ],
)
def test_a_broken_promise_about_the_past_is_reported(
    synced: Synced, name: str, broken_by: Callable[[Synced], None], told: str
) -> None:
    """Data that breaks a promise breaks the finding of it, which says how."""
    broken_by(synced)
    finding = synced.examine(name)
    assert (finding.outcome, told in finding.text) == ("broken", True), finding


def test_each_promise_about_the_past_was_broken_here(request: pytest.FixtureRequest) -> None:
    """None is only ever green."""
    [mark] = test_a_broken_promise_about_the_past_is_reported.pytestmark
    assert {name for name, *_ in mark.args[1]} == set(OF_FACTS)


@pytest.mark.parametrize(
    ("name", "broken_by"),
    [
        ("dates_hold_their_links", unlisted_link),
        ("dates_hold_their_links", foreign_link),
        ("dates_hold_their_links", forgotten_configuration),
        ("newest_list_is_the_table", other_link),
        ("newest_list_is_the_table", other_configuration),
        ("measurements_are_kept", lost_observation),
        ("measurements_are_kept", other_value),
    ],
)
def test_replay_mends_what_the_pages_still_say(synced: Synced, name: str, broken_by: Callable[[Synced], None]) -> None:
    """As docs/operations.md promises: loading the landed walks again brings back what was changed by hand."""
    broken_by(synced)
    assert synced.examine(name).outcome == "broken"
    attempt = Attempt("mend", "person")
    replay(synced.settings, synced.warehouse, LINKS, TODAY - DAY, TODAY, attempt=attempt)
    assert synced.examine(name).outcome == "kept"
