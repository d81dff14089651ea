"""`python -m inode_pipeline`, and the console script `inode-pipeline`."""

from __future__ import annotations

import resource

from inode_pipeline.cli.commands import commands


def main() -> None:
    """Run the command that the arguments name, then exit with its code."""
    # A core dump would hold the secrets of the process.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    commands(prog_name="inode-pipeline")


if __name__ == "__main__":
    main()
