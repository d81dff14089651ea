"""The client gets exactly the rows of a real server, whatever its pagination and whatever happens between two pages."""

from __future__ import annotations

import math

import pytest

from inode_pipeline.api.client import INodeClient
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import IncompleteWalkError, RateLimitedError, UnstableOrderError
from tests.reference.walking import by_id, ids, settings_for, walk

PAGINATIONS = ("page", "limit-offset", "cursor", "none")
PAGED = PAGINATIONS[:3]
PAGES = {"page": 6, "limit-offset": 5, "cursor": 6, "none": 2}
PROVEN = {"page": "proven", "limit-offset": "proven", "cursor": "unverified", "none": "proven"}


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("pagination", PAGINATIONS)
def test_every_pagination_gives_exactly_the_rows(reference, pagination, concurrency):
    """One walk over known links holds every row once, in as many requests as there are pages.

    A limit-offset server does not know `page_size`, so its first page is of its own size, 20. A bare list costs one
    request more, for what may be behind it.
    """
    server = reference(pagination=pagination)
    walked = walk(settings_for(server, concurrency=concurrency), present=ids(server))
    assert walked.records == server.rows()
    assert walked.proven.verdict == PROVEN[pagination]
    assert [request.status for request in server.link_requests()] == [200] * PAGES[pagination]


@pytest.mark.parametrize("pagination", PAGINATIONS)
def test_a_first_load_is_confirmed_by_a_second_walk(reference, pagination):
    """Where nothing is loaded yet the walk is made twice and is then confirmed, even without a count."""
    server = reference(pagination=pagination)
    walked = walk(settings_for(server))
    assert (walked.records, walked.proven.verdict, walked.walks) == (server.rows(), "confirmed", 2)


@pytest.mark.parametrize("pagination", PAGED)
def test_m29_a_server_that_clamps_the_page_size_gives_all_rows(reference, pagination):
    """Pages of 7 where 1000 were asked for: every row, and no page twice."""
    server = reference(pagination=pagination, page_size=7, max_page_size=7)
    walked = walk(settings_for(server, page_size=1000), present=ids(server))
    assert walked.records == server.rows()
    assert len(server.link_requests()) == math.ceil(60 / 7)


@pytest.mark.parametrize("pagination", PAGED)
def test_m35_a_server_that_ignores_the_page_size_gives_all_rows(reference, pagination):
    """A size under a name that the server does not know leaves its own pages of 20."""
    server = reference(pagination=pagination)
    settings = settings_for(server, page_size_param="how_many", page_size=5)
    assert walk(settings, present=ids(server)).records == server.rows()


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("pagination", PAGED)
@pytest.mark.parametrize("nth", [2, 4])
def test_m22_a_row_deleted_between_two_pages_loses_no_other_row(reference, pagination, nth, concurrency):
    """The shift that a deletion causes is noticed and the rows are those of the server."""
    server = reference(pagination=pagination)
    present = ids(server)
    server.before(nth, ("delete_links", 1003))
    walked = walk(settings_for(server, concurrency=concurrency), present=present)
    assert [record["id"] for record in walked.records if record["id"] != 1003] == [row["id"] for row in server.rows()]


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("pagination", PAGED)
def test_m23_a_deletion_and_an_insertion_that_leave_the_count_alone_lose_no_row(reference, pagination, concurrency):
    """The count stays 60 throughout, yet every link that stayed on the server is held."""
    server = reference(pagination=pagination)
    present = ids(server)
    server.before(2, ("delete_links", 1003), ("insert_links", 9000))
    walked = walk(settings_for(server, concurrency=concurrency), present=present)
    held = {record["id"] for record in walked.records}
    assert {row["id"] for row in server.rows()} <= held <= {row["id"] for row in server.rows()} | {1003}


@pytest.mark.parametrize("change", [[("delete_links", 1003)], [("delete_links", 1003), ("insert_links", 9000)]])
@pytest.mark.parametrize("pagination", ["page", "limit-offset"])
def test_m22_m23_a_change_under_the_first_load_is_not_loaded(reference, pagination, change):
    """Where nothing is loaded yet, rows that shift between two pages cost a third walk and no row."""
    server = reference(pagination=pagination)
    server.before(3, *change)
    walked = walk(settings_for(server, concurrency=1))
    assert (walked.records, walked.proven.verdict, walked.walks) == (server.rows(), "confirmed", 3)


