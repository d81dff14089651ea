"""The invariants hold after ordinary nights, and each is violated by a change that no load makes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import ColumnElement, and_, delete, insert, null, select, update

from inode_pipeline.warehouse.tables import LINK_FACTS, LINKS_TABLE, LOADS
from tests.analysis.checks.conftest import DAY, TODAY, Synced
from tests.invariants import violations

VERSIONS, SNAPSHOTS, BINS = LINK_FACTS.versions, LINK_FACTS.snapshots, LINK_FACTS.bins
OBSERVATIONS, CORRECTIONS = LINK_FACTS.observations, LINK_FACTS.corrections


def key(synced: Synced) -> str:
    return str(synced.records[3]["id"])


def set_aside(synced: Synced) -> None:
    """Records that cannot be typed, of a known and of an unknown link."""
    synced.settings = synced.settings.model_copy(update={"max_rejected_fraction": 0.1})
    synced.records[3]["distance"] = "far"
    synced.records.append({**synced.records[3], "id": 999_999})
    synced.sync()


def removed(synced: Synced) -> None:
    del synced.records[3]
    synced.sync()


def moved(synced: Synced) -> None:
    """A configuration that has changed since yesterday."""
    synced.records[3]["distance"] *= 1.01
    synced.sync()


def corrected(synced: Synced) -> None:
    """The API returns other values for the same time of measurement."""
    synced.records[3]["last_travel_time"] += 1
    synced.sync()


def taken_back(synced: Synced) -> None:
    """The API returns the first values again, so the later values stay."""
    corrected(synced)
    synced.records[3]["last_travel_time"] -= 1
    synced.sync()


def measured_again(synced: Synced) -> None:
    """Three measurements in one quarter hour, one of them without a sample count."""
    record = synced.records[3]
    measured = datetime.fromisoformat(record["last_updated"])
    for number, sample_size in enumerate((3, None), start=1):
        record["last_updated"] = (measured + timedelta(seconds=number)).isoformat()
        record["last_travel_time"] *= 1.1
        record["sample_size"] = sample_size
        synced.sync()


@pytest.mark.parametrize("happened", [set_aside, removed, moved, corrected, taken_back, measured_again])
def test_the_invariants_hold_after_ordinary_nights(synced: Synced, happened: Callable[[Synced], None]) -> None:
    """Records set aside, links that vanish or change, and corrections violate none."""
    happened(synced)
    assert list(violations(synced.warehouse)) == []


def unbalanced(synced: Synced) -> None:
    synced.change(update(LOADS).values(unchanged=LOADS.c.unchanged + 1))


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


def no_value(synced: Synced) -> None:
    values = dict.fromkeys(("travel_time_s", "speed_kmh", "sample_count"))
    synced.change(update(OBSERVATIONS).where(OBSERVATIONS.c.link_id == key(synced)).values(values))


def observation_of_nobody(synced: Synced) -> None:
    synced.change(update(OBSERVATIONS).where(OBSERVATIONS.c.link_id == key(synced)).values(link_id="nobody's"))


def lost_observation(synced: Synced) -> None:
    synced.change(delete(OBSERVATIONS).where(OBSERVATIONS.c.link_id == key(synced)))


def other_value(synced: Synced) -> None:
    faster = OBSERVATIONS.c.speed_kmh + 1
    synced.change(update(OBSERVATIONS).where(OBSERVATIONS.c.link_id == key(synced)).values(speed_kmh=faster))


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
    """An impossible travel time is in no bin."""
    synced.change(update(OBSERVATIONS).where(OBSERVATIONS.c.link_id == key(synced)).values(travel_time_s=0.0))


@pytest.mark.parametrize(
    ("broken_by", "said"),
    [
        (unbalanced, "received 25 records and counts 26"),
        (lost_version, "has a configuration that is not in link_versions"),
        (lost_earlier_version, "with a configuration that is not in link_versions"),
        (other_version, "differs from its configuration in link_versions"),
        (unlisted_link, f"{TODAY - DAY} does not list what its newest walk held"),
        (foreign_link, f"{TODAY} does not list what its newest walk held"),
        (forgotten_configuration, f"{TODAY - DAY} does not list what its newest walk held"),
        (other_link, "the newest date does not list the present links"),
        (other_configuration, "the newest date does not list the present links"),
        (no_value, "has no known link or no value"),
        (observation_of_nobody, "has no known link or no value"),
        (lost_observation, "is not among the observations"),
        (other_value, "is not among the observations"),
        (correction_of_nothing, "is no earlier value of an observation"),
        (correction_that_changes_nothing, "is no earlier value of an observation"),
        (correction_from_later, "is no earlier value of an observation"),
        (other_mean, "is not the mean of its observations"),
        (other_count, "has other counts than its observations"),
        (forgotten_samples, "has other counts than its observations"),
        (lost_bin, "is missing or has no observations"),
        (empty_bin, "is missing or has no observations"),
    ],
)
def test_an_invariant_is_violated_by_a_change_by_hand(
    synced: Synced, broken_by: Callable[[Synced], None], said: str
) -> None:
    """Each can fail and says why."""
    broken_by(synced)
    assert any(said in violation for violation in violations(synced.warehouse))
