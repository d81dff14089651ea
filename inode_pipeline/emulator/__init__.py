"""A small iNode for development and demonstrations. It and the pipeline do not import each other."""

from __future__ import annotations

from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.server import EmulatorServer, serve

__all__ = ["EmulatorConfig", "EmulatorServer", "serve"]
