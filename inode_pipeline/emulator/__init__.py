"""A small iNode to develop and demonstrate against. It knows nothing of the pipeline, nor the pipeline of it."""

from __future__ import annotations

from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.server import EmulatorServer, serve

__all__ = ["EmulatorConfig", "EmulatorServer", "serve"]
