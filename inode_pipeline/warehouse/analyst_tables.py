"""The tables that people fill, and the constants behind their measures: calendar, periods, corridors, studies.

A load writes none of them. They are in the same `METADATA` as those of `tables.py`, and `sql/migrations` creates them.
Half-open means: from the first, until just before the second.
"""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKeyConstraint, PrimaryKeyConstraint, Table, false

from inode_pipeline.warehouse.types import METADATA, count, date, flag, measure, text, time

INFINITE_DF = 1_000_000_000
"""The degrees of freedom under which `t_quantiles` keeps the normal distribution's quantile."""

CALENDAR = Table(
    "calendar",
    METADATA,
    date("local_date", "The date in the warehouse's time zone."),
    flag("is_holiday", "A public holiday, on which traffic is not that of its weekday."),
    text("name", "What the day is called, such as the holiday's name.", nullable=True),
    Column(
        "is_excluded",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="Set by a person: the day counts in no index, for example because of a storm or a closure.",
    ),
    PrimaryKeyConstraint("local_date"),
    comment="One row per date: holidays as INODE_HOLIDAYS has them, and what people say of a day. A date without a row "
    "is an ordinary one.",
)

TIME_PERIODS = Table(
    "time_periods",
    METADATA,
    text("period_name", "The period, such as am_peak."),
    text("day_kind", "weekday (Monday to Friday) or weekend."),
    count("from_minute", "The local minute of the day at which it begins; 360 is 06:00."),
    count("to_minute", "The local minute of the day before which it ends; 540 is 09:00."),
    text("scheme", "Whose definition it is: ucr, cfr, or a name of your own."),
    PrimaryKeyConstraint("period_name", "day_kind"),
    CheckConstraint("day_kind IN ('weekday', 'weekend')", name="ck_time_periods_day_kind"),
    CheckConstraint(
        "from_minute >= 0 AND from_minute < to_minute AND to_minute <= 1440", name="ck_time_periods_minutes"
    ),
    comment="One row per part of the day for which indices are computed. Shipped: the FHWA Urban Congestion Report's "
    "peaks (ucr) and the four periods of 23 CFR 490.511 (cfr).",
)

CORRIDORS = Table(
    "corridors",
    METADATA,
    text("corridor_id", "The corridor, in one direction of travel."),
    text("name", "What people call it."),
    text("direction", "The direction of travel, such as NB.", nullable=True),
    PrimaryKeyConstraint("corridor_id"),
    comment="One row per corridor: links in the order in which they are driven. `inode-pipeline corridors import` "
    "fills it.",
)

# No foreign key to links: a bulk load would pay for it, and links that come and go are for a view to show.
CORRIDOR_LINKS = Table(
    "corridor_links",
    METADATA,
    text("corridor_id", "The corridor."),
    count("position", "The link's place in it, from 1 in the direction of travel."),
    text("link_id", "The link; see links."),
    date("valid_from", "The first date on which it belongs to the corridor."),
    date("valid_to", "The first date on which it no longer does; NULL while it does.", nullable=True),
    PrimaryKeyConstraint("corridor_id", "position", "valid_from"),
    ForeignKeyConstraint(["corridor_id"], ["corridors.corridor_id"]),
    CheckConstraint("position >= 1", name="ck_corridor_links_position"),
    CheckConstraint("valid_to > valid_from", name="ck_corridor_links_dates"),
    comment="One row per link, its place in a corridor and the dates for which it is there (half-open).",
)

