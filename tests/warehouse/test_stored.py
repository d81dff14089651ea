"""The zone and the address that a warehouse was filled with stay, unless somebody changes them on purpose."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.stored import normalised, require_same, store, stored_zone
from inode_pipeline.warehouse.tables import PIPELINE_SETTINGS

SERVER = "https://inode.example/api/"
STAGING = "https://staging.example/api/"


def test_the_first_load_stores_the_zone_and_later_ones_must_have_it(warehouse: Warehouse) -> None:
    """Another one is a wrong setting, named with both; none at all takes the stored one."""
    assert stored_zone(warehouse) is None
    require_same(warehouse, zone="America/Toronto", base_url=None)
    for _ in range(2):
        with transaction(warehouse) as connection:
            store(connection, zone="America/Toronto", base_url=None)
    assert stored_zone(warehouse) == "America/Toronto"
    require_same(warehouse, zone=None, base_url=None)
    with pytest.raises(ConfigError, match="days of America/Toronto"), transaction(warehouse) as connection:
        store(connection, zone="UTC", base_url=None)
    with pytest.raises(ConfigError, match="INODE_TIMEZONE='UTC'"):
        require_same(warehouse, zone="UTC", base_url=None)


def test_m74_the_address_of_the_first_load_is_stored_and_another_one_is_refused(warehouse: Warehouse) -> None:
    """Both addresses are named, and the way to change it on purpose works as it is written."""
    require_same(warehouse, zone=None, base_url=STAGING)
    with transaction(warehouse) as connection:
        store(connection, zone=None, base_url=SERVER)
    with pytest.raises(ConfigError) as caught:
        require_same(warehouse, zone=None, base_url=STAGING)
    assert (SERVER in caught.value.message, STAGING in caught.value.message) == (True, True)
    with pytest.raises(ConfigError), transaction(warehouse) as connection:
        store(connection, zone=None, base_url=STAGING)
    statement = caught.value.remedy.partition("sync again: ")[2].rstrip(".")
    with transaction(warehouse) as connection:
        connection.execute(text(statement))
        store(connection, zone=None, base_url=STAGING)
    require_same(warehouse, zone=None, base_url=STAGING)
    with reading(warehouse) as connection:
        stored = select(PIPELINE_SETTINGS.c.value).where(PIPELINE_SETTINGS.c.name == "base_url")
        assert connection.scalar(stored) == STAGING


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SERVER, "https://inode.example/api"),
        (SERVER, "HTTPS://iNode.Example:443/api/"),
        (SERVER, "https://inode.example./api/"),
        ("http://127.0.0.1:8000/api/", "http://localhost:9000/api/"),
        ("http://[::1]/api/", "http://127.0.0.2:1/other/"),
    ],
)
def test_m74_addresses_of_one_server_are_one(one: str, other: str) -> None:
    """Case, a default port, a closing slash and a dot make no difference, and this machine has one address."""
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    "other",
    [
        STAGING,
        "https://inode.example:8443/api/",
        "https://inode.example/API/",
        "https://inode.example/",
        "http://127.0.0.1/api/",
    ],
)
def test_m74_addresses_of_two_servers_are_two(other: str) -> None:
    """Another host, port or path, or a server of this machine."""
    assert normalised(SERVER) != normalised(other)
