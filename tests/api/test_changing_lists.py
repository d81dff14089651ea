"""A list that changes while it is walked: what is accepted was true at one moment, and no link is lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inode_pipeline import errors
from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.walk import Known, ProvenWalk, prove_walk
from tests.api.servers import Links, ScriptedServer
from tests.api.stand_ins import Store, first_load, identify, loaded

ClientFor = Callable[..., INodeClient]
COUNTED = ["page", "limit-offset"]


def walk(client: INodeClient, store: Store, known: Known) -> ProvenWalk:
    return prove_walk(client, "v1/links/", identify=identify, known=known, store=store)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.mark.parametrize("form", COUNTED)
@pytest.mark.parametrize("change", ["delete", "insert in front", "insert behind"])
def test_m22_m24_m31_a_list_that_changes_once_is_walked_again(
    client_for: ClientFor, server: ScriptedServer, store: Store, form: str, change: str
) -> None:
    """The torn walk is thrown away and the next one is exact."""
    links = Links(server, list(range(10, 22)), form=form)

    def mutate(number: int) -> None:
        if number == 2:
            links.ids = {
                "delete": links.ids[1:],
                "insert in front": [1, *links.ids],
                "insert behind": [*links.ids, 99],
            }[change]

    links.before_page = mutate
    known = loaded(*range(11, 22))
    proven = walk(client_for(server.base_url, concurrency=1), store, known)
    assert store.ids == links.ids
    assert (proven.verdict, store.discarded) == ("proven", 1)


def test_m23_a_swap_that_keeps_the_count_loses_no_link(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """One deleted, one inserted: the counts agree, and yet the link that slipped between two pages is found."""
    links = Links(server, list(range(12)))

    def mutate(number: int) -> None:
        if number == 2:
            links.ids = [*links.ids[1:], 99]

    links.before_page = mutate
    proven = walk(client_for(server.base_url, concurrency=1), store, loaded(*range(12)))
    assert store.ids == links.ids
    assert (proven.verdict, len(store.begun)) == ("confirmed", 3)


def test_m25_an_order_that_changes_with_each_request_is_unstable(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """It has its own error, which says what to ask for."""
    links = Links(server, list(range(30)))
    shuffle = random.Random(7)
    links.before_page = lambda number: shuffle.shuffle(links.ids)
    with pytest.raises(errors.UnstableOrderError, match="stable order"):
        walk(client_for(server.base_url), store, loaded(*range(30)))


def test_m26_a_page_that_is_gone_restarts_the_walk(client_for: ClientFor, server: ScriptedServer, store: Store) -> None:
    """404 after page 1 is a contradiction, not an end."""
    links = Links(server, list(range(9)))
    links.before_page = lambda number: links.ids.__delitem__(slice(3, 9)) if number == 2 else None
    proven = walk(client_for(server.base_url, concurrency=1), store, loaded(0, 1, 2))
    assert (proven.verdict, store.ids, store.discarded) == ("proven", [0, 1, 2], 1)


@pytest.fixture(scope="module")
def shared() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    server.check_tokens = False
    yield server
    server.close()


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@pytest.mark.parametrize("kind", ["delete", "insert"])
def test_what_is_accepted_was_the_list_at_one_moment(
    shared: ScriptedServer, settings_for: Callable[..., Any], kind: str, data: st.DataObject
) -> None:
    """Counted pages, records only deleted or only inserted at any moments: never a mixture of two moments."""
    size, form = data.draw(st.integers(2, 6)), data.draw(st.sampled_from(COUNTED))
    links = Links(shared, sorted(data.draw(st.sets(st.integers(0, 40), min_size=1, max_size=16))), form=form, size=size)
    at = data.draw(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 40)), max_size=3))
    moments = [list(links.ids)]

    def mutate(number: int) -> None:
        for when, link in at:
            if when == number and kind == "delete" and link in links.ids:
                links.ids.remove(link)
                moments.append(list(links.ids))
            elif when == number and kind == "insert" and link not in links.ids:
                links.ids = sorted([*links.ids, link])
                moments.append(list(links.ids))

    links.before_page = mutate
    known = loaded(*moments[0]) if data.draw(st.booleans()) else first_load()
    store = Store()
    with INodeClient(settings_for(shared.base_url, concurrency=data.draw(st.sampled_from([1, 3])))) as client:
        try:
            walk(client, store, known)
        except (errors.IncompleteWalkError, errors.PagingLoopError):
            assert len(moments) > 1
            return
    assert store.ids in moments


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_link_that_was_always_there_is_lost_by_one_change(
    shared: ScriptedServer, settings_for: Callable[..., Any], data: st.DataObject
) -> None:
    """Whatever is swapped at one moment, in any form of paging: every known link that stayed is in the walk."""
    size, form = data.draw(st.integers(2, 6)), data.draw(st.sampled_from(["page", "limit-offset", "cursor"]))
    before = sorted(data.draw(st.sets(st.integers(0, 40), min_size=1, max_size=16)))
    after = sorted(data.draw(st.sets(st.integers(0, 40), min_size=1, max_size=16)))
    links = Links(shared, before, form=form, size=size)
    when = data.draw(st.integers(1, 12))

    def mutate(number: int) -> None:
        if number == when:
            links.ids = list(after)

    links.before_page = mutate
    is_first = data.draw(st.booleans())
    known = first_load() if is_first else loaded(*before)
    store = Store()
    with INodeClient(settings_for(shared.base_url, concurrency=1)) as client:
        try:
            proven = walk(client, store, known)
        except (errors.IncompleteWalkError, errors.PagingLoopError):
            return
    if is_first:
        assert store.ids in (before, after)
    assert set(store.ids) >= set(before) & set(after)
    assert set(store.ids) <= set(before) | set(after)
    lacking = known.present - set(map(str, store.ids))
    assert proven.verdict == "confirmed" if is_first or len(lacking) else proven.verdict != "confirmed"
