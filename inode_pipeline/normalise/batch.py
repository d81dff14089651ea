"""A typed page, and the DataFrames of one page or of several together: making them costs by the call.

Keep out: how a page is typed (`normaliser.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pandas as pd

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.normalise.frame import make_frame, rejected_frame
from inode_pipeline.normalise.rejected import Rejected


@dataclass(frozen=True, slots=True)
class Batch:
    """One page, typed: `typed` has the columns of its typed records (see `rows.py`), `set_aside` those it could not be.

    `received` counts the page's records; those that are neither typed nor set aside are `duplicate`.
    `unreadable` are the rejected ones without a readable key; `no_data` those without a time or a measurement.
    """

    endpoint: Endpoint
    typed: Mapping[str, Sequence[Any]]
    set_aside: Sequence[Rejected]
    received: int
    duplicate: int
    unreadable: int
    no_data: int

    @property
    def rows(self) -> int:
        """How many records are to be staged, the rejected ones included."""
        return len(self.typed["page"]) + len(self.set_aside)

    @property
    def frame(self) -> pd.DataFrame:
        """One row per typed record (see `frame.py`)."""
        return frames([self])[0]

    @property
    def rejected(self) -> pd.DataFrame:
        """One row per record set aside."""
        return frames([self])[1]


def frames(batches: Sequence[Batch]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The typed records and the rejected ones of at least one batch, in their order."""
    first = batches[0]
    columns = {name: _joined([batch.typed[name] for batch in batches]) for name in first.typed}
    return make_frame(first.endpoint, columns), rejected_frame(_joined([batch.set_aside for batch in batches]))


def _joined(parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    return parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))
