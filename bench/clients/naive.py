"""The naive way, written in an afternoon: requests in a loop on `next`, json_normalize, to_sql, ON CONFLICT."""

from __future__ import annotations

import json
import os

import pandas as pd
import requests
from sqlalchemy import create_engine, inspect, text


def main() -> None:
    """Sync once."""
    engine = create_engine(os.environ["BENCH_DATABASE"])
    frame = pd.json_normalize(_records(os.environ["BENCH_API"]), sep="_")
    frame = frame.drop(columns=["origin", "destination"], errors="ignore")  # what json_normalize leaves of null objects
    frame["last_updated"] = pd.to_datetime(frame["last_updated"], format="ISO8601")
    for column in {"geometry_coordinates", "tags"}.intersection(frame.columns):
        frame[column] = frame[column].map(json.dumps)
    columns = list(frame.columns)
    with engine.begin() as connection:
        frame.to_sql("staging", connection, if_exists="replace", index=False, chunksize=10_000)
        if not inspect(connection).has_table("links"):
            connection.execute(text("CREATE TABLE links AS SELECT * FROM staging WHERE false"))
            connection.execute(text("CREATE UNIQUE INDEX links_id ON links (id)"))
        names, news = ", ".join(columns), ", ".join(f"{name} = excluded.{name}" for name in columns)
        upsert = f"INSERT INTO links ({names}) SELECT {names} FROM staging WHERE true ON CONFLICT (id) DO UPDATE"
        connection.execute(text(f"{upsert} SET {news}"))


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
