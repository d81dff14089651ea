"""The code location `inode_pipeline`: all definitions in `defs`."""

import warnings

import dagster as dg

# Dagster warns on every load that this function is in preview.
warnings.filterwarnings("ignore", category=dg.PreviewWarning, message=r"Function `load_definitions_from")

from inode_pipeline import defs as declared  # noqa: E402 - the filters come first
from inode_pipeline.defs.resources import InodeResource  # noqa: E402 - as above

defs = dg.load_definitions_from_package_module(
    declared, resources={"inode": InodeResource()}, executor=dg.in_process_executor
)
