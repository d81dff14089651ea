"""What the tables promise, each promise in its own words, and whether they keep it now.

    for promise in PROMISES:
        finding = promise.found(Copy(warehouse, endpoint, settings, now))

What must stop a load has stopped it already, inside its transaction; a promise only reports. What cannot be examined is
`not checked`, never `kept`. This is the door; `promises_of_loads.py` asks the bookkeeping, `promises_of_rows.py` the
rows and the landed pages, the others the facts.
Keep out: Dagster, which shows the findings, and everything that writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from inode_pipeline.analysis import promises_of_bins as bins
from inode_pipeline.analysis import promises_of_facts as facts
from inode_pipeline.analysis import promises_of_loads as loads
from inode_pipeline.analysis import promises_of_observations as observations
from inode_pipeline.analysis import promises_of_rows as rows
from inode_pipeline.analysis.finding import Copy, Finding

__all__ = ["PROMISES", "Copy", "Finding", "Promise"]

TRIES = 3


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: about the landed `pages`, the `table` or one of the facts, and how grave it is if it is broken."""

    name: str
    about: Literal["pages", "table", "versions", "snapshots", "observations"]
    severity: Literal["error", "warning"]
    words: str
    examine: Callable[[Copy], Finding]

    def found(self, copy: Copy) -> Finding:
        """The finding of the tables between two loads: one that was committed meanwhile may make a promise look broken.

        `not checked` if loads came in the middle each time.
        """
        for _ in range(TRIES):
            before = copy.newest_load()
            finding = self.examine(copy)
            if finding.outcome != "broken" or copy.newest_load() == before:
                return finding
        return Finding("not checked", "Not checked: loads came in the middle each time.")


PROMISES = (
    Promise(
        "walk_is_proven",
        "pages",
        "warning",
        "The newest loaded walk is shown to hold every record: its pages agree with the API's own count, or a second "
        "walk confirmed it.",
        loads.walk_is_proven,
    ),
    Promise(
        "fields_stay",
        "pages",
        "warning",
        "The records have the same fields of the same kinds as in the walk before.",
        rows.fields_stay,
    ),
    Promise(
        "no_night_is_missed",
        "pages",
        "warning",
        "Each date of the last 30 on which INODE_SYNC_SCHEDULE ticked has a loaded snapshot. One that has none cannot "
        "be fetched later.",
        loads.no_night_is_missed,
    ),
    Promise(
        "receipts_balance",
        "table",
        "error",
        "In every load each record that was received is counted exactly once.",
        loads.receipts_balance,
    ),
    Promise(
        "recount_agrees",
        "table",
        "error",
        "Read again from the landed pages, the newest loaded walk gives the counts of its receipt and the very rows "
        "that stand in the table.",
        rows.recount_agrees,
    ),
    Promise(
        "keys_are_unique",
        "table",
        "error",
        "Every row has a key, and no two have the same.",
        rows.keys_are_unique,
    ),
    Promise(
        "no_sudden_shrink",
        "table",
        "warning",
        "The newest walk lacks no larger share of the records than INODE_MAX_SHRINK_FRACTION, and no newer walk was "
        "refused for that.",
        loads.no_sudden_shrink,
    ),
    Promise(
        "nothing_is_set_aside",
        "table",
        "warning",
        "Every record of the newest loaded walk could be typed; none stands in rejected_records.",
        loads.nothing_is_set_aside,
    ),
    Promise(
        "units_agree",
        "table",
        "error",
        "Length over travel time is the speed: the median of 3.6 * length / time / speed lies between 0.8 and 1.25.",
        rows.units_agree,
    ),
    Promise(
        "data_is_fresh",
        "table",
        "warning",
        "The newest data is not older than the last tick of INODE_SYNC_SCHEDULE that had its time. What counts is when "
        "the data was read, not when a run ended.",
        loads.data_is_fresh,
    ),
    Promise(
        "no_link_is_silent",
        "table",
        "warning",
        "Every present record has a measurement of the two days before its snapshot.",
        rows.no_link_is_silent,
    ),
    Promise(
        "configurations_are_kept",
        "versions",
        "error",
        "Each configuration that a row of the table or a date's list names stands in link_versions once, with the "
        "row's own values.",
        facts.configurations_are_kept,
    ),
    Promise(
        "dates_hold_their_links",
        "snapshots",
        "error",
        "Under each date stand as many links, with and without a configuration, as its newest loaded walk held.",
        facts.dates_hold_their_links,
    ),
    Promise(
        "newest_list_is_the_table",
        "snapshots",
        "error",
        "The newest date lists exactly the present links, with the configurations they have.",
        facts.newest_list_is_the_table,
    ),
    Promise(
        "observations_have_keys",
        "observations",
        "error",
        "Every observation has a known link, a time and a value, and no two have the same link and time.",
        observations.observations_have_keys,
    ),
    Promise(
        "no_observation_is_ahead",
        "observations",
        "warning",
        "No observation is later than the walk that read it, by more than the 5 seconds that clocks may differ.",
        observations.no_observation_is_ahead,
    ),
    Promise(
        "measurements_are_kept",
        "observations",
        "error",
        "The last measurement of each present link stands in link_observations, or in observation_corrections if the "
        "API has taken it back.",
        observations.measurements_are_kept,
    ),
    Promise(
        "corrections_keep_what_was",
        "observations",
        "error",
        "observation_corrections keeps what an observation was before: other values, from an earlier walk than those "
        "that stand, and one for each correction of the newest load.",
        observations.corrections_keep_what_was,
    ),
    Promise(
        "bins_are_their_observations",
        "observations",
        "error",
        "Every bin is the mean of its observations, weighted by their sample counts, and none is without any.",
        bins.bins_are_their_observations,
    ),
)
