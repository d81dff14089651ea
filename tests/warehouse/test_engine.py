"""Opening a warehouse, and what its two kinds of transactions promise."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, insert, make_url, select

from inode_pipeline import errors
from inode_pipeline.config import LocalSettings
from inode_pipeline.warehouse import engine
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, reading, transaction
from inode_pipeline.warehouse.migrate import migrate, require_migrated
from inode_pipeline.warehouse.tables import PIPELINE_SETTINGS

CANARY = "canary-5f1d"


def opened(url: str, **options: float) -> Warehouse:
    return open_warehouse(LocalSettings(warehouse_url=url, _env_file=None), **options)


def names(warehouse: Warehouse) -> list[str]:
    with reading(warehouse) as connection:
        named = select(PIPELINE_SETTINGS.c.name).where(PIPELINE_SETTINGS.c.name != "views")  # that one `migrate` keeps
        return list(connection.scalars(named.order_by("name")))


def put(warehouse: Warehouse, name: str, value: str = "") -> None:
    with transaction(warehouse) as connection:
        connection.execute(insert(PIPELINE_SETTINGS), {"name": name, "value": value})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A folder with an empty `inode.db`, in both of which the test may write nothing; root is somebody else in it."""
    folder = Path(tempfile.mkdtemp())
    (folder / "inode.db").touch(mode=0o444)
    folder.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    yield folder
    if is_root:
        os.seteuid(0)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_sqlite_files_are_the_owners_only_whatever_the_umask(tmp_path: Path) -> None:
    """The database, its two companions, and the folders made for it; a folder that was there keeps its mode."""
    tmp_path.chmod(0o755)
    path = tmp_path / "new" / "er" / "inode.db"
    with umask(0), opened(f"sqlite:///{path}") as warehouse:
        migrate(warehouse)
        with transaction(warehouse):
            files = sorted(path.parent.iterdir())
        assert [f"inode.db{end}" for end in ("", "-shm", "-wal")] == [file.name for file in files]
        assert [mode(file) for file in files] == [0o600] * 3
    assert [mode(folder) for folder in (path.parent, path.parent.parent, tmp_path)] == [0o700, 0o700, 0o755]


def test_m51_an_unwritable_folder_or_file_is_told_by_setting(read_only: Path) -> None:
    """A person reads which setting names the place and what to do; waiting would not help."""
    for path in (read_only / "data" / "inode.db", read_only / "new.db", read_only / "inode.db"):
        with pytest.raises(errors.PermissionError) as caught:
            opened(f"sqlite:///{path}")
        assert str(path) in caught.value.message
        assert "INODE_WAREHOUSE_URL" in caught.value.remedy
        assert not caught.value.retryable


