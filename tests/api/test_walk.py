"""Which walk is accepted, on which proof, and what happens to the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inode_pipeline import errors
from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.walk import Known, ProvenWalk, prove_walk
from tests.api.servers import Links, Reply, ScriptedServer, Sent
from tests.api.stand_ins import FakeTime, Store, first_load, identify, loaded

ClientFor = Callable[..., INodeClient]


def walk(client: INodeClient, store: Store, known: Known) -> ProvenWalk:
    return prove_walk(client, "v1/links/", identify=identify, known=known, store=store)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.mark.parametrize("case", [
    ("page", 3, "proven"), ("limit-offset", 3, "proven"), ("cursor", 3, "unverified"),
    ("page", 99, "proven"), ("cursor", 99, "proven"), ("none", 3, "proven"),
], ids=str)  # fmt: skip
def test_m31_a_walk_that_lacks_nothing_is_accepted_at_once(
    client_for: ClientFor, server: ScriptedServer, store: Store, fake_time: FakeTime, case: tuple[str, int, str]
) -> None:
    """Proven by its counts or by being one response; without either it is unverified.

    A bare list is one response only after a second request for what may be behind it.
    """
    form, size, verdict = case
    Links(server, list(range(9)), form=form, size=size)
    proven = walk(client_for(server.base_url), store, loaded(1, 2, 3))
    assert (proven.verdict, proven.received, proven.unreadable) == (verdict, 9, 0)
    probes = int(form == "none")
    assert (proven.pages, proven.requests, proven.logins) == (len(store.current), len(store.current) + probes, 1)
    assert store.ids == list(range(9))
    assert store.begun == [proven.snapshot_at] == [fake_time.start]


@pytest.mark.parametrize("form", ["page", "limit-offset", "cursor", "none"])
def test_a_first_load_is_confirmed_by_a_second_walk(
    client_for: ClientFor, server: ScriptedServer, store: Store, fake_time: FakeTime, form: str
) -> None:
    """The second walk is the accepted one, under its own instant; the first one's pages are gone."""
    links = Links(server, list(range(9)), form=form)
    links.before_page = lambda number: fake_time.sleep(1)
    proven = walk(client_for(server.base_url, concurrency=1), store, first_load())
    pages, probes = len(store.current), int(form == "none")
    requests = 2 * (pages + probes)
    assert (proven.verdict, proven.pages, proven.requests, proven.logins) == ("confirmed", pages, requests, 1)
    assert (store.discarded, len(store.begun), store.ids) == (1, 2, list(range(9)))
    assert proven.snapshot_at == store.begun[1] > store.begun[0]


def test_a_first_load_of_nothing_is_confirmed_too(client_for: ClientFor, server: ScriptedServer, store: Store) -> None:
    """Two empty walks have the same ids."""
    Links(server, [])
    proven = walk(client_for(server.base_url), store, first_load())
    assert (proven.verdict, proven.received, proven.pages) == ("confirmed", 0, 1)


@pytest.mark.parametrize("form", ["page", "cursor", "none"])
def test_m32_links_that_vanish_are_confirmed(
    client_for: ClientFor, server: ScriptedServer, store: Store, form: str
) -> None:
    """A night on which a link vanishes costs twice the requests."""
    Links(server, list(range(9)), form=form)
    proven = walk(client_for(server.base_url), store, loaded(*range(12)))
    assert (proven.verdict, store.discarded, len(store.begun)) == ("confirmed", 1, 2)


def scripted_walks(server: ScriptedServer, *walks: list[int]) -> None:
    """Each walk is one response, whatever is asked for behind it; the list changes from walk to walk."""
    answers = iter(walks)
    present: list[int] = []

    def answer(sent: Sent) -> Reply:
        if "page" not in sent.query:
            present[:] = next(answers)
        return Reply(200, [{"id": link} for link in present])

    server.pages = answer


