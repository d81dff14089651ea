"""The findings of `doctor`, and its checks that need no API: settings, environment, field map, warehouse.

They write nothing. Not here: the checks that call the API, see `api_checks.py`.
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
    """What was checked, the result and, unless it is ok, what to do. `exit_code` is 0 unless the check failed."""

    check: str
    state: State
    text: str
    remedy: str = ""
    error: str | None = None
    exit_code: int = 0


def ok(check: str, text: str) -> Finding:
    """A check that passed."""
    return Finding(check, "ok", text)


def warning(check: str, text: str, remedy: str) -> Finding:
    """Something that does not stop a sync but that the user should know."""
    return Finding(check, "warning", text, remedy)


def skipped(check: str, reason: str) -> Finding:
    """A check that was not made, which is never shown as ok."""
    return Finding(check, "skipped", reason)


def failed(check: str, problem: PipelineError) -> Finding:
    """An error with which a sync would stop."""
    return Finding(check, "failed", problem.message, problem.remedy, problem.kind, problem.exit_code)


def worst(findings: list[Finding]) -> int:
    """The exit code of the worst finding: those that a person must fix (2, then 1) come before transient ones (3)."""
    codes = {finding.exit_code for finding in findings}
    return next((code for code in (2, 1, 3) if code in codes), 0)


PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def settings_problem() -> ConfigError | None:
    """The error that lists every wrong setting, or None."""
    from inode_pipeline.config import Settings

    try:
        Settings.load()
    except ConfigError as problem:
        return problem
    return None


def unknown_variables() -> Iterator[Finding]:
    """Warn of variables that begin with INODE_ but are not settings."""
    for text, remedy in environment.unknown_variables():
        yield warning("settings", text, remedy)


def start_date(settings: Settings) -> Iterator[Finding]:
    """Warn if INODE_START_DATE is missing on PostgreSQL, which is not queried for the first date."""
    if settings.start_date is None and settings.warehouse_url.get_backend_name() == "postgresql":
        yield warning(
            "settings",
            "INODE_START_DATE is not set, so Dagster's calendar begins on the day on which it loads the code.",
            "Set it to the first date that you have, or to today.",
        )


def proxy_variables(settings: Settings) -> Iterator[Finding]:
    """Warn of proxy variables in the environment, which are not used."""
    found = [name for name in PROXY_VARIABLES if os.environ.get(name) or os.environ.get(name.lower())]
    if found and settings.proxy is None:
        yield warning(
            "settings",
            f"{', '.join(found)} is set in the environment but not used.",
            "If the API can only be reached through that proxy, set INODE_PROXY to its address.",
        )


def weak_tls_of_warehouse(settings: Settings) -> Iterator[Finding]:
    """Warn of an sslmode in the URL that does not verify the server."""
    url = settings.warehouse_url
    mode = url.query.get("sslmode")
    if url.get_backend_name() == "postgresql" and mode and mode != "verify-full":
        yield warning(
            "settings",
            f"INODE_WAREHOUSE_URL sets sslmode={mode}, which does not verify the identity of the database server.",
            "Use sslmode=verify-full with sslrootcert=FILE, or leave sslmode out.",
        )


def field_map(settings: Settings) -> Finding:
    """Name the field map, which was checked with the settings."""
    if settings.field_map_file is None:
        return ok("field map", "none: the default field names are used")
    return ok("field map", f"{settings.field_map_file} is valid")


def sampling(settings: Settings) -> Finding:
    """Warn if sampling is off."""
    if settings.sample_schedule:
        return ok("sampling", f"on: {settings.sample_schedule}")
    return warning(
        "sampling",
        "off: the tables hold one reading a night, so questions about peak hours cannot be answered, now or later.",
        "Set INODE_SAMPLE_SCHEDULE (such as */15 * * * *) if they will ever be asked.",
    )


def warehouse(settings: Settings) -> Iterator[Finding]:
    """Check that the warehouse can be reached and written, is migrated, and has the same time zone and server."""
    from inode_pipeline.analysis.status import holds_tables, missing_rights
    from inode_pipeline.warehouse import migrate, stored
    from inode_pipeline.warehouse.engine import open_warehouse

    try:
        if settings.warehouse_url.get_backend_name() == "sqlite":
            path = Path(settings.warehouse_url.database or "")
            _require_writable(path)
            if not path.exists():
                yield ok("warehouse", f"the first sync creates {path}")
                return
        with open_warehouse(settings, read_only=True) as opened:
            yield ok("warehouse", f"{opened.place} answers")
            if not opened.is_postgresql and not holds_tables(opened):
                yield ok("migrations", "the first sync creates the tables")
                return
            # With pending migrations require_migrated would write to an empty file; without, it only compares tables.
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
    """Open the file for writing, if there is one, and create an unnamed file in its folder: modes can mislead.

    Neither leaves a trace.
    """
    folder = next(parent for parent in path.parents if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        if path.exists():
            os.close(os.open(path, os.O_RDWR))
    except OSError as problem:
        raise errors.PermissionError(
            f"{path} cannot be written: {problem.strerror}.",
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
    """Warn if INODE_SAMPLE_SCHEDULE is set but no samples arrive."""
    from inode_pipeline.analysis.status import unanswerable_questions

    if settings.sample_schedule and unanswerable_questions(warehouse, settings):
        yield warning(
            "samples",
            "none was loaded in the 24 hours before the newest data.",
            "Check that Dagster's daemon is running and its schedule sample_links is on.",
        )


def _other_server(warehouse: Warehouse, settings: Settings) -> Iterator[Finding]:
    """Fail if the warehouse was filled from another address."""
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
    return ok("time zone", f"{settings.zone.key}{'' if stored else ', stored by the first load'}")