def test_a_place_that_cannot_be_a_database_is_a_wrong_setting(tmp_path: Path) -> None:
    """A folder below a file, a folder, and a file of something else."""
    (tmp_path / "note").write_text("not a database, but long enough to be looked at as one, page header and all " * 9)
    (tmp_path / "folder").mkdir()
    for path in ("note/inode.db", "folder", "note"):
        with pytest.raises(errors.ConfigError, match="INODE_WAREHOUSE_URL"):
            opened(f"sqlite:///{tmp_path / path}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "nowhere.invalid"])
def test_m50_an_unreachable_server_is_a_transient_failure_that_names_the_host(host: str) -> None:
    """The URL's password is in nothing that is printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql://loader:{CANARY}@{host}:{free.getsockname()[1]}/inode"
        with pytest.raises(errors.WarehouseUnavailableError) as caught:
            opened(url)
    assert host in caught.value.message
    assert "INODE_WAREHOUSE_URL" in caught.value.remedy
    assert caught.value.retryable
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.fixture
def with_password(postgresql_server) -> Iterator[str]:
    """A user whom the server asks for a password: `right`."""
    rules = postgresql_server.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    postgresql_server.execute("CREATE ROLE careful LOGIN PASSWORD 'right'")
    rules.write_text("host all careful 127.0.0.1/32 scram-sha-256\n" + before)
    postgresql_server.execute("SELECT pg_reload_conf()")
    yield "careful"
    rules.write_text(before)
    postgresql_server.execute("SELECT pg_reload_conf()")
    postgresql_server.execute("DROP ROLE careful")


@pytest.mark.postgresql
def test_a_wrong_database_password_names_its_setting_and_is_not_tried_again(postgresql_server, with_password) -> None:
    """Nor is a missing one, or a user who does not exist."""
    url = make_url(postgresql_server.url("postgres", with_password))
    urls = [url.set(password=CANARY), url, url.set(username="unknown")]
    for wrong in urls:
        with pytest.raises(errors.PermissionError) as caught:
            opened(wrong.render_as_string(hide_password=False))
        assert "INODE_WAREHOUSE_PASSWORD" in caught.value.remedy
        assert not caught.value.retryable
        assert CANARY not in "".join(traceback.format_exception(caught.value))
    opened(url.set(password="right").render_as_string(hide_password=False)).close()


@pytest.mark.postgresql
def test_a_database_that_does_not_exist_is_a_wrong_setting(postgresql_server) -> None:
    """It will not appear by waiting."""
    with pytest.raises(errors.ConfigError, match="does not exist"):
        opened(postgresql_server.url("nowhere"))


@pytest.mark.postgresql
def test_a_server_without_encryption_is_refused_where_it_was_asked_for(postgresql_server) -> None:
    """That is a matter of settings, and says which."""
    with pytest.raises(errors.ConfigError, match="INODE_WAREHOUSE_URL"):
        opened(postgresql_server.url("postgres") + "?sslmode=verify-full&sslrootcert=system")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u@127.0.0.1/d", None),
        ("postgresql://u@localhost/d", None),
        ("postgresql://u@[::1]/d", None),
        ("postgresql:///d?host=/run/postgresql", None),
        ("postgresql:///d", None),
        ("postgresql://u@db.example/d", "verify-full"),
        ("postgresql://u@10.0.0.8/d", "verify-full"),
        ("postgresql:///d?host=localhost,db.example", "verify-full"),
        ("postgresql://u@db.example/d?sslmode=require", None),
    ],
)
def test_the_way_to_another_machine_is_encrypted_and_checked(url: str, expected: str | None) -> None:
    """Unless the URL itself says otherwise; on this machine it need not be."""
    arguments = engine._postgresql_arguments(make_url(url))
    assert expected == arguments.get("sslmode")
    assert arguments["prepare_threshold"] is None


@pytest.mark.owner
@pytest.mark.postgresql
@pytest.mark.parametrize("warehouse_kind", ["postgresql"])
def test_a_session_is_named_and_nothing_set_in_it_outlives_a_transaction(warehouse: Warehouse) -> None:
    """The administrator sees who it is; a pooler may hand the session to somebody else."""
    show = "SELECT current_setting('application_name'), current_setting('timezone'), current_setting('lock_timeout')"
    with transaction(warehouse) as connection:
        assert tuple(connection.exec_driver_sql(show).one()) == ("inode-pipeline", "UTC", "5s")
        connection.exec_driver_sql(
            "ALTER DATABASE " + str(warehouse.engine.url.database) + " SET timezone = 'Asia/Tokyo'"
        )
    warehouse.close()
    with reading(warehouse):
        pass
    with warehouse.engine.connect() as connection:
        assert tuple(connection.exec_driver_sql(show).one()) == ("inode-pipeline", "Asia/Tokyo", "0")


def test_a_transaction_is_committed_at_its_end_or_undone_by_any_error(warehouse: Warehouse) -> None:
    """An error of the pipeline passes unchanged."""
    put(warehouse, "kept")
    problem = errors.UnitsError("miles", remedy="")
    with pytest.raises(errors.UnitsError) as caught, transaction(warehouse) as connection:  # noqa: PT012
        connection.execute(insert(PIPELINE_SETTINGS), {"name": "lost", "value": ""})
        raise problem
    assert caught.value is problem
    assert names(warehouse) == ["kept"]


def test_a_reader_sees_one_state_to_its_end(warehouse: Warehouse) -> None:
    """What is committed meanwhile appears to the next one, and the writer did not wait."""
    count = select(func.count()).select_from(PIPELINE_SETTINGS)
    with reading(warehouse) as connection:
        before = connection.scalar(count)
        put(warehouse, "new")
        assert before == connection.scalar(count)
    assert names(warehouse) == ["new"]


def test_m52_an_open_writer_makes_us_wait_and_then_say_so(migrated_url: str) -> None:
    """A session that keeps the lock is waited for no longer than agreed; once it is gone we go on."""
    with opened(migrated_url) as other, opened(migrated_url, lock_wait_s=0.3) as warehouse:
        with transaction(other) as connection:
            if other.is_postgresql:
                connection.exec_driver_sql(f"LOCK TABLE {other.schema}.pipeline_settings IN ACCESS EXCLUSIVE MODE")
            began = time.monotonic()
            with pytest.raises(errors.LockedError) as caught:
                put(warehouse, "waited")
            assert 0.2 < time.monotonic() - began < 5
            assert caught.value.retryable
        put(warehouse, "later")
        assert names(warehouse) == ["later"]


def test_m52_a_lock_that_is_let_go_in_time_is_only_waited_for(migrated_url: str) -> None:
    """The writer's statement goes through as soon as the other session ends."""
    with opened(migrated_url) as other, opened(migrated_url, lock_wait_s=20) as warehouse:
        held, end = threading.Event(), threading.Event()

        def hold() -> None:
            with transaction(other) as connection:
                if other.is_postgresql:
                    connection.exec_driver_sql(f"LOCK TABLE {other.schema}.pipeline_settings")
                held.set()
                end.wait(20)

        holder = threading.Thread(target=hold)
        holder.start()
        assert held.wait(20)
        threading.Timer(0.3, end.set).start()
        put(warehouse, "waited")
        holder.join()
        assert names(warehouse) == ["waited"]


def test_m52_analysts_never_wait_for_an_open_transaction_of_ours(migrated_url: str) -> None:
    """They read the rows as they were before it, at once."""
    with opened(migrated_url) as warehouse, opened(migrated_url, lock_wait_s=0.2) as analyst:
        with transaction(warehouse) as connection:
            connection.execute(insert(PIPELINE_SETTINGS), {"name": "new", "value": ""})
            began = time.monotonic()
            assert names(analyst) == []
            assert time.monotonic() - began < 1
        assert names(analyst) == ["new"]


@pytest.mark.postgresql
@pytest.mark.parametrize("warehouse_kind", ["postgresql"])
@pytest.mark.parametrize("past_sqlalchemy", [False, True], ids=["SQLAlchemy", "driver"])
def test_m47_a_connection_that_breaks_undoes_the_transaction(
    warehouse: Warehouse, postgresql_server, past_sqlalchemy: bool
) -> None:
    """Whether SQLAlchemy notices or the driver, as in a COPY; the next transaction gets a new connection."""
    with pytest.raises(errors.WarehouseUnavailableError), transaction(warehouse) as connection:  # noqa: PT012
        connection.execute(insert(PIPELINE_SETTINGS), {"name": "lost", "value": ""})
        driver = connection.connection.driver_connection
        postgresql_server.execute(f"SELECT pg_terminate_backend({driver.info.backend_pid}, 5000)")
        driver.execute("SELECT 1") if past_sqlalchemy else connection.exec_driver_sql("SELECT 1")
    assert names(warehouse) == []


def test_m51_a_full_disk_stops_and_leaves_everything_as_it_was(warehouse: Warehouse) -> None:
    """SQLite at its page limit; PostgreSQL's own error for a full disk."""
    put(warehouse, "kept")
    with pytest.raises(errors.WarehouseFullError), transaction(warehouse) as connection:  # noqa: PT012
        if warehouse.is_postgresql:
            connection.exec_driver_sql("DO $$ BEGIN RAISE 'full' USING ERRCODE = 'disk_full'; END $$")
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite takes the present size for it
        for number in range(99):
            connection.execute(insert(PIPELINE_SETTINGS), {"name": str(number), "value": "x" * 100_000})
    assert names(warehouse) == ["kept"]


def test_an_error_of_the_database_shows_no_value_of_a_row(warehouse: Warehouse) -> None:
    """Neither the message nor the traceback: a repeated key, a value that does not fit, one that cannot be sent."""
    put(warehouse, CANARY)
    with pytest.raises(errors.SchemaConflictError) as repeated:
        put(warehouse, CANARY)
    caught = [repeated]
    if warehouse.is_postgresql:
        with pytest.raises(errors.SchemaConflictError) as misfit, transaction(warehouse) as connection:
            connection.exec_driver_sql("SELECT %s::text::bigint", (CANARY,))
        with pytest.raises(errors.WarehouseError) as unsendable:
            put(warehouse, CANARY + "\x00")
        caught += [misfit, unsendable]
    for problem in caught:
        assert CANARY not in "".join(traceback.format_exception(problem.value))
    if warehouse.is_postgresql:
        assert "23505 UniqueViolation, table pipeline_settings, key pk_pipeline_settings" in repeated.value.message


CODES = {
    "08006": errors.WarehouseUnavailableError,
    "22003": errors.SchemaConflictError,
    "23502": errors.SchemaConflictError,
    "25006": errors.PermissionError,
    "28P01": errors.PermissionError,
    "3F000": errors.NotMigratedError,
    "40001": errors.DeadlockError,
    "40P01": errors.DeadlockError,
    "42501": errors.PermissionError,
    "42703": errors.SchemaConflictError,
    "42804": errors.SchemaConflictError,
    "42P01": errors.NotMigratedError,
    "42P10": errors.SchemaConflictError,
    "53100": errors.WarehouseFullError,
    "53200": errors.WarehouseFullError,
    "53300": errors.WarehouseUnavailableError,
    "55P03": errors.LockedError,
    "57014": errors.WarehouseUnavailableError,
    "57P01": errors.WarehouseUnavailableError,
    "57P03": errors.WarehouseUnavailableError,
    "XX001": errors.WarehouseError,
}


@pytest.mark.postgresql
@pytest.mark.parametrize("warehouse_kind", ["postgresql"])
def test_each_code_of_postgresql_has_its_error(warehouse: Warehouse) -> None:
    """The kind, the code, and not a word of what the server said."""
    for code, expected in CODES.items():
        statement = f"DO $$ BEGIN RAISE '{CANARY}' USING ERRCODE = '{code}', DETAIL = '{CANARY}'; END $$"
        with pytest.raises(errors.PipelineError) as caught, transaction(warehouse) as connection:
            connection.exec_driver_sql(statement)
        assert (code, expected) == (code, type(caught.value))
        assert code in caught.value.message
        assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.postgresql
@pytest.mark.parametrize("warehouse_kind", ["postgresql"])
def test_m58_grants_indexes_comments_and_views_are_still_there_after_runs(
    warehouse: Warehouse, lander_class, postgresql_server
) -> None:
    """Migrating again, checking, landing and purging change nothing of what others have built on the tables."""
    database, schema = str(warehouse.engine.url.database), warehouse.schema
    for statement in (
        f"CREATE VIEW {schema}.mine AS SELECT * FROM {schema}.walks",
        f"CREATE INDEX own ON {schema}.walks (verdict)",
        f"GRANT SELECT ON {schema}.walks TO PUBLIC",
        f"COMMENT ON VIEW {schema}.mine IS 'ours'",
    ):
        postgresql_server.execute(statement, database)
    catalogue = f"""
        SELECT c.oid, relname, relkind, relacl::text, obj_description(c.oid) FROM pg_class c
        WHERE relnamespace = '{schema}'::regnamespace ORDER BY 1"""
    before = postgresql_server.execute(catalogue, database)
    for _ in range(3):
        migrate(warehouse)
        require_migrated(warehouse)
        lander_class(warehouse).land()
    assert before == postgresql_server.execute(catalogue, database)
    assert postgresql_server.execute(f"SELECT count(*) FROM {schema}.mine", database) == [(3,)]


@pytest.mark.postgresql
@pytest.mark.parametrize("warehouse_kind", ["postgresql"])
def test_m67_the_zones_of_machine_session_and_server_change_no_stored_time(
    warehouse: Warehouse, lander_class, monkeypatch: pytest.MonkeyPatch, postgresql_server
) -> None:
    """What was landed in Tokyo is read as the same instant in New York."""
    database = str(warehouse.engine.url.database)
    postgresql_server.execute(f"ALTER DATABASE {database} SET timezone = 'Asia/Tokyo'")
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        walk = lander_class(warehouse).land()
        stored = f"SELECT (snapshot_at AT TIME ZONE 'UTC')::text FROM {warehouse.schema}.walks"
        assert postgresql_server.execute(stored, database) == [("2026-11-23 09:30:00.123456",)]
        assert walk.snapshot_at == lander_class.start
    finally:
        monkeypatch.undo()
        time.tzset()
