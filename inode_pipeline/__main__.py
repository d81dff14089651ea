"""`python -m inode_pipeline`, and the console script `inode-pipeline`."""

from __future__ import annotations

import resource
import sys
from io import TextIOWrapper

from inode_pipeline.cli.commands import commands


def main() -> None:
    """Run the command that the arguments name, then exit with its code."""
    # A core dump would hold the secrets of the process.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if isinstance(sys.stdout, TextIOWrapper):  # a terminal without UTF-8 must not end a command; None if it is closed
        sys.stdout.reconfigure(errors="backslashreplace")
    commands(prog_name="inode-pipeline")


if __name__ == "__main__":
    main()
