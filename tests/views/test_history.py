"""Changes of the links and their dates, from the daily snapshots."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

START = date(2026, 6, 1)


def day(number: int) -> date:
    return START + timedelta(days=number)


@pytest.fixture
def dates(world):
    """Loads on days 0, 1, 2, 4, 5 and 6, that of day 4 unproven; `snapshots` writes a link's hash on some of them."""
    world.live_in("America/Toronto")
    for number in (0, 1, 2, 4, 5, 6):
        world.load(world.local(f"{day(number)} 04:30"), may_remove=number != 4)

    def snapshots(link_id: str, **hashes: str | None) -> None:
        world.link(link_id)
        rows = [(int(name[1:]), value) for name, value in hashes.items()]
        world.write(
            "link_snapshots",
            ({"snapshot_date": day(n), "link_id": link_id, "content_hash": value} for n, value in rows),
        )

    world.snapshots = snapshots
    return world


def version(world, link_id, content_hash, **values):
    world.write("link_versions", [{"link_id": link_id, "content_hash": content_hash, "name": "Main"} | values])


def history(world, link_id):
    columns = "valid_from, valid_to, change_kind, column_name, old_value, new_value"
    select = f"SELECT {columns} FROM link_history WHERE link_id = '{link_id}' ORDER BY valid_from, column_name"
    return [tuple(row.values()) for row in world.read(select)]


def test_each_changed_column_is_a_row_with_both_values(dates):
    """A longer link with a new name: two rows of one date, which end the previous state."""
    version(dates, "a", "x", length_m=1000.0, grid="North")
    version(dates, "a", "y", length_m=1234.5, grid="North", free_flow_speed_kmh=50.0)
    dates.snapshots("a", d0="x", d1="x", d2="y", d4="y", d5="y", d6="y")
    assert history(dates, "a") == [
        (day(0), day(2), "new", None, None, None),
        (day(2), None, "changed", "free_flow_speed_kmh", None, "50"),
        (day(2), None, "changed", "length_m", "1000", "1234.5"),
    ]


def test_a_link_that_went_and_came_back(dates):
    """Gone on day 1, back on day 5 with another name: deleted, returned, renamed."""
    version(dates, "a", "x")
    version(dates, "a", "y", name="Side")
    dates.snapshots("a", d0="x", d5="y", d6="y")
    assert history(dates, "a") == [
        (day(0), day(1), "new", None, None, None),
        (day(1), day(5), "deleted", None, None, None),
        *sorted(
            [(day(5), None, "returned", None, None, None), (day(5), None, "returned", "name", "Main", "Side")],
            key=lambda row: (row[3] is None) == dates.warehouse.is_postgresql,
        ),
    ]


def test_a_date_without_a_load_or_without_proof_ends_nothing(dates):
    """Day 3 had no load, the walk of day 4 was not proven, and on day 5 the record could not be read."""
    version(dates, "a", "x")
    dates.snapshots("a", d0="x", d1="x", d2="x", d5=None, d6="x")
    assert history(dates, "a") == [(day(0), None, "new", None, None, None)]


def test_a_moved_point_is_a_change(dates):
    """A moved point is a change even if the number of points is the same."""
    line = {"type": "LineString", "coordinates": [[-79.0, 43.0], [-79.1, 43.1]]}
    version(dates, "a", "x", geometry=line)
    version(dates, "a", "y", geometry=line | {"coordinates": [[-79.0, 43.0], [-79.2, 43.1]]})
    dates.snapshots("a", d0="x", d1="y", d2="y", d4="y", d5="y", d6="y")
    assert history(dates, "a")[1] == (day(1), None, "changed", "geometry", "2 points", "2 points")


def test_changes_of_the_network_leave_out_the_first_load(dates):
    """Links of the first load are not changes; later ones are."""
    for link_id in ("a", "b"):
        version(dates, link_id, "x")
    dates.snapshots("a", d0="x", d1="x", d2="x", d4="x", d5="x", d6="x")
    dates.snapshots("b", d6="x")
    assert dates.read("SELECT * FROM network_changes") == [
        {
            "changed_on": day(6),
            "link_id": "b",
            "name": "Link b",
            "change_kind": "new",
            "column_name": None,
            "old_value": None,
            "new_value": None,
        }
    ]


def test_corrections_are_counted_where_they_belong(dates):
    """A measurement on the evening of day 1, local time, counts on day 1 although its UTC date is day 2."""
    version(dates, "a", "x")
    version(dates, "a", "y", name="Side")
    dates.snapshots("a", d0="x", d1="x", d2="y", d4="y", d5="y", d6="y")
    late, early = dates.local(f"{day(1)} 23:00"), dates.local(f"{day(2)} 00:00")
    rows = [{"link_id": "a", "observed_at": at, "travel_time_s": 9.0} for at in (late, late, early)]
    shown = (dates.utc("2026-06-03"), dates.utc("2026-06-04"), dates.utc("2026-06-04"))
    dates.write(
        "observation_corrections",
        [row | {"snapshot_at": at} for row, at in zip(rows, shown, strict=True)],
    )
    found = dates.read("SELECT valid_from, corrections FROM link_history ORDER BY valid_from")
    assert [(row["valid_from"], row["corrections"]) for row in found] == [(day(0), 2), (day(2), 1)]
