"""Answers that are no pages, and records that nobody should trust, on the whole way into both databases."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from inode_pipeline import errors
from inode_pipeline.config import Settings
from inode_pipeline.emulator import EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PipelineError
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import LINKS_TABLE, REJECTED_RECORDS
from tests.faults.conftest import LOGIN
from tests.faults.fault_proxy import SPOILS, FaultProxy, answer
from tests.faults.tables import contents, orphans

ALWAYS = range(1, 60)


def loop(given: bytes) -> bytes:
    """Every page says that the first one is next."""
    head, _, body = given.partition(b"\r\n\r\n")
    page = json.loads(body)
    page["next"] = "/api/v1/links/?page=1"
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join(lines) + b"\r\n\r\n" + json.dumps(page).encode()


@pytest.fixture
def settings(emulator: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    variables = {"INODE_BASE_URL": emulator.base_url, "INODE_PAGE_SIZE": "10", "INODE_MAX_REJECTED_FRACTION": "0.9"}
    for name, value in (LOGIN | variables).items():
        monkeypatch.setenv(name, value)
    return Settings.load(dotenv=False)


def sync(settings: Settings, warehouse: Warehouse) -> Receipt:
    today = datetime.now(UTC).date()
    (receipt,) = sync_date(settings, warehouse, LINKS, today, attempt=Attempt(f"run-{datetime.now(UTC)}", "person"))
    return receipt


def test_m27_m30_m34_m36_answers_that_are_no_pages_change_nothing(
    emulator: EmulatorServer, warehouse: Warehouse, settings: Settings
) -> None:
    """Each of them at every request, after a good load: an error of its kind, and the tables are as they were."""
    proxy = FaultProxy(emulator.base_url)
    through = settings.model_copy(update={"base_url": proxy.base_url})
    assert sync(through, warehouse).inserted == 40
    before = contents(warehouse)
    for spoil, kind in {
        loop: errors.PagingLoopError,
        SPOILS["results renamed"]: errors.ApiContractError,
        SPOILS["results null"]: errors.ApiContractError,
        SPOILS["a page for people"]: errors.ApiContractError,
        SPOILS["a link to elsewhere"]: errors.ForeignUrlError,
        SPOILS["forbidden"]: errors.ApiProtocolError,
        SPOILS["away for a day"]: errors.RateLimitedError,
        SPOILS["an empty list"]: errors.SuspiciousShrinkError,
        lambda _: answer("204 No Content"): errors.ApiContractError,
        lambda _: answer("200 OK", b'{"detail": "gone"}'): errors.ApiContractError,
        lambda _: answer("200 OK", b'\xff\xfe{"results": []}'): errors.ApiContractError,
    }.items():
        proxy.begin(dict.fromkeys(ALWAYS, spoil))
        with pytest.raises(PipelineError) as stop:
            sync(through, warehouse)
        assert stop.type is kind
        assert before == contents(warehouse)
        assert orphans(warehouse) == 0
    proxy.begin()
    assert sync(through, warehouse).unchanged == 40
    proxy.close()


HOSTILE = "=cmd() \x1b[31m\r\n\u202e'; drop table links;-- \U0001f6a7"


def test_m37_m38_m44_m46_m77_hostile_records_are_exact_or_set_aside_the_same_in_both_databases(
    emulator: EmulatorServer, warehouse: Warehouse, settings: Settings
) -> None:
    """Ids and texts to the last byte; what cannot be trusted is in `rejected_records`, with its id where it has one."""

    def record(key: str, **more: Any) -> bytes:
        plain = {"name": "plain", "distance": 1000, **more}
        return f'{{"id": {key}, {json.dumps(plain)[1:]}'.encode()

    good: dict[str, bytes] = {
        str(2**53 + 1): record(str(2**53 + 1), name=HOSTILE),
        str(2**63): record(str(2**63), name="x" * 1_000_000),
        "123": record('"123"', **{"Name": "other", "select": 1, '"; drop table x;--': 2, "f" * 70: 3, "\U0001f600": 4}),
        "0123": record('"0123"'),
        "12345678901234567890123": record("12345678901234567890123", last_speed=None),
        "9": b'{"id": 9, "name": "a", "name": "plain"}',
        "20": b'{"id": 20, "name": "plain", "note": NaN, "kept": 1}',
        "21": b'{"id": 21, "name": "plain", "note": "a\\u0000", "kept": 1}',
    }
    bad = {
        "7": b'{"id": 7, "name": "a", "distance": NaN}',
        "8": b'{"id": 8, "name": "a", "distance": 1e999}',
        "10": b'{"id": 10, "name": "a\\u0000"}',
        "11": b'{"id": 11, "name": "\\ud800"}',
    }
    unreadable = [record("1.0"), record("true"), record("null"), b'{"name": "no id"}']
    emulator.state.records = [*good.values(), *bad.values(), *unreadable]
    receipt = sync(settings, warehouse)
    assert (receipt.received, receipt.inserted, receipt.rejected) == (16, 8, 8)
    with reading(warehouse) as connection:
        rows = {row.link_id: row for row in connection.execute(select(LINKS_TABLE)).all()}
        rejected = connection.execute(select(REJECTED_RECORDS.c.link_id, REJECTED_RECORDS.c.reason)).all()
    assert rows.keys() == good.keys()
    assert rows[str(2**53 + 1)].name == HOSTILE
    assert len(rows[str(2**63)].name) == 1_000_000
    assert rows["123"].extra == {"Name": "other", "select": 1, '"; drop table x;--': 2, "f" * 70: 3, "\U0001f600": 4}
    assert {rows[key].name for key in ("9", "20", "21")} == {"plain"}
    assert [rows[key].extra for key in ("20", "21")] == [{"kept": 1}, {"kept": 1}]
    assert sorted(key for key, _ in rejected if key) == sorted(bad)
    assert sum(key is None for key, _ in rejected) == 4
