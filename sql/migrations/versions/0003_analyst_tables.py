"""The tables that people fill, with the rows they begin with, and the data dictionary.

A baseline may be added and never changed or removed, whoever asks: triggers see to that.
A migration is frozen: it names its types and comments itself and reads nothing of the package.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003_analyst_tables"
down_revision = "0002_facts"
branch_labels = None
depends_on = None

TEXT = sa.Text()
DOUBLE = sa.Double()
BIGINT = sa.BigInteger()
BOOLEAN = sa.Boolean()
TIME = sa.Text().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
DATE = sa.Text().with_variant(sa.Date(), "postgresql")

PERIODS = [
    # FHWA, Urban Congestion Report, Documentation and Definitions: the peaks of the Travel Time Index.
    ("am_peak", "weekday", 360, 540, "ucr"),
    ("pm_peak", "weekday", 960, 1140, "ucr"),
    # 23 CFR 490.511: the periods of the Level of Travel Time Reliability.
    ("cfr_am_peak", "weekday", 360, 600, "cfr"),
    ("cfr_midday", "weekday", 600, 960, "cfr"),
    ("cfr_pm_peak", "weekday", 960, 1200, "cfr"),
    ("cfr_weekend", "weekend", 360, 1200, "cfr"),
]
RULES = [
    ("min_coverage_pct", 50.0, "Below this share of the period's 15-minute bins an index is NULL."),
    ("min_days", 10.0, "Below this many days with data an index is NULL."),
    ("min_days_p95", 15.0, "Below this many days with data an index that rests on the 95th percentile is NULL."),
    (
        "congested_threshold_pct",
        90.0,
        "Below this share of the free-flow speed a link is congested (FHWA Urban Congestion Report).",
    ),
    (
        "corridor_min_coverage_pct",
        80.0,
        "Below this share of the free-flow time covered by links with data a corridor has no travel time.",
    ),
    ("unusual_delay_min_weeks", 6.0, "Below this many of the 12 weeks before, the unusual delay is NULL."),
]
# The 0.975 quantiles of Student's t for 1, 2, ... 200 degrees of freedom: roots of the finite series for the integral
# of the distribution in Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4, to 40 digits.
T975 = [
    12.706204736174705,
    4.302652729749464,
    3.1824463052837095,
    2.7764451051977943,
    2.5705818356363155,
    2.44691185114497,
    2.3646242515927853,
    2.3060041352041667,
    2.2621571627982053,
    2.228138851986275,
    2.2009851600916397,
    2.178812829667229,
    2.1603686564627926,
    2.144786687917804,
    2.1314495455597755,
    2.1199052992212546,
    2.109815577833317,
    2.1009220402410387,
    2.0930240544083096,
    2.085963447265865,
    2.0796138447276804,
    2.0738730679040263,
    2.0686576104190486,
    2.063898561628026,
    2.0595385527532977,
    2.055529438642873,
    2.0518305164802855,
    2.048407141795245,
    2.0452296421327043,
    2.042272456301238,
    2.0395134463964086,
    2.036933343460102,
    2.034515297449339,
    2.032244509317719,
    2.0301079282503434,
    2.028094000980451,
    2.0261924630291097,
    2.02439416391197,
    2.0226909200367613,
    2.0210753903062733,
    2.0195409704413763,
    2.018081702818445,
    2.0166921992278244,
    2.015367574443764,
    2.0141033888808466,
    2.012895598919429,
    2.011740513729766,
    2.0106347576242323,
    2.0095752371292397,
    2.008559112100761,
    2.007583770315836,
    2.0066468050616884,
    2.005745995317869,
    2.004879288188057,
    2.004044783289146,
    2.0032407188478722,
    2.0024654592910074,
    2.001717484145236,
    2.000995378088268,
    2.0002978220142604,
    1.9996235849949398,
    1.998971517033379,
    1.9983405425207417,
    1.997729654317693,
    1.997137908392004,
    1.996564418952312,
    1.9960083540252966,
    1.995468931429844,
    1.994945415107238,
    1.9944371117711865,
    1.9939433678456258,
    1.9934635666618723,
    1.9929971258898551,
    1.9925434951809327,
    1.992102154002242,
    1.9916726096446644,
    1.991254395388385,
    1.9908470688116908,
    1.990450210230129,
    1.9900634212544461,
    1.9896863234569029,
    1.9893185571365726,
    1.9889597801751628,
    1.9886096669757092,
    1.988267907477222,
    1.9879342062390206,
    1.9876082815890712,
    1.9872898648311697,
    1.9869786995062815,
    1.9866745407037683,
    1.9863771544186182,
    1.9860863169511305,
    1.9858018143458234,
    1.9855234418666043,
    1.9852510035054982,
    1.9849843115224575,
    1.9847231860139847,
    1.9844674545084817,
    1.9842169515864174,
    1.9839715185235522,
    1.9837310029556061,
    1.9834952585628798,
    1.983264144773457,
    1.9830375264837259,
    1.9828152737950482,
    1.9825972617655006,
    1.9823833701756912,
    1.9821734833077271,
    1.9819674897364827,
    1.9817652821323724,
    1.981566757074901,
    1.981371814876306,
    1.981180359414661,
    1.9809922979758574,
    1.98080754110391,
    1.98062600245909,
    1.9804475986834027,
    1.9802722492729745,
    1.98009987645694,
    1.979930405082441,
    1.979763762505387,
    1.9795998784866389,
    1.9794386850933041,
    1.9792801166048555,
    1.979124109423798,
    1.9789706019906288,
    1.978819534702854,
    1.9786708498378356,
    1.978524491479258,
    1.9783804054470224,
    1.97823853923038,
    1.9780988419241308,
    1.9779612641677262,
    1.9778257580871252,
    1.9776922772392531,
    1.9775607765589356,
    1.977431212308175,
    1.977303542027651,
    1.9771777244903337,
    1.9770537196570992,
    1.976931488634253,
    1.9768109936328604,
    1.9766921979297984,
    1.9765750658304437,
    1.9764595626329182,
    1.9763456545938134,
    1.9762333088953274,
    1.9761224936137447,
    1.9760131776891925,
    1.9759053308966206,
    1.9757989238179396,
    1.9756939278152708,
    1.9755903150052494,
    1.9754880582343406,
    1.9753871310551159,
    1.975287507703449,
    1.9751891630765916,
    1.975092072712085,
    1.9749962127674763,
    1.974901560000799,
    1.9748080917517876,
    1.9747157859237914,
    1.9746246209663614,
    1.9745345758584758,
    1.974445630092383,
    1.9743577636580298,
    1.974270957028056,
    1.9741851911433255,
    1.9741004473989772,
    1.9740167076309705,
    1.9739339541031071,
    1.9738521694945066,
    1.9737713368875223,
    1.9736914397560739,
    1.9736124619543847,
    1.9735343877061045,
    1.9734572015938037,
    1.9733808885488244,
    1.973305433841474,
    1.9732308230715458,
    1.9731570421591598,
    1.9730840773359035,
    1.9730119151362673,
    1.9729405423893605,
    1.972869946210897,
    1.9728001139954423,
    1.9727310334089103,
    1.9726626923813007,
    1.9725950790996685,
    1.9725281820013183,
    1.972461989767211,
    1.9723964913155811,
    1.97233167579575,
    1.9722675325821355,
    1.9722040512684438,
    1.972141221662042,
    1.9720790337785028,
    1.9720174778363146,
    1.971956544251754,
    1.9718962236339095,
]
NORMAL975 = 1.9599639845400543
INFINITE_DF = 1_000_000_000


def _column(name: str, kind: Any, comment: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, comment=comment)


def upgrade() -> None:
    _days_and_periods()
    _corridors()
    _studies()
    _baselines()
    _constants()


def _days_and_periods() -> None:
    op.create_table(
        "calendar",
        _column("local_date", DATE, "The date in the warehouse's time zone."),
        _column("is_holiday", BOOLEAN, "A public holiday, on which traffic is not that of its weekday."),
        _column("name", TEXT, "What the day is called, such as the holiday's name.", nullable=True),
        sa.Column(
            "is_excluded",
            BOOLEAN,
            nullable=False,
            server_default=sa.false(),
            comment="Set by a person: the day counts in no index, for example because of a storm or a closure.",
        ),
        sa.PrimaryKeyConstraint("local_date", name="pk_calendar"),
        comment="One row per date: holidays as INODE_HOLIDAYS has them, and what people say of a day. A date without a "
        "row is an ordinary one.",
    )
    periods = op.create_table(
        "time_periods",
        _column("period_name", TEXT, "The period, such as am_peak."),
        _column("day_kind", TEXT, "weekday (Monday to Friday) or weekend."),
        _column("from_minute", BIGINT, "The local minute of the day at which it begins; 360 is 06:00."),
        _column("to_minute", BIGINT, "The local minute of the day before which it ends; 540 is 09:00."),
        _column("scheme", TEXT, "Whose definition it is: ucr, cfr, or a name of your own."),
        sa.PrimaryKeyConstraint("period_name", "day_kind", name="pk_time_periods"),
        sa.CheckConstraint("day_kind IN ('weekday', 'weekend')", name="ck_time_periods_day_kind"),
        sa.CheckConstraint(
            "from_minute >= 0 AND from_minute < to_minute AND to_minute <= 1440", name="ck_time_periods_minutes"
        ),
        comment="One row per part of the day for which indices are computed. Shipped: the FHWA Urban Congestion "
        "Report's peaks (ucr) and the four periods of 23 CFR 490.511 (cfr).",
    )
    _insert(periods, PERIODS)


def _corridors() -> None:
    op.create_table(
        "corridors",
        _column("corridor_id", TEXT, "The corridor, in one direction of travel."),
        _column("name", TEXT, "What people call it."),
        _column("direction", TEXT, "The direction of travel, such as NB.", nullable=True),
        sa.PrimaryKeyConstraint("corridor_id", name="pk_corridors"),
        comment="One row per corridor: links in the order in which they are driven. `inode-pipeline corridors import` "
        "fills it.",
    )
    op.create_table(
        "corridor_links",
        _column("corridor_id", TEXT, "The corridor."),
        _column("position", BIGINT, "The link's place in it, from 1 in the direction of travel."),
        _column("link_id", TEXT, "The link; see links."),
        _column("valid_from", DATE, "The first date on which it belongs to the corridor."),
        _column("valid_to", DATE, "The first date on which it no longer does; NULL while it does.", nullable=True),
        sa.PrimaryKeyConstraint("corridor_id", "position", "valid_from", name="pk_corridor_links"),
        sa.ForeignKeyConstraint(["corridor_id"], ["corridors.corridor_id"], name="fk_corridor_links_corridors"),
        sa.CheckConstraint("position >= 1", name="ck_corridor_links_position"),
        sa.CheckConstraint("valid_to > valid_from", name="ck_corridor_links_dates"),
        comment="One row per link, its place in a corridor and the dates for which it is there (half-open).",
    )


def _studies() -> None:
    op.create_table(
        "studies",
        _column("study_id", TEXT, "The study."),
        _column("name", TEXT, "What was changed, such as the retiming of a street's signals."),
        _column("corridor_id", TEXT, "The corridor that was changed."),
        _column("control_corridor_id", TEXT, "A corridor that was not, to compare with; NULL for none.", nullable=True),
        _column("period_name", TEXT, "The period that is compared; see time_periods."),
        _column("before_from", DATE, "The first date before the change."),
        _column("before_to", DATE, "The last date before the change, which is included."),
        _column("after_from", DATE, "The first date after the change."),
        _column("after_to", DATE, "The last date after the change, which is included."),
        sa.PrimaryKeyConstraint("study_id", name="pk_studies"),
        sa.ForeignKeyConstraint(["corridor_id"], ["corridors.corridor_id"], name="fk_studies_corridors"),
        sa.ForeignKeyConstraint(
            ["control_corridor_id"], ["corridors.corridor_id"], name="fk_studies_control_corridors"
        ),
        sa.CheckConstraint(
            "before_from <= before_to AND before_to < after_from AND after_from <= after_to", name="ck_studies_dates"
        ),
        comment="One row per before-and-after study of a corridor.",
    )
    op.create_table(
        "study_exclusions",
        _column("study_id", TEXT, "The study."),
        _column("local_date", DATE, "A date that does not count in it."),
        _column("reason", TEXT, "Why not, for whoever asks later."),
        sa.PrimaryKeyConstraint("study_id", "local_date", name="pk_study_exclusions"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.study_id"], name="fk_study_exclusions_studies"),
        comment="One row per date that is left out of one study; days left out of everything are in calendar.",
    )


def _baselines() -> None:
    op.create_table(
        "link_baselines",
        _column("link_id", TEXT, "The link."),
        _column("method", TEXT, "configured (as iNode says) or p85_offpeak_speed (as measured)."),
        _column("version", BIGINT, "Counts the freezings of a method, from 1."),
        _column("free_flow_travel_time_s", DOUBLE, "The travel time at free flow that indices divide by."),
        _column("n_bins", BIGINT, "The 15-minute bins it rests on; 0 for configured, which rests on none."),
        _column("from_date", DATE, "The first date it rests on."),
        _column("to_date", DATE, "The last date it rests on, which is included."),
        _column("frozen_at", TIME, "When it was frozen; baselines_in_force says which baseline serves which month."),
        sa.PrimaryKeyConstraint("link_id", "method", "version", name="pk_link_baselines"),
        sa.CheckConstraint("free_flow_travel_time_s > 0", name="ck_link_baselines_time"),
        comment="One row per link, method and version: a free-flow travel time that is never changed, so that a "
        "published index stays what it was. `inode-pipeline baselines freeze` adds a version.",
    )
    message = "a baseline is never changed: add a version with inode-pipeline baselines freeze"
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change_of_baseline() RETURNS trigger LANGUAGE plpgsql AS $$\n"
            f"BEGIN\n  RAISE EXCEPTION '{message}' USING ERRCODE = 'insufficient_privilege';\nEND\n$$"
        )
        op.execute(
            "CREATE TRIGGER link_baselines_stay BEFORE UPDATE OR DELETE ON link_baselines "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change_of_baseline()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER link_baselines_stay_{change.lower()} BEFORE {change} ON link_baselines\n"
            f"BEGIN\n  SELECT RAISE(ABORT, '{message}');\nEND"
        )


def _constants() -> None:
    rules = op.create_table(
        "index_rules",
        _column("name", TEXT, "The rule."),
        _column("value", DOUBLE, "Its value, in the unit at the end of its name."),
        _column("description", TEXT, "What it does."),
        sa.PrimaryKeyConstraint("name", name="pk_index_rules"),
        comment="One row per floor or threshold that the views use; below a floor an index is NULL.",
    )
    _insert(rules, RULES)
    quantiles = op.create_table(
        "t_quantiles",
        _column("df", BIGINT, "Degrees of freedom, 1 to 200; 1000000000 stands for infinity."),
        _column("t975", DOUBLE, "The 0.975 quantile of Student's t distribution."),
        sa.PrimaryKeyConstraint("df", name="pk_t_quantiles"),
        comment="One row per degrees of freedom, for confidence intervals of 95 percent: take the greatest df "
        "not above yours. Computed from Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.",
    )
    _insert(quantiles, [*enumerate(T975, start=1), (INFINITE_DF, NORMAL975)])
    op.create_table(
        "data_dictionary",
        _column("relation", TEXT, "The table or view."),
        _column("column_name", TEXT, "Its column; empty in the row that explains the relation itself."),
        _column("kind", TEXT, "table or view."),
        _column("type", TEXT, "What the column holds, whatever the database calls it; empty for the relation itself."),
        _column("unit", TEXT, "The unit; NULL where there is none.", nullable=True),
        _column("description", TEXT, "What it means; NULLs, sources and limits included."),
        sa.PrimaryKeyConstraint("relation", "column_name", name="pk_data_dictionary"),
        comment="One row per table, view and column, in words. Written by `inode-pipeline migrate`.",
    )


def _insert(table: sa.Table, rows: list[tuple[Any, ...]]) -> None:
    names = [column.name for column in table.columns]
    op.bulk_insert(table, [dict(zip(names, row, strict=True)) for row in rows])
