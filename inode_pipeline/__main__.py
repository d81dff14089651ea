"""`python -m inode_pipeline`, and the console script `inode-pipeline`."""

from __future__ import annotations

import gc
import os
import resource
import sys
from io import TextIOWrapper

from inode_pipeline.cli.commands import commands


def main() -> None:
    """Run the command and exit with its code."""
    # A core dump would contain the secrets of the process.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    # Imports create 150,000 objects and hardly any garbage; by default the collector runs 400 times meanwhile.
    gc.set_threshold(50_000)
    _open_closed_streams()
    if isinstance(sys.stdout, TextIOWrapper):  # so that a terminal without UTF-8 does not stop a command
        sys.stdout.reconfigure(errors="backslashreplace")
    commands(prog_name="inode-pipeline")


def _open_closed_streams() -> None:
    """Open standard streams that the caller has closed on /dev/null.

    Otherwise the next file to be opened, such as the warehouse's, would get the stream's number and its output.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - open for good


if __name__ == "__main__":
    main()
