"""A small iNode to develop and demonstrate against. Neither it nor the pipeline imports the other."""

from __future__ import annotations

from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.server import EmulatorServer, serve

__all__ = ["EmulatorConfig", "EmulatorServer", "serve"]
