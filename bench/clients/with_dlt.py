"""dlt, tuned: its `rest_api` source into PostgreSQL, `merge` on the primary key; run by an environment of its own.

Nested values stay JSON instead of becoming tables of their own, buffers are larger and files are handed over as CSV.
Its strategy `upsert` gained nothing.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.update(
    {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
        "DATA_WRITER__DISABLE_COMPRESSION": "true",
        "EXTRACT__WORKERS": "1",
        "NORMALIZE__WORKERS": "1",
        "LOAD__WORKERS": "2",
    }
)

import dlt
from dlt.sources.rest_api import rest_api_source


def main() -> None:
    """Sync once."""
    url = os.environ["BENCH_DATABASE"].replace("postgresql+psycopg://postgres@", "postgresql://postgres:trusted@")
    destination = dlt.destinations.postgres(url)  # it insists on a password
    folder = os.environ["BENCH_FOLDER"]
    pipeline = dlt.pipeline("bench", pipelines_dir=folder, destination=destination, dataset_name="bench")
    pipeline.run(_source(), loader_file_format="csv")


def _source() -> Any:
    key = {"type": "api_key", "name": "Authorization", "api_key": f"Token {os.environ['BENCH_API_KEY']}"}
    return rest_api_source(
        {
            "client": {
                "base_url": os.environ["BENCH_API"],
                "auth": {**key, "location": "header"},
                "paginator": {"type": "json_link", "next_url_path": "next"},
            },
            "resources": [
                {
                    "name": "links",
                    "endpoint": {
                        "path": "v1/links/",
                        "params": {"page_size": os.environ["BENCH_PAGE_SIZE"]},
                        "data_selector": "results",
                    },
                    "primary_key": "id",
                    "max_table_nesting": 0,
                    "write_disposition": "merge",
                }
            ],
        }
    )


if __name__ == "__main__":
    main()