STUDIES = Table(
    "studies",
    METADATA,
    text("study_id", "The study."),
    text("name", "What was changed, such as the retiming of a street's signals."),
    text("corridor_id", "The corridor that was changed."),
    text("control_corridor_id", "A corridor that was not, to compare with; NULL for none.", nullable=True),
    text("period_name", "The period that is compared; see time_periods."),
    date("before_from", "The first date before the change."),
    date("before_to", "The last date before the change, which is included."),
    date("after_from", "The first date after the change."),
    date("after_to", "The last date after the change, which is included."),
    PrimaryKeyConstraint("study_id"),
    ForeignKeyConstraint(["corridor_id"], ["corridors.corridor_id"], name="fk_studies_corridors"),
    ForeignKeyConstraint(["control_corridor_id"], ["corridors.corridor_id"], name="fk_studies_control_corridors"),
    CheckConstraint(
        "before_from <= before_to AND before_to < after_from AND after_from <= after_to", name="ck_studies_dates"
    ),
    comment="One row per before-and-after study of a corridor.",
)

STUDY_EXCLUSIONS = Table(
    "study_exclusions",
    METADATA,
    text("study_id", "The study."),
    date("local_date", "A date that does not count in it."),
    text("reason", "Why not, for later readers."),
    PrimaryKeyConstraint("study_id", "local_date"),
    ForeignKeyConstraint(["study_id"], ["studies.study_id"]),
    comment="One row per date that is left out of one study; days left out of everything are in calendar.",
)

LINK_BASELINES = Table(
    "link_baselines",
    METADATA,
    text("link_id", "The link."),
    text("method", "configured (as iNode says) or p85_offpeak_speed (as measured)."),
    count("version", "Counts the freezings of a method, from 1."),
    measure("free_flow_travel_time_s", "The travel time at free flow that indices divide by."),
    measure("length_m", "The length that the link had then; NULL if unknown.", nullable=True),
    text("origin_sensor_id", "The sensor at which it began then; NULL if unknown.", nullable=True),
    text("destination_sensor_id", "The sensor at which it ended then; NULL if unknown.", nullable=True),
    count("n_bins", "The 15-minute bins it rests on; 0 for configured, which rests on none."),
    date("from_date", "The first date it rests on."),
    date("to_date", "The last date it rests on, which is included."),
    time("frozen_at", "When it was frozen; internal_link_months says which baseline serves which month."),
    PrimaryKeyConstraint("link_id", "method", "version"),
    CheckConstraint("free_flow_travel_time_s > 0", name="ck_link_baselines_time"),
    comment="One row per link, method and version: a free-flow travel time that is never changed, so that a published "
    "index stays what it was. It serves only dates on which the link has the same length and sensors. "
    "`inode-pipeline baselines freeze` adds a version.",
)

INDEX_RULES = Table(
    "index_rules",
    METADATA,
    text("name", "The rule."),
    measure("value", "Its value, in the unit at the end of its name."),
    text("description", "What it does."),
    PrimaryKeyConstraint("name"),
    comment="One row per floor or threshold that the views use; below a floor an index is NULL.",
)

T_QUANTILES = Table(
    "t_quantiles",
    METADATA,
    count("df", "Degrees of freedom, 1 to 200; 1000000000 stands for infinity."),
    measure("t975", "The 0.975 quantile of Student's t distribution."),
    PrimaryKeyConstraint("df"),
    comment="One row per degrees of freedom, for confidence intervals of 95 percent: take the greatest df "
    "not above yours. Computed from Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.",
)

DATA_DICTIONARY = Table(
    "data_dictionary",
    METADATA,
    text("relation", "The table or view."),
    text("column_name", "Its column; empty in the row that explains the relation itself."),
    text("kind", "table or view."),
    text("type", "What the column holds, whatever the database calls it; empty for the relation itself."),
    text("unit", "The unit; NULL where there is none.", nullable=True),
    text("description", "What it means; NULLs, sources and limits included."),
    PrimaryKeyConstraint("relation", "column_name"),
    comment="One row per table, view and column, in words. Written by `inode-pipeline migrate`.",
)

EDITABLE = (CALENDAR, TIME_PERIODS, CORRIDORS, CORRIDOR_LINKS, STUDIES, STUDY_EXCLUSIONS, INDEX_RULES)
"""The tables that belong to the analysts; `sql/roles/editor.sql` lets an editor write them."""
