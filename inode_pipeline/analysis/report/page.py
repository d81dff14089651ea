"""The page: contents and pictures laid out by `page.html`.

Whatever is not markup of ours is escaped by Jinja, and control and direction characters are shown as `?`. The page has
no script, and its content security policy would run none and fetch nothing. Keep out: asking the warehouse.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import resources
from itertools import islice
from typing import Any

import jinja2
from markupsafe import Markup

import inode_pipeline
from inode_pipeline.analysis.check import some
from inode_pipeline.analysis.query import view_entries
from inode_pipeline.analysis.receipts import VERDICTS, lines
from inode_pipeline.analysis.report.bands import Bands, bands
from inode_pipeline.analysis.report.contents import Contents, Loaded
from inode_pipeline.analysis.report.curves import day_curve, history_curve, missing_dates
from inode_pipeline.analysis.report.map import network_map
from inode_pipeline.analysis.report.units import Units
from inode_pipeline.analysis.report.worst import month_name

SHOWN_ROWS = 25
"""So many rows of a list are on the page; the others are counted and the query that gives them is named."""

ABSENT = "–"

_RANKED_BY = {"peaks": "link_reliability_monthly", "now": "congested_now"}
"""The view that defines by what the worst links are ranked."""


def page(contents: Contents, units: Units, made_at: datetime) -> str:
    """The whole page as HTML."""
    zone = contents.zone

    def local(instant: datetime) -> str:
        return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"

    run = contents.status.last_run
    shown: dict[str, Any] = {
        "css": Markup(_text("page.css")),  # noqa: S704 - our own file
        "made_at": local(made_at),
        "zone": zone.key,
        "version": inode_pipeline.__version__,
        "is_synthetic": contents.is_synthetic,
        "run": run,
        "ending": run.ending(local(run.started_at)) if run else None,
        "status": contents.status,
        "table": next(table for table in contents.status.tables if table.endpoint == "links"),
        "loaded": contents.loaded,
        "SHOWN_ROWS": SHOWN_ROWS,
    }
    if contents.loaded:
        shown |= _pictures(contents.loaded, units)
        shown |= {
            "data_as_of": local(contents.loaded.receipt.snapshot_at),
            "verdict": VERDICTS.get(contents.loaded.receipt.verdict),
            "receipt": lines(contents.loaded.receipt, zone),
            "not_known": contents.not_known,
            "month_name": month_name,
            "definition": view_entries()[_RANKED_BY[contents.loaded.worst.by], ""].description,
            "units": units,
        }
    return _template().render(shown)


def _pictures(loaded: Loaded, units: Units) -> dict[str, Any]:
    """What is drawn, with what the map leaves out in words."""
    grouped = bands(loaded.links, units)
    worst = loaded.worst
    drawn = network_map(grouped, worst.link_ids, units, _map_words(grouped))
    free_flow = {row["link_id"]: row.get("free_flow_s") for row in worst.rows}
    words = "Travel time by hour of a weekday. The query link_hourly gives the numbers."
    curves = {link_id: day_curve(hours, free_flow[link_id], words) for link_id, hours in worst.curves.items() if hours}
    history = loaded.history
    counts = f"Between {min(history.values())} and {max(history.values())} links."
    return {
        "bands": grouped,
        "without_measurement": sum(not link.is_measured for link in grouped.unknown.links),
        "map": drawn.picture,
        "points_left_out": drawn.points_left_out,
        "not_drawn": len(drawn.not_drawn),
        "not_drawn_names": some(str(_visible(link.name)) for link in drawn.not_drawn),
        "curves": curves,
        "history": history_curve(history, counts) if len(history) > 1 else None,
        "missing": missing_dates(history),
    }


def _map_words(grouped: Bands) -> str:
    parts = [f"{len(band.links)} links at {band.label}" for band in grouped.known]
    return f"Map of the links: {', '.join(parts)}, {len(grouped.unknown.links)} not known."


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["minute"] = _minute
    environment.filters["first"] = _first
    return environment.from_string(_text("page.html"))


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _visible(value: object) -> object:
    """What stands on the page for a value: a dash for none, and no character that is not seen or turns the text."""
    if value is None:
        return ABSENT
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(character if character.isprintable() else "?" for character in value)


def _number(value: float | None, digits: int = 0) -> str:
    return ABSENT if value is None else f"{value:,.{digits}f}"


def _minute(instant: datetime | None) -> str:
    return ABSENT if instant is None else f"{instant:%Y-%m-%d %H:%M}"


def _first(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return list(islice(rows, SHOWN_ROWS))
