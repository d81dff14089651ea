"""Records + Endpoint -> typed DataFrame; a record that cannot be typed is set aside and names its field.

    normaliser   page by page from records to rows, and what was seen on the way
    fields       a page turned into columns by path, and the field that fills each column
    columns      each column typed, by values, times and geometry
    extra        what no column holds, as canonical JSON
    frame        typed pages as DataFrames
    checks       what stops a load, with counts and units; inventory has the words

Not here: what a link is, see `endpoints/`.
"""

from __future__ import annotations

from inode_pipeline.normalise.frame import Batch, frames
from inode_pipeline.normalise.normaliser import NORMALISER_VERSION, Normaliser

__all__ = ["NORMALISER_VERSION", "Batch", "Normaliser", "frames"]
