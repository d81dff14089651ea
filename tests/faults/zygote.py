"""Runs the command again and again, each time in a process of its own, without paying for the imports each time.

A line of JSON on standard input asks for a run: `arguments`, `variables` (the whole environment), `folder`, `output`
(a file for both outputs) and how it ends: `kill_at` a point of `kill_points.py`, `stop_at` one to be continued by
somebody, or `kill_after_s`, wherever it is then, also in the middle of a system call. With `log_everything` every
logger of every library speaks. A line of JSON answers with the process's number, and a second one, when it has ended,
with the exit code, negative for a signal.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from typing import Any

from kill_points import arm  # beside this file

NEVER = 10**9


def run(wanted: dict[str, Any]) -> None:
    """Become the command. Does not return."""
    output = os.open(wanted["output"], os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, replaced in enumerate((nothing, output, output)):
        os.dup2(replaced, number)
    os.environ.clear()
    os.environ.update(wanted["variables"])
    os.chdir(wanted["folder"])
    sys.argv = ["inode-pipeline", *wanted["arguments"]]
    from inode_pipeline.__main__ import main

    if wanted.get("log_everything"):
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, force=True)
    if wanted.get("kill_after_s"):
        signal.setitimer(signal.ITIMER_REAL, wanted["kill_after_s"])  # SIGALRM, which nobody handles
    how = signal.SIGSTOP if wanted.get("stop_at") else signal.SIGKILL
    arm(wanted.get("kill_at") or wanted.get("stop_at") or NEVER, wanted["output"] + ".points", how)
    code = 70
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.setprofile(None)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until standard input ends."""
    import inode_pipeline.api.client
    import inode_pipeline.cli.commands
    import inode_pipeline.cli.output
    import inode_pipeline.cli.sync
    import inode_pipeline.sync
    import inode_pipeline.warehouse.migrate  # noqa: F401 - all of it is wanted only to be there

    _say("ready")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(json.loads(line))
        _say(json.dumps({"pid": child}))
        _, status = os.waitpid(child, 0)
        _say(json.dumps({"code": os.waitstatus_to_exitcode(status)}))


if __name__ == "__main__":
    main()
