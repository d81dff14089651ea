"""What Dagster shows and runs: assets, checks, jobs, schedules and sensors.

Every module of this folder is found by itself: whatever Dagster objects it declares at its top level
belong to the code location, so a new endpoint costs one file here.
Keep out: HTTP, SQL and what a link is; an asset's body is resource, sync, metadata.
No module here may say `from __future__ import annotations`: Dagster reads the annotation of `context` itself.
"""
