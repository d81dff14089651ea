"""`python -m inode_pipeline`, and the console script `inode-pipeline`."""

from __future__ import annotations

from inode_pipeline.cli.commands import commands


def main() -> None:
    """Run the command that the arguments name, then exit with its code."""
    commands(prog_name="inode-pipeline")


if __name__ == "__main__":
    main()
