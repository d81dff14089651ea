"""A scheduled copy of a SMATS iNode account's travel-time links in a warehouse of your own.

`Settings` are read and checked (`config`). `INodeClient` logs in and walks the links endpoint page by page (`api`);
each page is landed exactly as received, and the walk is proven to be complete (`sync.land`). Its records become typed
DataFrames (`normalise`) by what `endpoints` says they mean, are staged and merged into the tables in one transaction
(`warehouse`, `sync.load`). `defs` shows the journey to Dagster, `cli` to a person.

A green run means that the table is complete and right; anything else leaves the tables exactly as they were and says
what happened and what to do.
"""

__version__ = "0.1.0"
