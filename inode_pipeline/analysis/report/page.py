"""Render the page with `network.html` or `place.html`, which both extend `page.html`.

Jinja escapes every text, and control and bidirectional characters are shown as `?`. The page has no script, and its
content security policy forbids scripts and requests.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from importlib import resources
from itertools import islice
from typing import Any

import jinja2
from markupsafe import Markup

import inode_pipeline
from inode_pipeline.analysis.check import some
from inode_pipeline.analysis.query import view_entries
from inode_pipeline.analysis.receipts import lines, verdict
from inode_pipeline.analysis.report.contents import Contents, Network
from inode_pipeline.analysis.report.figures import (
    WEEKDAY_NAMES,
    day_curve,
    heat_map,
    history_curve,
    missing_dates,
    series_curve,
)
from inode_pipeline.analysis.report.links import Bands, Units, bands
from inode_pipeline.analysis.report.map import network_map, place_map
from inode_pipeline.analysis.report.place import DAYS, Place
from inode_pipeline.text import visible

MAX_ROWS = 25
"""The maximum number of rows of a list; the page says how many more there are and which query returns them."""

ABSENT = "–"


def page(contents: Contents, units: Units, made_at: datetime) -> str:
    """The whole page as HTML."""
    zone, receipt = contents.zone, contents.receipt

    def local(instant: datetime) -> str:
        return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"

    run = contents.status.last_run
    shown: dict[str, Any] = {
        "css": Markup(_text("page.css")),  # noqa: S704 - our own file
        "title": _title(contents),
        "made_at": local(made_at),
        "data_as_of": local(receipt.snapshot_at) if receipt else None,
        "verdict": verdict(receipt) if receipt else None,
        "zone": zone.key,
        "version": inode_pipeline.__version__,
        "is_synthetic": contents.is_synthetic,
        "run": run,
        "ending": run.ending(local(run.started_at)) if run else None,
        "status": contents.status,
        "table": next(table for table in contents.status.tables if table.endpoint == "links"),
        "not_known": contents.not_known,
        "units": units,
        "month_name": month_name,
        "MAX_ROWS": MAX_ROWS,
        "definitions": (),
    }
    shown["warning"] = shown["table"].warning
    if contents.place:
        return _template("place.html").render(shown | _place(contents.place, units))
    if contents.network and receipt:
        return _template("network.html").render(
            shown | _network(contents.network, units) | {"receipt": lines(receipt, zone)}
        )
    return _template("page.html").render(shown)


def _title(contents: Contents) -> str:
    if contents.place:
        return ", ".join(filter(None, (contents.place.name, contents.network_name)))
    return f"Network report: {contents.network_name}" if contents.network_name else "Network report"


def _network(network: Network, units: Units) -> dict[str, Any]:
    """The template variables of the network report."""
    grouped = bands(network.links, units, network.congested_pct)
    worst = network.worst
    drawn = network_map(grouped, worst.link_ids, units, _map_words(grouped))
    free_flow = {row["link_id"]: row.get("free_flow_s") for row in worst.rows}
    words = "Travel time by hour of a weekday. The query link_hourly gives the numbers."
    curves = {link_id: day_curve(hours, free_flow[link_id], words) for link_id, hours in worst.curves.items() if hours}
    history = network.history
    counts = f"Between {min(history.values())} and {max(history.values())} links."
    return {
        "network": network,
        "bands": grouped,
        "threshold": f"{network.congested_pct:g}",
        "measured": sum(link.is_measured for link in network.links),
        "without_measurement": sum(not link.is_measured for link in grouped.unknown.links),
        "map": drawn.picture,
        "points_left_out": drawn.points_left_out,
        "not_drawn": len(drawn.not_drawn),
        "not_drawn_names": some(str(_visible(link.name)) for link in drawn.not_drawn),
        "curves": curves,
        "history": history_curve(history, counts) if len(history) > 1 else None,
        "missing": missing_dates(history),
        "definitions": _network_definitions(network),
    }


def _map_words(grouped: Bands) -> str:
    parts = [f"{len(band.links)} links at {band.label}" for band in grouped.known]
    return f"Map of the links: {', '.join(parts)}, {len(grouped.unknown.links)} not known."


def _network_definitions(network: Network) -> list[tuple[str, str]]:
    threshold = f"{network.congested_pct:g} %"
    congested = f"slower than {threshold} of free flow in the hour before the data; index_rules sets the {threshold}"
    ranked = {"Travel Time Index": "tti", "Delay": "delay_s", "Covered": "coverage_pct"}
    views = {"Silent": "links_silent", "Never measured": "links_never_reported", "Change": "network_changes"}
    return [
        ("Free flow", "the speed configured in iNode for the link, or else this month's baseline"),
        ("Congested", congested),
        *(_explained("link_reliability_monthly", ranked) if network.worst.by == "peaks" else []),
        *((term, view_entries()[view, ""].description.removeprefix("One row per ")) for term, view in views.items()),
    ]


def _explained(view: str, terms: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each term with the first part of its column's description, which says what it means."""
    return [(term, view_entries()[view, column].description.split(";")[0]) for term, column in terms.items()]


def _place(place: Place, units: Units) -> dict[str, Any]:
    """The template variables of the report on one link or corridor."""
    measured = [row for row in place.week if row["mean_s"] is not None]
    fastest = place.free_flow_s or min((row["mean_s"] for row in measured), default=None)
    by_slowness = sorted(measured, key=lambda row: -row["mean_s"])[:3]
    return {
        "place": place,
        "DAYS": DAYS,
        "map": place_map(place.links, place.link_ids, units, f"Map of the {place.kind} and the links around it."),
        "series": series_curve(place.series, place.free_flow_s, f"Travel time of each hour of {DAYS} days.")
        if any(row["travel_time_s"] is not None for row in place.series)
        else None,
        "week": heat_map(measured, fastest, "Travel time by weekday and hour.") if fastest and measured else None,
        "since": place.since,
        "slowest": ", ".join(
            f"{WEEKDAY_NAMES[row['weekday'] - 1]} {row['local_hour']:02}:00 ({row['mean_s'] / 60:.1f} min)"
            for row in by_slowness
        ),
        "definitions": _place_definitions(place),
    }


def _place_definitions(place: Place) -> list[tuple[str, str]]:
    terms = {"TTI": "tti", "PTI": "pti", "Buffer index": "buffer_index", "P95": "p95_s", "Covered": "coverage_pct"}
    peaks = "the periods am_peak and pm_peak of time_periods, on weekdays that are not holidays"
    return [*_explained(f"{place.kind}_reliability_monthly", terms), ("Peaks", peaks)]


def month_name(month: str) -> str:
    """`October 2026` for `2026-10`."""
    return f"{date.fromisoformat(f'{month}-01'):%B %Y}"


@functools.cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["minutes"] = lambda seconds: None if seconds is None else _number(seconds / 60, 1)
    environment.filters["minute"] = _minute
    environment.filters["first"] = _first
    return environment.get_template(name)


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _visible(value: object) -> object:
    """A value as shown on the page: a dash for None, `?` for invisible and bidirectional characters."""
    if value is None:
        return ABSENT
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return visible(value)


def _number(value: float | None, digits: int = 0) -> str:
    return ABSENT if value is None else f"{value:,.{digits}f}"


def _minute(instant: datetime | None) -> str:
    return ABSENT if instant is None else f"{instant:%Y-%m-%d %H:%M}"


def _first(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return list(islice(rows, MAX_ROWS))
