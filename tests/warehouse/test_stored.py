"""The zone that a warehouse was filled with stays."""

from __future__ import annotations

import pytest

from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.engine import Warehouse, transaction
from inode_pipeline.warehouse.stored import agreed_zone, store_zone, stored_zone


def test_the_first_load_stores_the_zone_and_later_ones_must_have_it(warehouse: Warehouse) -> None:
    """Another one is a wrong setting, told with both names; none at all takes the stored one."""
    assert stored_zone(warehouse) is None
    assert agreed_zone(warehouse, None) is None
    assert agreed_zone(warehouse, "America/Toronto") == "America/Toronto"
    for _ in range(2):
        with transaction(warehouse) as connection:
            store_zone(connection, "America/Toronto")
    assert stored_zone(warehouse) == "America/Toronto"
    assert agreed_zone(warehouse, None) == "America/Toronto"
    with pytest.raises(ConfigError, match="America/Toronto"), transaction(warehouse) as connection:
        store_zone(connection, "UTC")
    with pytest.raises(ConfigError, match="INODE_TIMEZONE='UTC'"):
        agreed_zone(warehouse, "UTC")
