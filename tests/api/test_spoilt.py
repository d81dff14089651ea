"""Answers with a good status that something between here and the API has cut off or replaced."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inode_pipeline import errors
from inode_pipeline.api.client import INodeClient
from tests.api.servers import Links, Reply, ScriptedServer
from tests.api.stand_ins import FakeTime, told

ClientFor = Callable[..., INodeClient]


def ids(client: INodeClient) -> list[int]:
    return [record["id"] for page in client.pages("v1/links/") for record in page.answer.records]


SPOILT: list[str | bytes] = [
    '{"count": 6, "next": null, "results": [{"id": 4}', '{"count": 6, "results": [{"id": 4}]', '[{"id": 4}, {"na',
    '{"next": null, "results": [{"id": "é'.encode()[:-1], b"\xef\xbb\xbf{", '{"a": 1}<html>', '{"a": oops}',
]  # fmt: skip
MAINTENANCE = ["", " \n", "<!DOCTYPE html><h1>Back at ten</h1>", "upstream connect error"]
OTHER_SHAPES: list[str | bytes] = ['{"detail": "Bonjour."}', "null", '{"results": [{"a": NaN}]}', b'["\xe9"]']


@pytest.mark.parametrize("body", SPOILT + MAINTENANCE)
def test_m71_a_good_status_with_a_spoilt_page_is_asked_for_again(
    client_for: ClientFor, server: ScriptedServer, body: str | bytes
) -> None:
    """JSON that is cut off, and after a good page one that is empty or for people: transient, as a 503 is."""
    links = Links(server, list(range(9)))
    good = links.answer
    faults = iter([Reply(200, body)] * 3)
    server.pages = lambda sent: next(faults, None) or good(sent) if sent.query.get("page") == "2" else good(sent)
    client = client_for(server.base_url)
    assert ids(client) == list(range(9))
    assert (client.tally.requests, client.tally.retries) == (6, 3)


@pytest.mark.parametrize("body", SPOILT + MAINTENANCE)
def test_m71_a_page_that_is_spoilt_every_time_is_unavailable(
    client_for: ClientFor, server: ScriptedServer, body: str | bytes, fake_time: FakeTime
) -> None:
    """Exit 3, after the patience of a walk that is going on, and never as the end of the list."""
    links = Links(server, list(range(9)))
    server.pages = lambda sent: Reply(200, body) if sent.query.get("page") == "2" else links.answer(sent)
    with pytest.raises(errors.ApiUnavailableError, match=r"Page 2 .*although the status is good"):
        ids(client_for(server.base_url))
    assert 200 < fake_time.elapsed <= 300


@pytest.mark.parametrize("body", SPOILT)
def test_m71_a_first_page_that_is_cut_off_is_asked_for_again(
    client_for: ClientFor, server: ScriptedServer, body: str | bytes
) -> None:
    """What begins as JSON comes from an API."""
    links = Links(server, [1, 2])
    faults = iter([Reply(200, body)] * 2)
    server.pages = lambda sent: next(faults, None) or links.answer(sent)
    assert ids(client_for(server.base_url)) == [1, 2]


@pytest.mark.parametrize(
    "body", [*MAINTENANCE, '{"detail": "Bonjour."}', "null", '{"results": [{"a": NaN}]}', b'["\xe9"]']
)
def test_m71_what_is_no_page_of_this_api_stops_at_once(
    client_for: ClientFor, server: ScriptedServer, body: str | bytes
) -> None:
    """Before the first good page nothing says that this is the API; JSON of another shape never is a page."""
    server.pages = lambda sent: Reply(200, body)
    with pytest.raises(errors.ApiContractError):
        ids(client_for(server.base_url))
    assert len(server.page_requests) == 1


@pytest.mark.parametrize("body", ['{"access_token": "zebra', "{"])
def test_m71_a_token_cut_off_is_asked_for_again(client_for: ClientFor, server: ScriptedServer, body: str) -> None:
    """And nothing of it is shown."""
    Links(server, [1])
    faults = iter([Reply(200, body)] * 2)
    server.tokens = lambda sent: next(faults, None) or Reply(200, server.issue())
    assert ids(client_for(server.base_url)) == [1]
    server.tokens = lambda sent: Reply(201, body)
    with pytest.raises(errors.ApiUnavailableError) as caught:
        ids(client_for(server.base_url))
    assert "zebra" not in told(caught.value)


def test_m71_a_token_endpoint_in_maintenance_is_waited_for(client_for: ClientFor, server: ScriptedServer) -> None:
    """Once a token of it was good for a page; the first login has no such proof."""
    links = Links(server, list(range(9)))
    links.before_page = lambda number: server.valid_tokens.clear() if number == 2 else None
    faults = iter([Reply(200, server.issue()), Reply(200, "<h1>Back at ten</h1>"), Reply(200, "")])
    server.tokens = lambda sent: next(faults, None) or Reply(200, server.issue())
    assert ids(client_for(server.base_url, concurrency=1)) == list(range(9))
    assert len(server.logins) == 4
