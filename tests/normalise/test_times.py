"""Times: the instant that was meant, or a reason; never a guess."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.normalise import Normaliser
from inode_pipeline.normalise.times import read_times

FIELD = "last_updated"
COLUMN = "last_observed_at"


@pytest.fixture(scope="session")
def one() -> Callable[..., Any]:
    """What a column makes of one value: an instant, or the reason why it is none."""

    def value(column: str, field: str, raw: Any, endpoint: Endpoint = LINKS) -> Any:
        instants, reasons = read_times(endpoint[column], [raw])
        if reasons:
            return f"rejected: {column}: {reasons[0]}"
        return pd.Timestamp(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instants[0]))

    return value


def instant(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026-03-29T00:01:00Z", "2026-03-29 00:01:00"),
        ("2026-03-29T00:01:00.123456Z", "2026-03-29 00:01:00.123456"),
        ("2026-03-29T00:01:00.1Z", "2026-03-29 00:01:00.1"),
        ("2026-03-29T00:01:00.123456789Z", "2026-03-29 00:01:00.123456"),
        ("2026-03-29T01:01:00.5+01:00", "2026-03-29 00:01:00.5"),
        ("2026-03-29T03:01:00+02:00", "2026-03-29 01:01:00"),
        ("2026-03-28T20:31:00-0330", "2026-03-29 00:01:00"),
        ("2026-03-28T20:01:00-04", "2026-03-29 00:01:00"),
        ("2026-03-29 00:01:00+00:00", "2026-03-29 00:01:00"),
        ("2026-03-29 00:01:00 +00:00", "2026-03-29 00:01:00"),
        ("2026-03-29t00:01z", "2026-03-29 00:01:00"),
        (" 2026-03-29T00:01:00Z ", "2026-03-29 00:01:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999"),
        ("1978-01-01T00:00:00Z", "1978-01-01 00:00:00"),
    ],
)
def test_m40_iso_times_are_stored_as_the_same_instant(one, raw: str, expected: str) -> None:
    """Fractions and offsets may be mixed; the years 1 to 9999 fit both databases and the frame."""
    assert one(COLUMN, FIELD, raw) == instant(expected)


def test_m40_one_column_may_mix_fractions_and_offsets(typed, link) -> None:
    """What Django sends around a clock change, with NULLs between, in one UTC column of microseconds."""
    raws = ["2026-03-29T00:59:59.5Z", None, "2026-03-29T03:00:00+02:00", "2026-03-29T00:00:00Z"]
    frame = typed(*(link(id=number, last_updated=raw, last_speed=50) for number, raw in enumerate(raws))).frame
    expected = [instant("2026-03-29 00:59:59.5"), pd.NaT, instant("2026-03-29 01:00"), instant("2026-03-29")]
    kind = "timestamp[us, tz=UTC][pyarrow]"
    pd.testing.assert_series_equal(frame[COLUMN], pd.Series(expected, name=COLUMN, dtype=kind))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("2026-03-29T00:01:00", "a time without an offset; timezone in the field map"),
        ("2026-03-29", "not an ISO 8601 time"),
        ("20260329T000100Z", "not an ISO 8601 time"),
        ("2026-W13-7T00:00Z", "not an ISO 8601 time"),
        ("03/29/2026 00:01:00", "not an ISO 8601 time"),
        ("yesterday", "not an ISO 8601 time"),
        ("", "not an ISO 8601 time"),
        ("2026-02-29T00:00:00Z", "no such date"),
        ("2026-03-29T24:00:00Z", "not an ISO 8601 time"),
        ("2026-03-29T23:59:60Z", "no such date"),
        ("0000-01-01T00:00:00Z", "no such date"),
        ("0001-01-01T00:00:00+01:00", "before the year 1"),
        ("9999-12-31T23:59:59-01:00", "after the year 9999"),
        (1774742460, 'format = "unix"'),
        (True, "not a text"),
    ],
)
def test_m40_what_is_no_instant_is_set_aside(one, raw: object, reason: str) -> None:
    """The reason says what the field map could add."""
    result = one(COLUMN, FIELD, raw)
    assert str(result).startswith(f"rejected: {COLUMN}: ")
    assert reason in result


@pytest.mark.parametrize(
    ("zone", "raw", "expected"),
    [
        ("America/New_York", "2017-11-05T17:51:00", "2017-11-05 22:51:00"),
        ("America/New_York", "2017-11-05T01:30:00", "2017-11-05 05:30:00"),  # occurs twice: the earlier, still EDT
        ("America/St_Johns", "2026-11-01T01:30:00", "2026-11-01 04:00:00"),
        ("Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04 14:45:00"),  # clocks go back by half an hour
        ("Europe/Berlin", "2026-07-01T12:00:00", "2026-07-01 10:00:00"),
        ("Europe/Berlin", "2026-07-01T12:00:00Z", "2026-07-01 12:00:00"),  # its own offset wins
    ],
)
def test_m40_a_local_time_is_an_instant_of_its_zone(one, mapped, zone: str, raw: str, expected: str) -> None:
    """A time that occurs twice is the earlier instant."""
    assert one(COLUMN, FIELD, raw, endpoint=mapped(COLUMN, timezone=zone)) == instant(expected)


@pytest.mark.parametrize(
    ("zone", "raw"),
    [
        ("America/New_York", "2026-03-08T02:30:00"),
        ("Europe/Berlin", "2026-03-29T02:00:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15:00"),
    ],
)
def test_m40_a_local_time_that_the_clocks_skipped_is_set_aside(one, mapped, zone: str, raw: str) -> None:
    """It never was; moving it by an hour would be a guess."""
    result = one(COLUMN, FIELD, raw, endpoint=mapped(COLUMN, timezone=zone))
    assert result == f"rejected: {COLUMN}: a time that does not exist: the clocks skipped it"


@pytest.mark.parametrize(
    ("pattern", "raw", "expected"),
    [
        ("%m/%d/%Y %H:%M:%S", "10/23/2017 15:10:15", "2017-10-23 19:10:15"),
        ("%m/%d/%Y %H:%M:%S", "1/1/1978 00:00:00", "1978-01-01 05:00:00"),
        ("%Y-%m-%d %H:%M %z", "2026-07-01 12:00 +0200", "2026-07-01 10:00:00"),
    ],
)
def test_a_time_may_be_written_in_a_strptime_format(one, mapped, pattern: str, raw: str, expected: str) -> None:
    """With the zone of the field map where the format has no offset."""
    endpoint = mapped(COLUMN, format=pattern, timezone="America/New_York")
    assert one(COLUMN, FIELD, raw, endpoint=endpoint) == instant(expected)
    assert "not written in the format" in one(COLUMN, FIELD, "2026/07/01", endpoint=endpoint)


@pytest.mark.parametrize(
    ("form", "raw", "expected"),
    [
        ("unix", 1774742460, "2026-03-29 00:01:00"),
        ("unix", 1774742460.25, "2026-03-29 00:01:00.25"),
        ("unix", "1774742460.000001", "2026-03-29 00:01:00.000001"),
        ("unix", 0, "1970-01-01 00:00:00"),
        ("unix", -1, "1969-12-31 23:59:59"),
        ("unix_ms", 1774742460123, "2026-03-29 00:01:00.123"),
        ("unix_ms", "1774742460123", "2026-03-29 00:01:00.123"),
    ],
)
def test_a_time_may_be_a_number(one, mapped, form: str, raw: object, expected: str) -> None:
    """Seconds or milliseconds since 1970, also in a string, exact to the microsecond."""
    assert one(COLUMN, FIELD, raw, endpoint=mapped(COLUMN, format=form)) == instant(expected)


@pytest.mark.parametrize("raw", [True, "", "soon", 1e300, 10**30, "1e9999", float("nan")])
def test_a_number_that_is_no_time_is_set_aside(one, mapped, raw: object) -> None:
    """Nothing overflows."""
    assert str(one(COLUMN, FIELD, raw, endpoint=mapped(COLUMN, format="unix"))).startswith("rejected: ")


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)),
    st.sampled_from(["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata"]),
)
def test_m40_every_local_time_is_the_earliest_instant_that_shows_it(one, mapped, local: datetime, name: str) -> None:
    """Checked against the clock itself: the instants whose local reading is this one."""
    zone = ZoneInfo(name)
    candidates = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    showing = sorted(i for i in candidates if i.astimezone(zone).replace(tzinfo=None) == local)
    result = one(COLUMN, FIELD, local.isoformat(), endpoint=mapped(COLUMN, timezone=name))
    assert result == pd.Timestamp(showing[0]) if showing else "does not exist" in result


@given(st.datetimes(), st.integers(-14 * 60, 14 * 60))
def test_m40_every_offset_time_is_stored_as_its_instant_or_set_aside(one, local: datetime, minutes: int) -> None:
    """Exact to the microsecond over all years; only the two edges cannot be held."""
    sign, rest = ("-", -minutes) if minutes < 0 else ("+", minutes)
    result: Any = one(COLUMN, FIELD, f"{local.isoformat()}{sign}{rest // 60:02d}:{rest % 60:02d}")
    try:
        expected = local - timedelta(minutes=minutes)
    except OverflowError:
        assert "the year" in result
        return
    assert result.tz_localize(None).to_pydatetime() == expected


WALKED_AT = datetime(2026, 5, 12, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "is_kept"),
    [
        ("0001-01-01T00:00:00Z", False),
        ("1970-01-01T00:00:00Z", False),
        ("1999-12-31T23:59:59.999999Z", False),
        ("2000-01-01T00:00:00Z", True),
        ("2026-05-13T04:30:00Z", True),
        ("2026-05-13T04:30:00.000001Z", False),
        ("9999-12-31T23:59:59Z", False),
    ],
)
def test_m78_a_time_that_stands_for_no_date_is_null_and_counted(link, raw: str, is_kept: bool) -> None:
    """No link was measured before 2000 or more than a day after the walk; its record is kept."""
    normaliser = Normaliser(LINKS, WALKED_AT)
    batch = normaliser.page(1, [link(last_speed=50, last_updated=raw), link(id=2, last_speed=50, last_updated=None)])
    assert [is_kept, False] == list(batch.frame[COLUMN].notna())
    assert (0, int(not is_kept)) == (len(batch.rejected), normaliser.counts.odd_times)


def test_a_time_without_a_value_beside_it_is_no_time_of_measurement(typed, link) -> None:
    """An `updated_at` of a record says when somebody edited it; a later page with values has its times."""
    normaliser = Normaliser(LINKS)
    edited = link(updated_at="2026-03-29T00:01:00Z")
    first, second = normaliser.page(1, [edited]), normaliser.page(2, [link(id=2, speed=50) | edited])
    assert [True, False] == [bool(batch.frame[COLUMN].isna()[0]) for batch in (first, second)]
    assert "2026-03-29T00:01:00Z" in first.frame["extra"][0]
