"""What a check of `doctor` found, and the checks without the API: settings, environment, field map, warehouse.

They write nothing. Not here: the checks that ask the API, see `api_checks.py`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from inode_pipeline import errors
from inode_pipeline.cli import environment
from inode_pipeline.errors import ConfigError, NotMigratedError, PipelineError

if TYPE_CHECKING:
    from inode_pipeline.config import Settings
    from inode_pipeline.warehouse.engine import Warehouse

State = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was checked, the result and, unless that is ok, what to do. `exit_code` is 0 unless failed."""

    check: str
    state: State
    text: str
    remedy: str = ""
    error: str | None = None
    exit_code: int = 0


def ok(check: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(check, "ok", text)


def warning(check: str, text: str, remedy: str) -> Finding:
    """It works, but a person should know."""
    return Finding(check, "warning", text, remedy)


def skipped(check: str, reason: str) -> Finding:
    """It was not checked, and is never shown as ok."""
    return Finding(check, "skipped", reason)


def failed(check: str, problem: PipelineError) -> Finding:
    """A sync would stop with this error."""
    return Finding(check, "failed", problem.message, problem.remedy, problem.kind, problem.exit_code)


def worst(findings: list[Finding]) -> int:
    """The exit code of all: what a person must fix (2, then 1) before what may pass by itself (3)."""
    codes = {finding.exit_code for finding in findings}
    return next((code for code in (2, 1, 3) if code in codes), 0)


PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def settings_problem() -> ConfigError | None:
    """The error with every wrong setting, or None."""
    from inode_pipeline.config import Settings

    try:
        Settings.load()
    except ConfigError as problem:
        return problem
    return None


def unknown_variables() -> Iterator[Finding]:
    """A variable that begins with INODE_ and is no setting."""
    for text, remedy in environment.unknown_variables():
        yield warning("settings", text, remedy)


def start_date(settings: Settings) -> Iterator[Finding]:
    """On PostgreSQL the first date is not looked up when Dagster loads."""
    if settings.start_date is None and settings.warehouse_url.get_backend_name() == "postgresql":
        yield warning(
            "settings",
            "INODE_START_DATE is not set, so Dagster's calendar begins on the day on which it loads the code.",
            "Set it to the first date that you have, or to today.",
        )


def proxy_variables(settings: Settings) -> Iterator[Finding]:
    """The environment's proxy variables are not used, which someone behind a proxy has to know."""
    found = [name for name in PROXY_VARIABLES if os.environ.get(name) or os.environ.get(name.lower())]
    if found and settings.proxy is None:
        yield warning(
            "settings",
            f"{', '.join(found)} is set in the environment and is not used.",
            "If the API can be reached through that proxy only, set INODE_PROXY to its address.",
        )


def weak_tls_of_warehouse(settings: Settings) -> Iterator[Finding]:
    """An sslmode in the URL is the user's choice; one that does not verify the server is a warning."""
    url = settings.warehouse_url
    mode = url.query.get("sslmode")
    if url.get_backend_name() == "postgresql" and mode and mode != "verify-full":
        yield warning(
            "settings",
            f"INODE_WAREHOUSE_URL says sslmode={mode}, which does not prove that the database is the right one.",
            "Use sslmode=verify-full with sslrootcert=FILE, or leave sslmode out.",
        )


def field_map(settings: Settings) -> Finding:
    """The field map was read with the settings; here it is only named."""
    if settings.field_map_file is None:
        return ok("field map", "none: the default names of the fields are used")
    return ok("field map", f"{settings.field_map_file} is in order")


def sampling(settings: Settings) -> Finding:
    """While sampling is off, say each time which questions will have no answer."""
    if settings.sample_schedule:
        return ok("sampling", f"on: {settings.sample_schedule}")
    return warning(
        "sampling",
        "off: the tables hold one reading a night, so questions about peak hours cannot be answered, now or later.",
        "Set INODE_SAMPLE_SCHEDULE (such as */15 * * * *) if they will ever be asked.",
    )


def warehouse(settings: Settings) -> Iterator[Finding]:
    """Reachable, ours to write, migrated, of the same time zone."""
    from inode_pipeline.analysis.status import holds_tables, missing_rights
    from inode_pipeline.warehouse import migrate, stored
    from inode_pipeline.warehouse.engine import open_warehouse

    try:
        if settings.warehouse_url.get_backend_name() == "sqlite":
            path = Path(settings.warehouse_url.database or "")
            _require_writable(path)
            if not path.exists():
                yield ok("warehouse", f"{path} will be made by the first sync")
                return
        with open_warehouse(settings, read_only=True) as opened:
            yield ok("warehouse", f"{opened.place} answers")
            if not opened.is_postgresql and not holds_tables(opened):
                yield ok("migrations", "the first sync makes the tables")
                return
            # require_migrated applies migrations to an empty file; with none pending it only compares the tables.
            _require_none_pending(migrate.pending(opened), opened.place)
            migrate.require_migrated(opened)
            yield ok("migrations", "the tables are those of this version")
            yield _rights(missing_rights(opened))
            yield _zone(stored.stored_zone(opened), settings)
            yield from _other_server(opened, settings)
            yield from _missing_samples(opened, settings)
    except PipelineError as problem:
        yield failed("warehouse", problem)


def _require_writable(path: Path) -> None:
    """Try the file if there is one, and the folder in which it or its companions are made, since modes can mislead.

    The trial leaves no trace: a file without a name, and the database opened without writing.
    """
    folder = next(parent for parent in path.parents if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        if path.exists():
            os.close(os.open(path, os.O_RDWR))
    except OSError as problem:
        raise errors.PermissionError(
            f"{path} may not be written: {problem.strerror}.",
            remedy="Give the file and its folder to the user who runs this, or change INODE_WAREHOUSE_URL.",
        ) from problem


def _require_none_pending(names: list[str], place: str) -> None:
    if names:
        raise NotMigratedError(f"{place} lacks {', '.join(names)}.", remedy=NotMigratedError.REMEDY)


def _rights(missing: list[str]) -> Finding:
    if missing:
        problem = errors.PermissionError(
            f"Missing: {', '.join(missing)}.", remedy="Grant them as in sql/roles/loader.sql."
        )
        return failed("rights", problem)
    return ok("rights", "the user may read and write the tables")


def _missing_samples(warehouse: Warehouse, settings: Settings) -> Iterator[Finding]:
    """Sampling that is set and does not happen; nothing is known of a warehouse that is not filled yet."""
    from inode_pipeline.analysis.status import unanswerable_questions

    if settings.sample_schedule and unanswerable_questions(warehouse, settings):
        yield warning(
            "samples",
            "none was loaded in the 24 hours before the newest data.",
            "See whether Dagster's daemon runs and its schedule sample_links is on.",
        )


def _other_server(warehouse: Warehouse, settings: Settings) -> Iterator[Finding]:
    """A warehouse that was filled from another address; nothing to say if it was not."""
    from inode_pipeline.warehouse.stored import require_same

    try:
        require_same(warehouse, zone=None, base_url=settings.base_url)
    except ConfigError as problem:
        yield failed("server", problem)


def _zone(stored: str | None, settings: Settings) -> Finding:
    if stored is not None and stored != settings.zone.key:
        problem = ConfigError(
            f"INODE_TIMEZONE is {settings.zone.key}, but the warehouse was filled in {stored}.",
            remedy=f"Set INODE_TIMEZONE={stored}, or use another warehouse.",
        )
        return failed("time zone", problem)
    return ok("time zone", f"{settings.zone.key}{'' if stored else ', kept with the first load'}")
