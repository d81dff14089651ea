"""Problems of the machine, such as no home, closed streams, a full disk or missing rights, have clear messages."""

from __future__ import annotations

import subprocess

import pytest

NO_ONE = [
    *("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "--bounding-set=-all,+dac_read_search"),
    *("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search", "env", "-u", "HOME"),
]
"""A user without a home or passwd entry, who may read everything in case only root can read Python's files."""


def mounted(script: str) -> list[str]:
    """A program that runs the command in a separate mount namespace, prepared by a script."""
    return ["unshare", "--mount", "sh", "-ec", f'{script}\nexec "$@"', "sh"]


def closed(streams: str) -> list[str]:
    """A program that runs the command with standard streams closed."""
    return ["sh", "-c", f'exec "$@" {streams}', "sh"]


def needs(*program: str) -> pytest.MarkDecorator:
    """Skip if the tests may not change users or mount."""
    try:
        done = subprocess.run([*program, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return pytest.mark.skip(reason=f"there is no {program[0]}")
    return pytest.mark.skipif(done.returncode != 0, reason=f"{program[0]} is not permitted")


may_mount = needs(*mounted("mount -t tmpfs tmpfs /mnt"))


@needs(*NO_ONE)
def test_m79_a_user_without_a_home_is_told_what_needs_one(process):
    """`~` is a wrong setting; nothing else needs a home, so the error is that of the missing server."""
    home = process("status", variables={"INODE_WAREHOUSE_URL": "sqlite:///~/x.db"}, within=NO_ONE)
    away = process("status", variables={"INODE_WAREHOUSE_URL": "postgresql://u@away.invalid/x"}, within=NO_ONE)

    assert (home.code, home.stderr.splitlines()[0]) == (
        2,
        "[ConfigError] INODE_WAREHOUSE_URL: ~ is nobody's home folder on this machine; write the whole path.",
    )
    assert (away.code, away.stderr[:27]) == (3, "[WarehouseUnavailableError]")


@needs(*NO_ONE)
@pytest.mark.slow
def test_m79_a_user_without_a_home_can_run_everything(process, tmp_path):
    """The demo, its tables and its report work in a folder that the user may write to."""
    tmp_path.chmod(0o777)
    demo = process("demo", within=NO_ONE)
    variables = {"INODE_WAREHOUSE_URL": "sqlite:///data/demo.db"}
    told = [process(command, variables=variables, within=NO_ONE) for command in ("status", "report")]

    assert [0, 0, 0] == [ended.code for ended in (demo, *told)], [ended.stderr for ended in (demo, *told)]


@pytest.mark.parametrize("streams", ["2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_m79_a_closed_or_full_standard_error_stops_nothing(process, account, streams):
    """The sync is loaded even if its warnings cannot be printed."""
    ended = process("sync", variables=account, within=closed(streams))
    status = process("status", variables=account)

    assert (0, "") == (ended.code, ended.stderr)
    assert status.stdout.startswith("Links: complete, 30 rows")


@pytest.mark.parametrize("streams", ["2>/dev/full", "<&- 2>&-"])
def test_m79_without_standard_error_json_still_has_the_failure(process, streams):
    """The exit code and the object on standard output do not change."""
    ended = process("sync", "--json", variables={"INODE_PAGE_SIZE": "many"}, within=closed(streams))

    assert (2, "ConfigError") == (ended.code, ended.json["error"])


def test_m79_questions_without_standard_input_say_so(process):
    """`init` treats a closed standard input like an empty one."""
    ended = process("init", within=closed("<&-"))

    assert (2, "[ConfigError] Standard input ended before all questions were answered.") == (
        ended.code,
        ended.stderr.splitlines()[-2],
    )


@may_mount
def test_m79_a_full_temporary_folder_is_named_with_what_is_free_there(process, account, emulator, tmp_path):
    """SQLite does not say which disk is full, so the message does."""
    (tmp_path / "small").mkdir()
    small = mounted(f"mount -t tmpfs -o size=4k tmpfs {tmp_path}/small; echo x > {tmp_path}/small/x")
    emulator.state.records = [{"id": n, "name": "x" * 3000} for n in range(3000)]
    variables = {**account, "TMPDIR": f"{tmp_path}/small"}
    ended = process("sync", variables=variables, within=small)

    assert (1, f"[WarehouseFullError] The SQLite file {tmp_path}/data/inode.db, or the folder {tmp_path}/small") == (
        ended.code,
        ended.stderr.split(" of its")[0],
    )
    assert " of its temporary files (0.0 MB free), has no room left." in ended.stderr
    assert "SQLITE_TMPDIR" in ended.stderr
    assert process("status", variables=variables, within=small).code == 0


def test_m79_a_missing_temporary_folder_changes_nothing(process, account):
    """Python and SQLite use another one."""
    assert process("sync", variables={**account, "TMPDIR": "/nowhere/at-all"}).code == 0


@may_mount
@pytest.mark.parametrize("command", [["sync"], ["demo"], ["migrate"], ["inspect", "--write", "map.toml"]])
def test_m79_a_read_only_file_system_is_named_by_whoever_writes(process, account, tmp_path, command):
    """The message names the file and says that its file system is read-only."""
    ended = process(*command, variables=account, within=read_only(tmp_path))

    assert ended.code in (1, 2)
    assert (str(tmp_path) if command[0] != "inspect" else "map.toml") in ended.stderr
    assert "ead-only file system" in ended.stderr
    assert "unexpected error" not in ended.stderr


def read_only(folder) -> list[str]:
    """A program that runs the command in a folder on a read-only file system."""
    return mounted(f"mount --bind {folder} {folder}; mount -o remount,bind,ro {folder}; cd {folder}")


READERS = [["status"], ["query", "data_freshness"], ["migrate", "--check"]]


@may_mount
@pytest.mark.parametrize("command", READERS)
def test_m79_what_only_reads_works_on_a_read_only_file_system(process, account, tmp_path, command):
    """A mounted backup can be read."""
    assert process("sync", variables=account).code == 0
    ended = process(*command, variables=account, within=read_only(tmp_path))

    assert (0, "") == (ended.code, ended.stderr)


@needs(*NO_ONE)
@pytest.mark.parametrize("command", READERS)
def test_m79_what_only_reads_works_for_a_user_who_may_not_write(process, account, tmp_path, command):
    """Analysts are other users than that of the nightly run; nothing is left in the folder."""
    assert process("sync", variables=account).code == 0
    for path in (tmp_path / "data", tmp_path / "data" / "inode.db"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    before = sorted((tmp_path / "data").iterdir())
    ended = process(*command, variables=account, within=NO_ONE)

    assert (0, "") == (ended.code, ended.stderr)
    assert before == sorted((tmp_path / "data").iterdir())


@pytest.mark.parametrize("command", [["status"], ["sync"], ["demo"]])
def test_m79_a_removed_current_folder_is_named(process, account, tmp_path, command):
    """As in a cron job whose folder was replaced."""
    gone = ["sh", "-ec", 'mkdir gone; cd gone; rmdir ../gone; exec "$@"', "sh"]
    relative = {**account, "INODE_WAREHOUSE_URL": "sqlite:///data/x.db"}
    ended = process(*command, variables=relative, within=gone)

    assert ended.code == 2
    assert "current folder has been removed" in ended.stdout + ended.stderr
