"""What Dagster shows and runs: assets, a job, a schedule. Every module of this folder is found by itself.

A module of this folder that declares Dagster objects at its top level adds them to the code location, so a new
endpoint costs one file here. Keep out: HTTP, SQL and what a link is; an asset's body is resource, sync, metadata.
No module here may say `from __future__ import annotations`: Dagster reads the annotation of `context` itself.
"""
