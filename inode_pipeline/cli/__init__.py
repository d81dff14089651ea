"""The command `inode-pipeline`: one file a command, `commands.py` gathers them, `failure.py` says what went wrong.

Nothing heavier than click is imported at the top of these files: `--help` answers at once.
"""
