"""The emulator answers as the real server does: one list of requests, sent to both, compared answer by answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.server import EmulatorServer
from tests.reference.answers import body_of, seen
from tests.reference.probes import PROBES
from tests.reference.running import PLAIN
from tests.reference.sides import LINKS, TOKEN, Emulated, Real, Side, get, login_form, token_of


@pytest.fixture(scope="module")
def emulators() -> Iterator[dict[str, Emulated]]:
    """Every emulator of this module by its options."""
    running: dict[str, Emulated] = {}
    yield running
    for one in running.values():
        one.stop()


Both = Callable[..., tuple[Real, Emulated]]


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """The links of every freshly reset reference server as it serves them, once a test has asked one."""
    return []


@pytest.fixture
def both(reference, emulators, records) -> Both:
    """Give a function that returns the real and the emulated server of these options."""

    def serve(**options: Any) -> tuple[Real, Emulated]:
        if not records:
            records.extend(get(Real(reference()), "?page_size=100").json()["results"])
        real = reference(**options)
        key = json.dumps(options, sort_keys=True)
        if key not in emulators:
            emulators[key] = Emulated(real.credentials, options, records)
        emulators[key].hold(records)
        return Real(real), emulators[key]

    return serve


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_emulator_answers_as_the_real_server_does(both, probe):
    """One request has one answer, whichever of the two servers it goes to."""
    real, emulated = both(**probe.options)
    assert seen(probe.send(emulated)) == seen(probe.send(real))


@pytest.mark.parametrize("how", ["expire", "revoke"])
def test_emulator_refuses_a_spent_access_token_as_the_real_server_does(both, how):
    """An expired token and a revoked one are refused alike by both, with the same challenge."""
    answers = []
    for side in both():
        token = token_of(side)["access_token"]
        getattr(side, how)()
        answers.append(seen(get(side, Authorization=f"Bearer {token}")))
    assert answers[1] == answers[0]


def test_emulator_refuses_a_small_scope_as_the_real_server_does(both):
    """A token of another scope is forbidden alike by both."""
    answers = [
        seen(get(side, Authorization=f"Bearer {token_of(side, scope='read')['access_token']}")) for side in both()
    ]
    assert answers[1] == answers[0]


def test_emulator_refreshes_as_the_real_server_does(both):
    """Refresh, use of the old and the new token, second use of the spent one, wider and narrower scope: both agree."""
    stories = [list(refresh_story(side)) for side in both()]
    assert stories[1] == stories[0]


def refresh_story(side: Side) -> Iterator[Any]:
    """Tell what both must agree on when tokens are refreshed."""

    def refresh(token: str, **more: str) -> httpx.Response:
        form = login_form(
            side, grant_type="refresh_token", refresh_token=token, username=None, password=None, scope=None
        )
        return httpx.post(side.base_url + TOKEN, data=form | more, **PLAIN)

    old = token_of(side)
    answer = refresh(old["refresh_token"])
    new = answer.json()
    yield "refreshed", seen(answer), new["refresh_token"] == old["refresh_token"]
    yield "old token", seen(get(side, Authorization=f"Bearer {old['access_token']}"))
    yield "new token", get(side, Authorization=f"Bearer {new['access_token']}").status_code
    yield "again", seen(refresh(old["refresh_token"]))
    yield "new token after that", get(side, Authorization=f"Bearer {new['access_token']}").status_code
    yield "wider", seen(refresh(token_of(side, scope="read")["refresh_token"], scope="sync"))
    yield "narrower", seen(refresh(token_of(side, scope="sync read")["refresh_token"], scope="read"))
    yield "other client", seen(refresh(token_of(side)["refresh_token"], client_secret="wrong"))
    pair = token_of(side)
    side.expire()
    yield "after expiry", seen(refresh(pair["refresh_token"]))
    pair = token_of(side)
    side.revoke()
    yield "after revocation", seen(refresh(pair["refresh_token"]))


def test_emulator_leaves_the_first_token_good_at_a_second_login_as_the_real_server_does(both):
    """Two logins give two tokens, both good, on both servers."""
    answers = []
    for side in both():
        tokens = [token_of(side)["access_token"] for _ in range(2)]
        answers.append([get(side, Authorization=f"Bearer {token}").status_code for token in tokens])
    assert answers == [[200, 200], [200, 200]]


@pytest.mark.parametrize("pagination", ["page", "limit-offset", "cursor"])
@pytest.mark.parametrize("size", [7, 20, 100])
def test_emulator_walks_as_the_real_server_does(both, pagination, size):
    """Following `next` from the first page to null gives the same pages on both."""
    walks = []
    for side in both(pagination=pagination):
        name = "limit" if pagination == "limit-offset" else "page_size"
        body = get(side, f"?{name}={size}").json()
        pages = [body_of(httpx.Response(200, json=body))]
        while body["next"]:
            body = get(side, body["next"].removeprefix(side.base_url + LINKS)).json()
            pages.append(body_of(httpx.Response(200, json=body)))
        if pagination == "cursor":  # the emulator's cursors lead forwards only
            pages = [{**page, "previous": None} for page in pages]
        walks.append(pages)
    assert walks[1] == walks[0]


@pytest.mark.parametrize("pagination", ["page", "limit-offset", "cursor"])
def test_emulator_pages_shift_as_the_real_servers_do_when_links_go(both, pagination):
    """Links removed from pages that were read move the later pages alike."""
    stories = []
    for side in both(pagination=pagination):
        link = get(side, SEVEN[pagination]).json()["results"]
        story = [page_at(side, SEVEN[pagination])]
        for gone in (link[6], link[0]):
            side.delete(gone["id"])
            story.append(page_at(side, story[-1]["next"].removeprefix(side.base_url + LINKS)))
        stories.append([[record["id"] for record in page["results"]] for page in story])
    assert stories[1] == stories[0]


SEVEN = {"page": "?page_size=7", "limit-offset": "?limit=7", "cursor": "?page_size=7"}


def page_at(side: Side, query: str) -> dict[str, Any]:
    """Fetch a page by its query."""
    return get(side, query).json()


def test_emulator_takes_bearer_in_any_case_as_the_real_server_does(both):
    """The keyword before a token may be written in any case on both, or on neither."""
    statuses = []
    for side in both():
        token = token_of(side)["access_token"]
        statuses.append(
            [get(side, Authorization=f"{word} {token}").status_code for word in ("Bearer", "bearer", "BEARER", "Token")]
        )
    assert statuses[1] == statuses[0]


def test_emulator_makes_links_of_the_same_shape_as_a_real_server_serves(records, both):
    """A synthetic link has the fields of a real serializer in their order, with the same types, and says what it is."""
    real, _ = both()
    config = EmulatorConfig(links=300, api_key=real.credentials["api_key"])
    with EmulatorServer(config) as emulator:
        head = {"Authorization": f"Token {config.api_key}", "Accept": "application/json"}
        address = emulator.base_url + LINKS + "?page_size=300"
        synthetic = httpx.get(address, headers=head, **PLAIN).json()["results"]
    assert {record.pop("is_synthetic") for record in synthetic} == {True}
    assert {tuple(record) for record in synthetic} == {tuple(record) for record in records}
    assert types(synthetic) <= types(records)


def types(records: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Collect the paths of the fields of records with their types; JSON has one kind of number."""
    return {pair for record in records for pair in shape(record)}


def shape(value: Any, path: str = "") -> list[tuple[str, str]]:
    """List the paths of a JSON value with their types, in order; the elements of a list share one path."""
    if isinstance(value, dict):
        inner = [pair for name, part in value.items() for pair in shape(part, f"{path}.{name}")]
        return [(path, "object"), *inner]
    if isinstance(value, list):
        inner = [pair for part in value for pair in shape(part, f"{path}[]")]
        return list(dict.fromkeys([(path, "list"), *inner]))
    return [(path, "number" if type(value) in (int, float) else type(value).__name__)]
