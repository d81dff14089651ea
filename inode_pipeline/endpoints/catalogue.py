"""Every endpoint there is: each module of this folder that declares an `Endpoint` is found by itself.

So a new endpoint costs one file here and no entry in a list.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from inode_pipeline import endpoints
from inode_pipeline.endpoints.endpoint import Endpoint


@cache
def all_endpoints() -> dict[str, Endpoint]:
    """Each declared endpoint by its name, in the order of the modules' names."""
    modules = [import_module(f"{endpoints.__name__}.{found.name}") for found in iter_modules(endpoints.__path__)]
    return {thing.name: thing for module in modules for thing in vars(module).values() if isinstance(thing, Endpoint)}


def mapped_sources(endpoint: Endpoint) -> tuple[str, ...]:
    """The sources that a field map has named for this endpoint's columns; none if it is as it was declared."""
    return tuple(path for column in endpoint.columns if column.is_mapped for path in column.sources)
