"""Records + Endpoint -> typed DataFrame; a record that cannot be typed is set aside and names its field.

`Normaliser` is the door. `fields` turns a page on its side, `sources` chooses what fills a column, `columns` has it
typed by `values`, `times` and `geometry`, `extra` keeps the rest, `rejected` sets records aside, `rows` and `hashes`
finish the others, `batch` and `frame` make DataFrames of them. `sums` counts; `checks` and `units` stop a load.
`plain`, `plain_part` and `plain_lines` do the work of `fields`, `sources` and `extra` for pages of one shape, faster.
Keep out: HTTP, SQL, and what a link is: that stands in `endpoints/`.
"""

from __future__ import annotations

from inode_pipeline.normalise.batch import Batch, frames
from inode_pipeline.normalise.normaliser import Normaliser
from inode_pipeline.normalise.rows import NORMALISER_VERSION

__all__ = ["NORMALISER_VERSION", "Batch", "Normaliser", "frames"]