@pytest.mark.parametrize("pagination", ["page", "limit-offset"])
def test_m24_rows_inserted_in_front_are_walked_again(reference, pagination):
    """An id that stands on two pages throws the walk away; the next one holds every row."""
    server = reference(pagination=pagination)
    present = ids(server)
    server.before(3, ("insert_links", 1, 2))
    walked = walk(settings_for(server, concurrency=1), present=present)
    assert (walked.records, walked.walks) == (server.rows(), 2)


@pytest.mark.parametrize("language", ["en-us", "fr"])
def test_m26_a_page_that_is_gone_is_not_the_end(reference, language):
    """A page answered by 404, in whatever language, throws the walk away; what remains is confirmed and exact."""
    server = reference(language=language)
    present = ids(server)
    server.before(3, ("delete_links", *range(1006, 1061)))
    walked = walk(settings_for(server, concurrency=1), present=present)
    assert (walked.records, walked.proven.verdict, walked.walks) == (server.rows(), "confirmed", 3)


def test_m31_links_that_vanish_at_every_walk_are_never_proven(reference):
    """A list that changes under each of three walks ends in an incomplete walk, not in fewer rows."""
    server = reference()
    present = ids(server)
    for nth in range(2, 20):
        server.before(nth, ("delete_links", 1001 + nth))
    with pytest.raises(IncompleteWalkError):
        walk(settings_for(server, concurrency=1), present=present)


@pytest.mark.parametrize("pagination", ["page", "limit-offset"])
def test_m25_an_order_left_to_chance_is_never_proven(reference, pagination):
    """Ties that the server shuffles at each request are named as what they are after three walks."""
    server = reference(pagination=pagination, order="ties")
    with pytest.raises(UnstableOrderError):
        walk(settings_for(server), present=ids(server))


def test_m25_an_order_left_to_chance_does_no_harm_to_a_single_page(reference):
    """Where all rows fit on one page their order does not matter."""
    server = reference(order="ties")
    walked = walk(settings_for(server, page_size=1000), present=ids(server))
    assert (by_id(walked.records), walked.proven.verdict) == (server.rows(), "proven")


def test_m26_a_french_server_is_read_like_any_other(reference):
    """Translated texts change nothing."""
    server = reference(language="fr")
    assert walk(settings_for(server), present=ids(server)).records == server.rows()


@pytest.mark.slow
def test_m08_throttled_requests_wait_as_they_are_told(reference):
    """A server that allows four requests a second is walked to the end, waiting where it says so."""
    server = reference(throttle="4/sec")
    walked = walk(settings_for(server), present=ids(server))
    assert walked.records == server.rows()
    assert walked.proven.retries >= 1


def test_m08_a_pause_beyond_the_deadline_stops_at_once(reference):
    """Where the server asks for a minute and the walk has less, the run stops without waiting."""
    server = reference(throttle="2/min")
    with pytest.raises(RateLimitedError):
        walk(settings_for(server, concurrency=1, walk_deadline_s=20), present=ids(server))
    assert [request.status for request in server.link_requests()] == [200, 200, 429]


def test_inspecting_asks_for_one_page_and_says_so(reference):
    """To look at the first page one token and one page are asked for, none ahead, under an own User-Agent comment."""
    server = reference()
    with INodeClient(settings_for(server), purpose="inspect") as client:
        page = next(client.pages(LINKS.path))
        scope = client.granted_scope
    assert (len(page.answer.records), page.answer.count, scope) == (10, 60, "sync")
    assert [request.path for request in server.requests()] == ["/api/oauth/token/", "/api/v1/links/"]
    assert {request.user_agent.partition(" ")[2] for request in server.requests()} == {"(inspect)"}


def test_every_request_says_who_is_asking(reference):
    """The User-Agent names the pipeline and its version on token and page requests alike."""
    server = reference()
    walk(settings_for(server), present=ids(server))
    assert {request.user_agent.partition("/")[0] for request in server.requests()} == {"inode-pipeline"}
