"""What the records mean: which field is which column, in which unit. Plain data; no HTTP, no pandas, no SQL.

Each module that declares an `Endpoint` is found by itself: a new endpoint costs one file here and no entry in a list.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from inode_pipeline.endpoints.endpoint import Endpoint


@cache
def all_endpoints() -> dict[str, Endpoint]:
    """Each declared endpoint by its name, in the order of the modules' names."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    return {thing.name: thing for module in modules for thing in vars(module).values() if isinstance(thing, Endpoint)}
