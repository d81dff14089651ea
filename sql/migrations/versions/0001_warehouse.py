"""Every table of 0.1.0, with the rows that some begin with; `dictionary.py` adds what tables and columns mean.

A baseline may be added and never changed or removed, whoever asks: triggers refuse it.
A migration is frozen: it must do the same for ever, so it reads nothing of the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001_warehouse"
down_revision = None
branch_labels = None
depends_on = None

POSTGRESQL = {
    "time": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "json": "JSONB",
    "double": "DOUBLE PRECISION",
    "bytes": "BYTEA",
    "false": "false",
    "by_key": "",
}
# Tables of narrow rows that are read by their key have no row number on SQLite: half the pages for each row.
SQLITE = {
    "time": "TEXT",
    "date": "TEXT",
    "json": "TEXT",
    "double": "DOUBLE",
    "bytes": "BLOB",
    "false": "0",
    "by_key": " WITHOUT ROWID",
}

TABLES = """
CREATE TABLE links (
  link_id TEXT NOT NULL,
  name TEXT,
  status TEXT,
  data_source TEXT,
  grid TEXT,
  origin_sensor_id TEXT,
  origin_sensor_name TEXT,
  destination_sensor_id TEXT,
  destination_sensor_name TEXT,
  length_m {double},
  free_flow_speed_kmh {double},
  free_flow_travel_time_s {double},
  last_speed_kmh {double},
  last_travel_time_s {double},
  last_sample_count BIGINT,
  last_observed_at {time},
  geometry {json},
  extra {json},
  record_hash TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  first_seen_at {time} NOT NULL,
  last_seen_at {time},
  deleted_at {time},
  snapshot_at {time} NOT NULL,
  snapshot_date {date} NOT NULL,
  CONSTRAINT pk_links PRIMARY KEY (link_id)
);
CREATE TABLE walks (
  walk_id TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  run_id TEXT NOT NULL,
  snapshot_at {time} NOT NULL,
  snapshot_date {date} NOT NULL,
  finished_at {time} NOT NULL,
  verdict TEXT NOT NULL,
  pages BIGINT NOT NULL,
  received BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  retries BIGINT NOT NULL,
  logins BIGINT NOT NULL,
  refused_at {time},
  refused_reason TEXT,
  allow_shrink BOOLEAN NOT NULL,
  purged_at {time},
  CONSTRAINT pk_walks PRIMARY KEY (walk_id),
  CONSTRAINT uq_walks_endpoint_snapshot_at UNIQUE (endpoint, snapshot_at)
);
CREATE INDEX ix_walks_endpoint_snapshot_date ON walks (endpoint, snapshot_date);
CREATE TABLE raw_pages (
  walk_id TEXT NOT NULL,
  page BIGINT NOT NULL,
  run_id TEXT NOT NULL,
  address TEXT NOT NULL,
  fetched_at {time} NOT NULL,
  body {bytes} NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  CONSTRAINT pk_raw_pages PRIMARY KEY (walk_id, page)
);
CREATE TABLE loads (
  load_id TEXT NOT NULL,
  walk_id TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  run_id TEXT NOT NULL,
  snapshot_at {time} NOT NULL,
  snapshot_date {date} NOT NULL,
  started_at {time} NOT NULL,
  finished_at {time} NOT NULL,
  verdict TEXT NOT NULL,
  may_remove BOOLEAN NOT NULL,
  is_present BOOLEAN NOT NULL,
  fields {json} NOT NULL,
  normaliser_version BIGINT NOT NULL,
  pages BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  retries BIGINT NOT NULL,
  logins BIGINT NOT NULL,
  received BIGINT NOT NULL,
  rejected BIGINT NOT NULL,
  duplicate BIGINT NOT NULL,
  superseded BIGINT NOT NULL,
  inserted BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  unchanged BIGINT NOT NULL,
  reopened BIGINT NOT NULL,
  vanished BIGINT NOT NULL,
  no_data BIGINT NOT NULL,
  observations_inserted BIGINT NOT NULL,
  observations_corrected BIGINT NOT NULL,
  seconds {double} NOT NULL,
  CONSTRAINT pk_loads PRIMARY KEY (load_id),
  CONSTRAINT fk_loads_walks FOREIGN KEY(walk_id) REFERENCES walks (walk_id)
);
CREATE INDEX ix_loads_endpoint_snapshot_at ON loads (endpoint, snapshot_at);
CREATE INDEX ix_loads_endpoint_snapshot_date ON loads (endpoint, snapshot_date);
CREATE INDEX ix_loads_walk_id ON loads (walk_id);
CREATE TABLE rejected_records (
  walk_id TEXT NOT NULL,
  page BIGINT NOT NULL,
  position BIGINT NOT NULL,
  endpoint TEXT NOT NULL,
  link_id TEXT,
  field TEXT NOT NULL,
  reason TEXT NOT NULL,
  CONSTRAINT pk_rejected_records PRIMARY KEY (walk_id, page, position),
  CONSTRAINT fk_rejected_records_walks FOREIGN KEY(walk_id) REFERENCES walks (walk_id)
);
CREATE INDEX ix_rejected_records_endpoint_link_id ON rejected_records (endpoint, link_id);
CREATE TABLE pipeline_settings (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  CONSTRAINT pk_pipeline_settings PRIMARY KEY (name)
);
CREATE TABLE runs (
  run_id TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  trigger TEXT NOT NULL,
  process TEXT NOT NULL,
  snapshot_date {date},
  started_at {time} NOT NULL,
  finished_at {time},
  outcome TEXT,
  error TEXT,
  message TEXT,
  credential_mark TEXT,
  CONSTRAINT pk_runs PRIMARY KEY (run_id, attempt)
);
CREATE INDEX ix_runs_started_at ON runs (started_at);
CREATE TABLE link_versions (
  link_id TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  name TEXT,
  data_source TEXT,
  grid TEXT,
  origin_sensor_id TEXT,
  origin_sensor_name TEXT,
  destination_sensor_id TEXT,
  destination_sensor_name TEXT,
  length_m {double},
  free_flow_speed_kmh {double},
  free_flow_travel_time_s {double},
  geometry {json},
  CONSTRAINT pk_link_versions PRIMARY KEY (link_id, content_hash)
);
CREATE TABLE link_snapshots (
  snapshot_date {date} NOT NULL,
  link_id TEXT NOT NULL,
  content_hash TEXT,
  CONSTRAINT pk_link_snapshots PRIMARY KEY (snapshot_date, link_id)
){by_key};
CREATE TABLE link_observations (
  link_id TEXT NOT NULL,
  observed_at {time} NOT NULL,
  travel_time_s {double},
  speed_kmh {double},
  sample_count BIGINT,
  snapshot_at {time} NOT NULL,
  CONSTRAINT pk_link_observations PRIMARY KEY (link_id, observed_at)
){by_key};
CREATE INDEX ix_link_observations_snapshot_at ON link_observations (snapshot_at);
CREATE TABLE observation_corrections (
  link_id TEXT NOT NULL,
  observed_at {time} NOT NULL,
  travel_time_s {double},
  speed_kmh {double},
  sample_count BIGINT,
  snapshot_at {time} NOT NULL,
  CONSTRAINT pk_observation_corrections PRIMARY KEY (link_id, observed_at, snapshot_at)
){by_key};
CREATE INDEX ix_observation_corrections_snapshot_at ON observation_corrections (snapshot_at);
CREATE TABLE link_bins (
  link_id TEXT NOT NULL,
  bin_start_at {time} NOT NULL,
  mean_travel_time_s {double} NOT NULL,
  n_observations BIGINT NOT NULL,
  sample_count BIGINT,
  CONSTRAINT pk_link_bins PRIMARY KEY (link_id, bin_start_at)
){by_key};
CREATE TABLE zone_offsets (
  from_utc {time} NOT NULL,
  to_utc {time} NOT NULL,
  offset_min BIGINT NOT NULL,
  CONSTRAINT pk_zone_offsets PRIMARY KEY (from_utc)
);
CREATE TABLE calendar (
  local_date {date} NOT NULL,
  is_holiday BOOLEAN NOT NULL,
  name TEXT,
  is_excluded BOOLEAN DEFAULT {false} NOT NULL,
  CONSTRAINT pk_calendar PRIMARY KEY (local_date)
);
CREATE TABLE time_periods (
  period_name TEXT NOT NULL,
  day_kind TEXT NOT NULL,
  from_minute BIGINT NOT NULL,
  to_minute BIGINT NOT NULL,
  scheme TEXT NOT NULL,
  CONSTRAINT pk_time_periods PRIMARY KEY (period_name, day_kind),
  CONSTRAINT ck_time_periods_day_kind CHECK (day_kind IN ('weekday', 'weekend')),
  CONSTRAINT ck_time_periods_minutes CHECK (from_minute >= 0 AND from_minute < to_minute AND to_minute <= 1440)
);
CREATE TABLE corridors (
  corridor_id TEXT NOT NULL,
  name TEXT NOT NULL,
  direction TEXT,
  CONSTRAINT pk_corridors PRIMARY KEY (corridor_id)
);
CREATE TABLE corridor_links (
  corridor_id TEXT NOT NULL,
  position BIGINT NOT NULL,
  link_id TEXT NOT NULL,
  valid_from {date} NOT NULL,
  valid_to {date},
  CONSTRAINT pk_corridor_links PRIMARY KEY (corridor_id, position, valid_from),
  CONSTRAINT fk_corridor_links_corridors FOREIGN KEY(corridor_id) REFERENCES corridors (corridor_id),
  CONSTRAINT ck_corridor_links_position CHECK (position >= 1),
  CONSTRAINT ck_corridor_links_dates CHECK (valid_to > valid_from)
);
CREATE TABLE studies (
  study_id TEXT NOT NULL,
  name TEXT NOT NULL,
  corridor_id TEXT NOT NULL,
  control_corridor_id TEXT,
  period_name TEXT NOT NULL,
  before_from {date} NOT NULL,
  before_to {date} NOT NULL,
  after_from {date} NOT NULL,
  after_to {date} NOT NULL,
  CONSTRAINT pk_studies PRIMARY KEY (study_id),
  CONSTRAINT fk_studies_corridors FOREIGN KEY(corridor_id) REFERENCES corridors (corridor_id),
  CONSTRAINT fk_studies_control_corridors FOREIGN KEY(control_corridor_id) REFERENCES corridors (corridor_id),
  CONSTRAINT ck_studies_dates CHECK (before_from <= before_to AND before_to < after_from AND after_from <= after_to)
);
CREATE TABLE study_exclusions (
  study_id TEXT NOT NULL,
  local_date {date} NOT NULL,
  reason TEXT NOT NULL,
  CONSTRAINT pk_study_exclusions PRIMARY KEY (study_id, local_date),
  CONSTRAINT fk_study_exclusions_studies FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE link_baselines (
  link_id TEXT NOT NULL,
  method TEXT NOT NULL,
  version BIGINT NOT NULL,
  free_flow_travel_time_s {double} NOT NULL,
  length_m {double},
  origin_sensor_id TEXT,
  destination_sensor_id TEXT,
  n_bins BIGINT NOT NULL,
  from_date {date} NOT NULL,
  to_date {date} NOT NULL,
  frozen_at {time} NOT NULL,
  CONSTRAINT pk_link_baselines PRIMARY KEY (link_id, method, version),
  CONSTRAINT ck_link_baselines_time CHECK (free_flow_travel_time_s > 0)
);
CREATE TABLE index_rules (
  name TEXT NOT NULL,
  value {double} NOT NULL,
  description TEXT NOT NULL,
  CONSTRAINT pk_index_rules PRIMARY KEY (name)
);
CREATE TABLE t_quantiles (
  df BIGINT NOT NULL,
  t975 {double} NOT NULL,
  CONSTRAINT pk_t_quantiles PRIMARY KEY (df)
);
CREATE TABLE data_dictionary (
  relation TEXT NOT NULL,
  column_name TEXT NOT NULL,
  kind TEXT NOT NULL,
  type TEXT NOT NULL,
  unit TEXT,
  description TEXT NOT NULL,
  CONSTRAINT pk_data_dictionary PRIMARY KEY (relation, column_name)
)
"""

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
T975 = """
12.706204736174705 4.302652729749464 3.1824463052837095 2.7764451051977943 2.5705818356363155 2.44691185114497
2.3646242515927853 2.3060041352041667 2.2621571627982053 2.228138851986275 2.2009851600916397 2.178812829667229
2.1603686564627926 2.144786687917804 2.1314495455597755 2.1199052992212546 2.109815577833317 2.1009220402410387
2.0930240544083096 2.085963447265865 2.0796138447276804 2.0738730679040263 2.0686576104190486 2.063898561628026
2.0595385527532977 2.055529438642873 2.0518305164802855 2.048407141795245 2.0452296421327043 2.042272456301238
2.0395134463964086 2.036933343460102 2.034515297449339 2.032244509317719 2.0301079282503434 2.028094000980451
2.0261924630291097 2.02439416391197 2.0226909200367613 2.0210753903062733 2.0195409704413763 2.018081702818445
2.0166921992278244 2.015367574443764 2.0141033888808466 2.012895598919429 2.011740513729766 2.0106347576242323
2.0095752371292397 2.008559112100761 2.007583770315836 2.0066468050616884 2.005745995317869 2.004879288188057
2.004044783289146 2.0032407188478722 2.0024654592910074 2.001717484145236 2.000995378088268 2.0002978220142604
1.9996235849949398 1.998971517033379 1.9983405425207417 1.997729654317693 1.997137908392004 1.996564418952312
1.9960083540252966 1.995468931429844 1.994945415107238 1.9944371117711865 1.9939433678456258 1.9934635666618723
1.9929971258898551 1.9925434951809327 1.992102154002242 1.9916726096446644 1.991254395388385 1.9908470688116908
1.990450210230129 1.9900634212544461 1.9896863234569029 1.9893185571365726 1.9889597801751628 1.9886096669757092
1.988267907477222 1.9879342062390206 1.9876082815890712 1.9872898648311697 1.9869786995062815 1.9866745407037683
1.9863771544186182 1.9860863169511305 1.9858018143458234 1.9855234418666043 1.9852510035054982 1.9849843115224575
1.9847231860139847 1.9844674545084817 1.9842169515864174 1.9839715185235522 1.9837310029556061 1.9834952585628798
1.983264144773457 1.9830375264837259 1.9828152737950482 1.9825972617655006 1.9823833701756912 1.9821734833077271
1.9819674897364827 1.9817652821323724 1.981566757074901 1.981371814876306 1.981180359414661 1.9809922979758574
1.98080754110391 1.98062600245909 1.9804475986834027 1.9802722492729745 1.98009987645694 1.979930405082441
1.979763762505387 1.9795998784866389 1.9794386850933041 1.9792801166048555 1.979124109423798 1.9789706019906288
1.978819534702854 1.9786708498378356 1.978524491479258 1.9783804054470224 1.97823853923038 1.9780988419241308
1.9779612641677262 1.9778257580871252 1.9776922772392531 1.9775607765589356 1.977431212308175 1.977303542027651
1.9771777244903337 1.9770537196570992 1.976931488634253 1.9768109936328604 1.9766921979297984 1.9765750658304437
1.9764595626329182 1.9763456545938134 1.9762333088953274 1.9761224936137447 1.9760131776891925 1.9759053308966206
1.9757989238179396 1.9756939278152708 1.9755903150052494 1.9754880582343406 1.9753871310551159 1.975287507703449
1.9751891630765916 1.975092072712085 1.9749962127674763 1.974901560000799 1.9748080917517876 1.9747157859237914
1.9746246209663614 1.9745345758584758 1.974445630092383 1.9743577636580298 1.974270957028056 1.9741851911433255
1.9741004473989772 1.9740167076309705 1.9739339541031071 1.9738521694945066 1.9737713368875223 1.9736914397560739
1.9736124619543847 1.9735343877061045 1.9734572015938037 1.9733808885488244 1.973305433841474 1.9732308230715458
1.9731570421591598 1.9730840773359035 1.9730119151362673 1.9729405423893605 1.972869946210897 1.9728001139954423
1.9727310334089103 1.9726626923813007 1.9725950790996685 1.9725281820013183 1.972461989767211 1.9723964913155811
1.97233167579575 1.9722675325821355 1.9722040512684438 1.972141221662042 1.9720790337785028 1.9720174778363146
1.971956544251754 1.9718962236339095
"""
NORMAL975 = 1.9599639845400543
INFINITE_DF = 1_000_000_000

BASELINE_IS_FROZEN = "a baseline is never changed: add a version with inode-pipeline baselines freeze"


def upgrade() -> None:
    is_postgresql = op.get_context().dialect.name == "postgresql"
    for statement in TABLES.format(**POSTGRESQL if is_postgresql else SQLITE).strip().split(";\n"):
        op.execute(statement)
    for statement in _triggers_of_postgresql() if is_postgresql else _triggers_of_sqlite():
        op.execute(statement)
    _insert("time_periods", ("period_name", "day_kind", "from_minute", "to_minute", "scheme"), PERIODS)
    _insert("index_rules", ("name", "value", "description"), RULES)
    quantiles = [*enumerate(map(float, T975.split()), start=1), (INFINITE_DF, NORMAL975)]
    _insert("t_quantiles", ("df", "t975"), quantiles)


def _triggers_of_postgresql() -> Iterable[str]:
    yield (
        "CREATE FUNCTION refuse_change_of_baseline() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        f"BEGIN\n  RAISE EXCEPTION '{BASELINE_IS_FROZEN}' USING ERRCODE = 'insufficient_privilege';\nEND\n$$"
    )
    yield (
        "CREATE TRIGGER link_baselines_stay BEFORE UPDATE OR DELETE ON link_baselines "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change_of_baseline()"
    )


def _triggers_of_sqlite() -> Iterable[str]:
    for change in ("UPDATE", "DELETE"):
        yield (
            f"CREATE TRIGGER link_baselines_stay_{change.lower()} BEFORE {change} ON link_baselines\n"
            f"BEGIN\n  SELECT RAISE(ABORT, '{BASELINE_IS_FROZEN}');\nEND"
        )


def _insert(table: str, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    columns = [sa.column(name, sa.literal(value).type) for name, value in zip(names, rows[0], strict=True)]
    op.bulk_insert(sa.table(table, *columns), [dict(zip(names, row, strict=True)) for row in rows])
