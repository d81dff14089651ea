"""The command `inode-pipeline`: a file for each command; `commands.py` has the group, `failure.py` reports errors.

These files import nothing heavier than click at the top, so that `--help` is fast.
"""
