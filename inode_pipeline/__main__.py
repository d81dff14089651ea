"""`python -m inode_pipeline`, and the console script `inode-pipeline`."""

from __future__ import annotations

import os
import resource
import sys
from io import TextIOWrapper

from inode_pipeline.cli.commands import commands


def main() -> None:
    """Run the command that the arguments name, then exit with its code."""
    # A core dump would hold the secrets of the process.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    _open_closed_streams()
    if isinstance(sys.stdout, TextIOWrapper):  # a terminal without UTF-8 must not end a command
        sys.stdout.reconfigure(errors="backslashreplace")
    commands(prog_name="inode-pipeline")


def _open_closed_streams() -> None:
    """A standard stream that the caller closed leads to /dev/null.

    Otherwise the next file to be opened, such as the warehouse's, would get its number and whatever is printed there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - open for good


if __name__ == "__main__":
    main()