def test_a_link_lacking_in_different_walks_is_confirmed_by_several(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """Each link the accepted walk lacks was lacking in an earlier one, not all in the same."""
    scripted_walks(server, [2, 3], [1, 3], [3])
    proven = walk(client_for(server.base_url), store, loaded(1, 2, 3))
    assert (proven.verdict, store.ids, len(store.begun)) == ("confirmed", [3], 3)


def test_a_link_that_comes_and_goes_is_never_confirmed_missing(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """Three walks that lack different links prove nothing."""
    scripted_walks(server, [2, 3], [1, 3], [1, 2])
    with pytest.raises(errors.IncompleteWalkError, match="None of 3 walks") as caught:
        walk(client_for(server.base_url), store, loaded(1, 2, 3))
    assert not isinstance(caught.value, errors.UnstableOrderError)
    assert (store.discarded, store.current) == (3, [])


def test_a_first_load_whose_walks_all_differ_is_incomplete(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """Nothing is loaded that was not seen twice; the third walk may confirm the first."""
    scripted_walks(server, [1], [1, 2], [1, 2, 3])
    with pytest.raises(errors.IncompleteWalkError):
        walk(client_for(server.base_url), store, first_load())
    scripted_walks(server, [1], [1, 2], [1])
    other = Store()
    assert walk(client_for(server.base_url), other, first_load()).verdict == "confirmed"
    assert other.ids == [1]


def test_a_second_walk_that_lacks_nothing_needs_no_confirmation(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """The first walk that needs none is accepted."""
    scripted_walks(server, [1, 2], [1, 2, 3])
    assert walk(client_for(server.base_url), store, loaded(1, 2, 3)).verdict == "proven"
    assert store.ids == [1, 2, 3]


@pytest.mark.parametrize("count", [0, 4, 6, 7, 10**30])
def test_m31_m76_a_count_that_does_not_fit_is_never_accepted(
    client_for: ClientFor, server: ScriptedServer, store: Store, count: int
) -> None:
    """Three walks with the same ids and the same wrong count: it is the server's, and waiting would not help."""
    server.pages = lambda sent: Reply(
        200,
        {"count": count, "next": None if "page" in sent.query else "?page=2",
         "results": [{"id": 4}, {"id": 5}] if "page" in sent.query else [{"id": 1}, {"id": 2}, {"id": 3}]},
    )  # fmt: skip
    with pytest.raises(errors.ApiContractError, match=f"count is {count}\\.") as caught:
        walk(client_for(server.base_url), store, loaded())
    assert (len(store.begun), caught.value.exit_code) == (3, 1)


@pytest.mark.parametrize("count", [b"3.0", b"3e0"])
def test_m82_a_count_may_be_written_otherwise(
    client_for: ClientFor, server: ScriptedServer, store: Store, count: bytes
) -> None:
    """As a number with a point; it is compared all the same."""
    server.pages = lambda sent: Reply(200, b'{"count":%s,"next":null,"results":[{"id":1},{"id":2},{"id":3}]}' % count)
    assert walk(client_for(server.base_url), store, loaded()).verdict == "proven"
    server.pages = lambda sent: Reply(200, b'{"count":%s,"next":null,"results":[{"id":1}]}' % count)
    with pytest.raises(errors.ApiContractError, match=r"the count is 3\."):
        walk(client_for(server.base_url), Store(), loaded())


@pytest.mark.parametrize("count", [b"3.5", b"-3", b"true", b'"3"', b"[3]", b"NaN"])
def test_m82_a_count_that_is_no_number_of_records_is_named(
    client_for: ClientFor, server: ScriptedServer, store: Store, count: bytes
) -> None:
    """With what it is instead."""
    server.pages = lambda sent: Reply(200, b'{"count":%s,"next":null,"results":[{"id":1}]}' % count)
    with pytest.raises(errors.ApiContractError, match=r"`count` is .*, not a number of records"):
        walk(client_for(server.base_url), store, loaded())


@pytest.mark.parametrize("changing", ["ids", "count"])
def test_m76_a_wrong_count_of_a_list_that_changes_is_incomplete(
    client_for: ClientFor, server: ScriptedServer, store: Store, changing: str
) -> None:
    """Unless walk after walk is the same, it may be right at another time."""
    walks = iter(range(3))

    def answer(sent: Sent) -> Reply:
        number = next(walks)
        count, link = (9, number) if changing == "ids" else (9 + number, 7)
        return Reply(200, {"count": count, "next": None, "results": [{"id": link}]})

    server.pages = answer
    with pytest.raises(errors.IncompleteWalkError, match="the server counts 9 records and sent 1;"):
        walk(client_for(server.base_url), store, first_load())


def test_a_repeat_within_one_page_is_no_contradiction(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """Both records are received; which one wins is not the walk's business."""
    server.pages = lambda sent: Reply(200, {"count": 3, "next": None, "results": [{"id": 1}, {"id": 1}, {"id": 2}]})
    proven = walk(client_for(server.base_url), store, loaded(1, 2))
    assert (proven.verdict, proven.received) == ("proven", 3)


def test_records_without_an_id_are_counted(client_for: ClientFor, server: ScriptedServer, store: Store) -> None:
    """They stand for no link, and neither prove nor contradict."""
    server.pages = lambda sent: Reply(200, b'[{"id":1},{"name":"x"},{"id":NaN},7]')
    proven = walk(client_for(server.base_url), store, first_load())
    assert (proven.verdict, proven.received, proven.unreadable) == ("confirmed", 4, 3)


def test_pages_without_any_readable_id_are_no_loop(client_for: ClientFor, server: ScriptedServer, store: Store) -> None:
    """Only ids can tell that a page came twice."""
    links = Links(server, list(range(9)))
    links._records = lambda ids: [{"name": str(link)} for link in ids]  # type: ignore[method-assign]
    assert walk(client_for(server.base_url), store, loaded()).unreadable == 9


def test_pages_are_kept_in_order_before_they_are_looked_at(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """The walk begins, then come its pages; the page that contradicts is kept too."""
    links = Links(server, list(range(9)))
    events: list[Any] = []
    store.begin = lambda snapshot_at: events.append("begin")  # type: ignore[method-assign]
    store.page = lambda page: events.append(page.number)  # type: ignore[method-assign]
    store.discard = lambda: events.append("discard")  # type: ignore[method-assign]
    links.before_page = lambda number: links.ids.append(99) if number == 2 else None
    walk(client_for(server.base_url, concurrency=1), store, loaded())
    assert events == ["begin", 1, 2, "discard", "begin", 1, 2, 3, 4]


def test_a_store_that_refuses_to_begin_ends_the_call(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """No page is asked for."""

    def refuse(snapshot_at: Any) -> None:
        raise errors.ClockError("The clock is behind.", remedy="Set it.")

    store.begin = refuse  # type: ignore[method-assign]
    with pytest.raises(errors.ClockError):
        walk(client_for(server.base_url), store, loaded())
    assert server.page_requests == []


def test_all_walks_share_one_deadline(
    client_for: ClientFor, server: ScriptedServer, store: Store, fake_time: FakeTime
) -> None:
    """A walk that would begin after it is not begun."""
    links = Links(server, list(range(9)))
    links.before_page = lambda number: fake_time.sleep(100)
    with pytest.raises(errors.TimeoutError, match="INODE_WALK_DEADLINE_S"):
        walk(client_for(server.base_url, concurrency=1, walk_deadline_s=450), store, first_load())
    assert len(server.page_requests) == 5


def test_a_walk_with_an_id_on_two_pages_among_others_is_incomplete(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """The special error for an unstable order needs every walk to show it."""
    links = Links(server, list(range(6)))

    def answer(sent: Sent) -> Reply:
        reply = links.answer(sent)
        if len(server.page_requests) > 2:
            reply.body["count"] = 5 + len(server.page_requests)
        elif "page" in sent.query:
            reply.body["results"] = [{"id": 2}, {"id": 4}, {"id": 5}]
        return reply

    server.pages = answer
    with pytest.raises(errors.IncompleteWalkError) as caught:
        walk(client_for(server.base_url, concurrency=1), store, loaded())
    assert type(caught.value) is errors.IncompleteWalkError
    assert "walk 1: 1 ids of page 2 are on an earlier page too; walk 2: the server counts" in caught.value.message
