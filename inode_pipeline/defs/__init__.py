"""The Dagster definitions. Every object at the top level of a module in this folder is loaded automatically.

    links.py       the assets of the links endpoint, and the job `sync_links`; start reading here
    sampling.py    the job `sample_links`, which reads the links again during the day
    schedules.py   when both jobs run
    report.py      the asset `network_report`, written after each run of `sync_links`
    checks.py      the asset checks
    sensors.py     the alerts
    partitions.py, resources.py, attempts.py, failures.py, metadata.py   shared by these

To add an endpoint, write a file like `links.py`. Modules here must not use `from __future__ import annotations`,
because Dagster reads the annotation of `context` at run time.
"""
