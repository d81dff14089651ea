"""dlt: its `rest_api` source, `merge` on the primary key; run by the benchmark's own environment.

`documented` is what its documentation begins with. `tuned` keeps nested values as JSON instead of tables of their own,
buffers more and hands files over in the database's bulk format. Its strategy `upsert` does not exist for SQLite and
gained nothing in PostgreSQL. As written counts every row of its tables: each run deletes and inserts them all.
"""

from __future__ import annotations

import os
import sys
from typing import Any

TUNED = {
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "EXTRACT__WORKERS": "1",
    "NORMALIZE__WORKERS": "1",
    "LOAD__WORKERS": "2",
}
os.environ.update({"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"})
if sys.argv[1] == "tuned":
    os.environ.update(TUNED)

import dlt  # noqa: E402 - it reads the environment
from dlt.sources.rest_api import rest_api_source  # noqa: E402
from meter import measured  # noqa: E402


def main() -> None:
    """Sync once, and print what it cost."""
    is_tuned = sys.argv[1] == "tuned"
    url = os.environ["BENCH_DATABASE"].replace("postgres@", "postgres:trusted@")  # it insists on a password
    is_postgresql = url.startswith("postgresql")
    destination = dlt.destinations.postgres(url) if is_postgresql else dlt.destinations.sqlalchemy(url)
    pipeline = dlt.pipeline(
        "bench", pipelines_dir=os.environ["BENCH_FOLDER"], destination=destination, dataset_name="bench"
    )
    with measured() as result:
        options = {"loader_file_format": "csv" if is_postgresql else "typed-jsonl"} if is_tuned else {}
        pipeline.run(_source(is_tuned=is_tuned), **options)
        result["rows_written"] = _rows(pipeline)


def _rows(pipeline: Any) -> int:
    """How many rows its tables have; what it says of a CSV file itself counts the values."""
    tables = pipeline.default_schema.data_table_names()
    with pipeline.sql_client() as client:
        counts = (client.execute_sql(f"SELECT count(*) FROM {client.make_qualified_table_name(one)}") for one in tables)
        return sum(int(count[0][0]) for count in counts)


def _source(*, is_tuned: bool) -> Any:
    size = {"page_size": os.environ["BENCH_PAGE_SIZE"]}
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
                    "endpoint": {"path": "v1/links/", "params": size, "data_selector": "results"},
                    "primary_key": "id",
                    "max_table_nesting": 0 if is_tuned else None,
                    "write_disposition": "merge",
                }
            ],
        }
    )


if __name__ == "__main__":
    main()
