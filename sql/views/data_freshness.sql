-- One row: how fresh and how complete the data is. A link reports if a measurement of it is at most 24 hours older than
-- now; gap_days are the local dates since the first load on which nothing was loaded. Sampling is on if in the last 24
-- hours a sample of Dagster's schedule was loaded, or snapshots of at least 6 different hours, whoever took them: that
-- is what two peaks need. While it is off no question about a time of day can be answered.
--
-- data_as_of (timestamp): the newest loaded snapshot, in UTC; every number of every view is as of then
-- data_as_of_local (local timestamp): the same on the local clock
-- last_run_at: when the newest run began, in UTC
-- last_run_outcome: ok or failed; NULL while it runs or if it was killed
-- last_verdict: proven, confirmed or unverified: whether the newest loaded snapshot is known to be complete
-- links_expected: the links that iNode lists
-- links_reporting: those of them with a measurement in the last 24 hours
-- gap_days (bigint): local dates since the first load on which nothing was loaded
-- hours_sampled (bigint): in how many of the last 24 hours a snapshot was taken and loaded
-- sampling_on (boolean): whether that is at least 6, or a sample of Dagster's schedule was among them
SELECT
  data_as_of,
  data_as_of_local,
  last_run_at,
  last_run_outcome,
  last_verdict,
  links_expected,
  links_reporting,
  gap_days,
  hours_sampled,
  hours_sampled >= 6 OR has_sample AS sampling_on
FROM (
  SELECT
    n.now_at AS data_as_of,
    n.now_local AS data_as_of_local,
    (SELECT max(started_at) FROM runs WHERE COALESCE(outcome, '') <> 'skipped') AS last_run_at,
    (
      SELECT outcome FROM runs WHERE COALESCE(outcome, '') <> 'skipped'
      ORDER BY started_at DESC, attempt DESC LIMIT 1
    ) AS last_run_outcome,
    (
      SELECT verdict FROM loads WHERE endpoint = 'links' ORDER BY snapshot_at DESC, started_at DESC LIMIT 1
    ) AS last_verdict,
    (SELECT count(*) FROM links WHERE deleted_at IS NULL) AS links_expected,
    (
      SELECT count(*) FROM links AS l
      WHERE l.deleted_at IS NULL
        AND (SELECT max(o.observed_at) FROM link_observations AS o WHERE o.link_id = l.link_id)
          >= @instant(n.now_epoch_s - 86400)
    ) AS links_reporting,
    (
      SELECT n.now_local_s / 86400 - @day(min(snapshot_date)) + 1 - count(DISTINCT snapshot_date)
      FROM loads WHERE endpoint = 'links' AND snapshot_date <= n.local_date
    ) AS gap_days,
    (
      SELECT count(DISTINCT (n.now_epoch_s - @epoch(s.snapshot_at)) / 3600)
      FROM loads AS s
      WHERE s.endpoint = 'links'
        AND s.snapshot_at >= @instant(n.now_epoch_s - 86400)
        AND n.now_epoch_s - @epoch(s.snapshot_at) < 86400
    ) AS hours_sampled,
    EXISTS (
      SELECT 1 FROM loads AS s
      JOIN runs AS r ON r.run_id = s.run_id
      WHERE r.trigger = 'sample' AND s.snapshot_at >= @instant(n.now_epoch_s - 86400)
    ) AS has_sample
  FROM (SELECT 1 AS one) AS always
  LEFT JOIN data_now AS n ON always.one = 1
) AS facts
