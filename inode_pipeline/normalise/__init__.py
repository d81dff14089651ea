"""Records + Endpoint -> typed DataFrame; a record that cannot be typed is set aside, with the field to blame.

    normaliser   page by page from records to rows
    fields       a page transposed into columns by path, the field that fills each column, counts over the walk
    columns      each column typed, by values, times and geometry
    frame        typed pages as DataFrames
    checks       what stops a load, with units; inventory describes the fields

Not here: what a link is, see `endpoints/`.
"""

from __future__ import annotations

from inode_pipeline.normalise.frame import Batch, frames
from inode_pipeline.normalise.normaliser import NORMALISER_VERSION, Normaliser

__all__ = ["NORMALISER_VERSION", "Batch", "Normaliser", "frames"]
