"""What Dagster shows and runs. Each object at the top level of a module here is found and loaded by itself.

    links.py       the assets of the links endpoint, and the job `sync_links`; start reading here
    sampling.py    the job `sample_links`, which reads the links once more on the same date
    schedules.py   when both jobs run
    report.py      the asset `network_report`, written after each run of `sync_links`
    checks.py      the asset checks
    sensors.py     the alerts
    partitions.py, resources.py, attempts.py, failures.py, metadata.py   what these share

A new endpoint costs one file like `links.py`. No module here may have `from __future__ import annotations`: Dagster
reads the annotation of `context` itself.
"""
