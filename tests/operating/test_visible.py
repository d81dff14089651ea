"""What the pages of the assets show: over GraphQL, as the UI asks for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.operating.conftest import Backfills, LastNights
from tests.operating.processes import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.postgresql, pytest.mark.xdist_group("operating"), pytest.mark.timeout(600)]

TABLES = ("links", "link_versions", "link_snapshots", "link_observations")

DEFINED = """
query Defined($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  description groupName kinds dependencyKeys { path }
  assetChecksOrError { ... on AssetChecks { checks { name description } } }
  metadataEntries { label ... on TextMetadataEntry { text } ... on TableSchemaMetadataEntry {
    schema { columns { name type description constraints { nullable unique } } } } } } } }
"""
MADE = """
query Made($key: AssetKeyInput!, $partition: String!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  assetMaterializations(partitions: [$partition], limit: 1) { metadataEntries { label __typename
    ... on IntMetadataEntry { intValue } ... on FloatMetadataEntry { floatValue } ... on TextMetadataEntry { text }
    ... on TableMetadataEntry { table { records schema { columns { name } } } } } } } } }
"""


def entries(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["label"]: entry for entry in found["metadataEntries"]}


@pytest.fixture
def day(deployment: LastNights, backfills: Backfills) -> str:
    """A date that is loaded."""
    return str(deployment.landed[0])


@pytest.mark.parametrize("asset", ["raw_links", *TABLES])
def test_an_asset_says_what_it_is_before_any_run(deployment: LastNights, asset: str) -> None:
    """Description, kinds, group, the table's name and each column with its type and description."""
    wait_for("the code location", lambda: deployment.ask("{ assetNodes { id } }")["assetNodes"])
    node = deployment.ask(DEFINED, key={"path": [asset]})["assetNodeOrError"]
    assert node["description"]
    assert set(node["kinds"]) == ({"json"} if asset == "raw_links" else {"table", "pandas"})
    assert node["groupName"] == "inode"
    assert node["dependencyKeys"] == ([] if asset == "raw_links" else [{"path": ["raw_links"]}])
    checks = node["assetChecksOrError"]["checks"]
    assert bool(checks) == (asset in ("raw_links", "links"))  # what holds for the others, a load's transaction holds
    assert all(check["description"] for check in checks)
    shown = entries(node)
    assert shown["dagster/table_name"]["text"] == ("raw_pages" if asset == "raw_links" else asset)
    columns = shown["dagster/column_schema"]["schema"]["columns"]
    assert all(column["description"] and column["type"] for column in columns)


def test_every_measure_has_its_unit_in_its_description(deployment: LastNights) -> None:
    """No column that carries a unit in its name is without one in its words."""
    units = {"_m": "m", "_s": "s", "_kmh": "km/h"}
    for asset in TABLES:
        node = deployment.ask(DEFINED, key={"path": [asset]})["assetNodeOrError"]
        for column in entries(node)["dagster/column_schema"]["schema"]["columns"]:
            unit = next((unit for ending, unit in units.items() if column["name"].endswith(ending)), None)
            assert unit is None or f"Unit: {unit}." in column["description"], (asset, column)


@pytest.mark.parametrize(
    ("asset", "numbers"),
    [
        ("raw_links", ("dagster/row_count", "pages", "requests", "received", "walks")),
        ("links", ("dagster/row_count", "received", "inserted", "updated", "unchanged", "vanished", "rejected")),
        ("link_versions", ("dagster/row_count",)),
        ("link_snapshots", ("dagster/partition_row_count",)),
        ("link_observations", ("dagster/partition_row_count", "observations_inserted", "observations_corrected")),
    ],
)
def test_what_happened_on_a_date_can_be_plotted(
    deployment: LastNights, day: str, asset: str, numbers: tuple[str, ...]
) -> None:
    """Each count is a number of its own, which the UI plots over the dates."""
    node = deployment.ask(MADE, key={"path": [asset]}, partition=day)["assetNodeOrError"]
    [made] = node["assetMaterializations"]
    shown = entries(made)
    assert {name: shown[name]["__typename"] for name in numbers} == dict.fromkeys(numbers, "IntMetadataEntry")
    assert shown["dagster/table_name"]["text"].endswith("raw_pages" if asset == "raw_links" else asset)


def test_the_first_rows_are_a_table(deployment: LastNights, day: str) -> None:
    """The preview of each table has its first ten rows."""
    made = {}
    for asset in TABLES:
        node = deployment.ask(MADE, key={"path": [asset]}, partition=day)["assetNodeOrError"]
        made[asset] = entries(node["assetMaterializations"][0])
    lengths = {asset: len(shown["preview"]["table"]["records"]) for asset, shown in made.items()}
    assert lengths == dict.fromkeys(TABLES, 10)


def test_a_failure_names_its_page_of_the_docs(deployment: LastNights, backfills: Backfills) -> None:
    """The message of a failed run says where its cause and remedy are."""
    [run] = [run for run in backfills["job"] if run["status"] == "FAILURE"]
    assert "See docs/operations.md#notlandederror" in deployment.sentence(run["runId"])
