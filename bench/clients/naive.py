"""The naive way, written in an afternoon: requests in a loop on `next`, json_normalize, to_sql, ON CONFLICT."""

from __future__ import annotations

import json
import os

import pandas as pd
import requests
from meter import measured
from sqlalchemy import create_engine, inspect, text


def main() -> None:
    """Sync once, and print what it cost."""
    engine = create_engine(os.environ["BENCH_DATABASE"])
    with measured() as result:
        frame = pd.json_normalize(_records(os.environ["BENCH_API"]), sep="_")
        frame["last_updated"] = pd.to_datetime(frame["last_updated"], format="ISO8601")
        frame["geometry_coordinates"] = frame["geometry_coordinates"].map(json.dumps)
        columns = list(frame.columns)
        with engine.begin() as connection:
            frame.to_sql("staging", connection, if_exists="replace", index=False, chunksize=10_000)
            if not inspect(connection).has_table("links"):
                connection.execute(text("CREATE TABLE links AS SELECT * FROM staging WHERE false"))
                connection.execute(text("CREATE UNIQUE INDEX links_id ON links (id)"))
            names, news = ", ".join(columns), ", ".join(f"{name} = excluded.{name}" for name in columns)
            upsert = f"INSERT INTO links ({names}) SELECT {names} FROM staging WHERE true ON CONFLICT (id) DO UPDATE"
            done = connection.execute(text(f"{upsert} SET {news}").execution_options(preserve_rowcount=True))
        result["rows_written"] = done.rowcount


def _records(base_url: str) -> list[dict[str, object]]:
    records: list[dict[str, object]] = []
    headers = {"Authorization": f"Token {os.environ['BENCH_API_KEY']}"}
    address: str | None = f"{base_url}v1/links/?page_size={os.environ['BENCH_PAGE_SIZE']}"
    while address:
        response = requests.get(address, headers=headers, timeout=60)
        response.raise_for_status()
        answer = response.json()
        records += answer["results"]
        address = answer["next"]
    return records


if __name__ == "__main__":
    main()
