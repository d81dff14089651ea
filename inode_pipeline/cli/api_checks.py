"""The checks of `doctor` that call the API: address and TLS, login and scope, first page, fields, units, order.

They read only the first page, a few times. The class of an error from `INodeClient` shows which check failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from inode_pipeline.cli.local_checks import Finding, failed, ok, skipped, warning
from inode_pipeline.errors import CredentialsError, PipelineError, UnitsError, UnstableOrderError
from inode_pipeline.text import visible_lines

if TYPE_CHECKING:
    from inode_pipeline.api.client import INodeClient
    from inode_pipeline.api.pagination import Page
    from inode_pipeline.config import Settings
    from inode_pipeline.endpoints.endpoint import Endpoint
    from inode_pipeline.normalise import Normaliser

PATIENCE_S = 30
"""Enough for a slow answer, but much less than in a nightly run, because a person is waiting."""

ADDRESS, LOGIN, PAGE, FIELDS, UNITS, ORDER = STAGES = ("address", "login", "first page", "fields", "units", "order")
MEASUREMENTS = "measurements"
"""Reported only if there are none."""


def api(settings: Settings) -> Iterator[Finding]:
    """Make the checks in order; those after a failed one are skipped."""
    left = list(STAGES)
    try:
        for finding in _checks(settings):
            left = [stage for stage in left if stage != finding.check]
            yield finding
    except PipelineError as problem:
        if isinstance(problem, CredentialsError) and ADDRESS in left:
            yield _address(settings)  # the server answered, with a refusal
            left.remove(ADDRESS)
        yield failed(left[0], problem)
        if rest := ", ".join(left[1:]):
            yield skipped(rest, "not checked")


def _checks(settings: Settings) -> Iterator[Finding]:
    from inode_pipeline.api.client import INodeClient
    from inode_pipeline.api.retry import Deadline
    from inode_pipeline.endpoints.links import LINKS

    endpoint = settings.endpoint(LINKS)
    with INodeClient(settings, deadline=Deadline(PATIENCE_S), purpose="doctor") as client:
        client.log_in()  # does nothing with an API key, which is sent with the first page
        if settings.auth == "oauth2":
            yield _address(settings)
            yield ok(LOGIN, f"accepted, with the scope {client.granted_scope}")
        page = _first_page(client, endpoint)
        if settings.auth == "api_key":
            yield _address(settings)
            yield ok(LOGIN, "the API key is accepted")
        yield from _about_page(page, endpoint, settings)
        yield _order(client, endpoint, page)


def _address(settings: Settings) -> Finding:
    trusted = ", and its certificate is trusted" if settings.base_url.startswith("https:") else ""
    return ok(ADDRESS, f"{settings.base_url} answers{trusted}")


def _first_page(client: INodeClient, endpoint: Endpoint) -> Page:
    return next(client.pages(endpoint.path))


def _about_page(page: Page, endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    records, count = page.answer.records, page.answer.count
    if count is None and page.answer.next is not None:
        no_count = "The API gives no count, so a walk can be confirmed by another one but never proven."
        yield warning(PAGE, f"{len(records)} records. {no_count}", "Receipts will say `confirmed` or `unverified`.")
    else:
        yield ok(PAGE, f"{len(records)} records of {len(records) if count is None else count}")
    if not records:
        yield skipped(FIELDS, "the page has no records")
        yield skipped(UNITS, "the page has no records")
        return
    yield _fields(records, endpoint)
    yield from _types_and_units(records, endpoint, settings)


def _fields(records: Sequence[object], endpoint: Endpoint) -> Finding:
    """Which columns have a field. The next check requires some of them."""
    from inode_pipeline.analysis.inspect import inspect_page

    fed = {row.column for row in inspect_page(endpoint, records)}
    derived = endpoint.free_flow
    if derived is not None and {derived.length, derived.speed} <= fed:
        fed.add(derived.time)
    empty = [column.name for column in endpoint.columns if column.kind != "rest" and column.name not in fed]
    if not empty:
        return ok(FIELDS, "every column has a field")
    text = f"no field for {', '.join(empty)}"
    return warning(FIELDS, text, "They stay NULL. `inode-pipeline inspect` shows the fields to name in a field map.")


def _types_and_units(records: Sequence[object], endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    from inode_pipeline.normalise import Normaliser

    normaliser = Normaliser(endpoint)
    batch = normaliser.page(1, records)
    try:
        normaliser.check(None, settings.max_rejected_fraction)
    except UnitsError as problem:
        yield failed(UNITS, problem)
        return
    except PipelineError as problem:
        yield failed(FIELDS, problem)
        return
    if batch.no_data == batch.rows - len(batch.set_aside):
        yield _nothing_measured(normaliser)
    if normaliser.units_checked:
        yield ok(UNITS, f"length, time and speed agree in {normaliser.units_checked} records")
        return
    yield warning(
        UNITS,
        "not checked: no record of the page has length, travel time and speed.",
        "Compare a link with what iNode shows; correct fields and units in a field map.",
    )


def _nothing_measured(normaliser: Normaliser) -> Finding:
    unread = ", ".join(map(visible_lines, normaliser.unread_measurements))
    return warning(
        MEASUREMENTS,
        "no record of the page has a speed or a travel time with its time of measurement."
        + (f" These objects have such fields but are not read: {unread}." if unread else ""),
        "`inode-pipeline inspect` shows the fields; name the right ones in INODE_FIELD_MAP_FILE.",
    )


def _order(client: INodeClient, endpoint: Endpoint, page: Page) -> Finding:
    """Two readings of the first page must agree; a third one allows for a link that is added in between."""
    from inode_pipeline.endpoints.record import read_key

    def keys(of: Page) -> list[str | None]:
        return [read_key(endpoint, record) for record in of.answer.records]

    before = keys(page)
    for _ in range(2):
        now = keys(_first_page(client, endpoint))
        if now == before:
            return ok(ORDER, "two readings of the first page list the same links in the same order")
        before = now
    return failed(
        ORDER,
        UnstableOrderError(
            "Three readings of the first page list the links differently each time.",
            remedy="A sync needs an order that does not change; ask the API's support to sort the links by id.",
        ),
    )
