"""A page in, a typed page out: what most tests of the normaliser need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.normalise import Batch, Normaliser


@pytest.fixture(scope="session")
def link() -> Callable[..., dict[str, Any]]:
    """A small link as the API may send it; what is given by name is added or changed."""

    def make(**changes: Any) -> dict[str, Any]:
        return {"id": 1, "name": "A to B"} | changes

    return make


@pytest.fixture(scope="session")
def mapped() -> Callable[..., Endpoint]:
    """The links endpoint with fields of one of its columns replaced."""

    def change(name: str, **changes: Any) -> Endpoint:
        columns = tuple(replace(c, **changes) if c.name == name else c for c in LINKS.columns)
        return replace(LINKS, columns=columns)

    return change


@pytest.fixture(scope="session")
def typed() -> Callable[..., Batch]:
    """One page of records, typed."""

    def page(*records: Any, endpoint: Endpoint = LINKS) -> Batch:
        return Normaliser(endpoint).page(1, list(records))

    return page


@pytest.fixture(scope="session")
def one(typed: Callable[..., Batch], link: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    """What a column makes of one value under one field: the value, None for NULL, or the reason of its rejection."""

    def value(column: str, field: str, raw: Any, endpoint: Endpoint = LINKS) -> Any:
        batch = typed(link(**{field: raw}), endpoint=endpoint)
        if len(batch.rejected):
            assert list(batch.rejected["field"]) == [field]
            assert len(batch.frame) == 0
            return f"rejected: {batch.rejected['reason'][0]}"
        result = batch.frame[column][0]
        return None if pd.isna(result) else result

    return value
