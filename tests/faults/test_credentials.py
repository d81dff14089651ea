"""A rejected credential is tried once by machines, whoever started the first run."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inode_pipeline.config import Settings
from inode_pipeline.emulator import EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PasswordRejectedError, RejectedBeforeError
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import Warehouse
from tests.faults.conftest import LOGIN


@pytest.mark.parametrize("trigger", ["person", "backfill", "schedule"])
def test_m15_an_automatic_retry_of_anybodys_run_does_not_send_a_rejected_password_again(
    trigger: str, emulator: EmulatorServer, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon may start a failed run again and again; its rows count as no person's."""
    for name, value in (LOGIN | {"INODE_PASSWORD": "wrong", "INODE_BASE_URL": emulator.base_url}).items():
        monkeypatch.setenv(name, value)
    settings = Settings.load(dotenv=False)
    today = datetime.now(UTC).date()

    def run(run_id: str, retry_of: str | None = None) -> None:
        attempt = Attempt(run_id, trigger, retry_of)  # type: ignore[arg-type]
        sync_date(settings, warehouse, LINKS, today, attempt=attempt)

    with pytest.raises(PasswordRejectedError):
        run("first")
    for number in range(3):
        with pytest.raises(RejectedBeforeError):
            run(f"again-{number}", retry_of="first")
    assert len(emulator.state.requests) == 1
