"""The client at a real server whose tokens expire, are revoked, rotate and get lost in the middle of a walk."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from inode_pipeline.errors import PasswordRejectedError
from tests.reference.walking import ids, settings_for, walk

FIRST = ("oauth", "token", "session")
SPENT = ("expire_access_tokens", "revoke_access_tokens", "revoke_all_tokens")
"""What the server may do to a token between two pages before its time is over; each costs one login."""


@pytest.mark.parametrize("nth", [2, 6])
@pytest.mark.parametrize("how", SPENT)
@pytest.mark.parametrize("first", FIRST)
def test_m11_m12_a_token_spent_in_mid_walk_costs_one_renewal(reference, first, how, nth):
    """Whether the refusal is 401 or 403, the page is asked for once more and the rows are exact."""
    server = reference(first_authentication=first)
    server.before(nth, (how,))
    walked = walk(settings_for(server, concurrency=1), present=ids(server))
    assert (walked.records, walked.walks) == (server.rows(), 1)
    assert server.token_requests() == ["password", "password"]
    asked = Counter(request.query for request in server.link_requests())
    assert sorted(asked.values()) == [1, 1, 1, 1, 1, 2]


@pytest.mark.parametrize("how", SPENT)
def test_m17_many_requests_that_meet_expiry_together_cost_one_renewal(reference, how):
    """Sixteen pages in flight with a token that is spent: one of them renews it for all."""
    server = reference(links=400)
    server.before(4, (how,))
    walked = walk(settings_for(server, concurrency=16), present=ids(server))
    assert walked.records == server.rows()
    assert server.token_requests() == ["password", "password"]


def test_m17_two_runs_may_share_the_credentials(reference):
    """Two clients at once log in once each and leave each other's token alone."""
    server = reference(links=200)
    settings, present = settings_for(server), ids(server)
    start = threading.Barrier(2)

    def run(_: int) -> list[dict]:
        start.wait()
        return walk(settings, present=present).records

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(run, range(2)))
    assert both == [server.rows(), server.rows()]
    assert server.token_requests() == ["password", "password"]


@pytest.mark.parametrize(("pagination", "last"), [("limit-offset", 5), ("cursor", 6), ("none", 1)])
def test_m11_expiry_is_survived_in_every_pagination(reference, pagination, last):
    """A token that expires before the last request of any pagination is renewed once."""
    server = reference(pagination=pagination)
    server.before(last, ("expire_access_tokens",))
    walked = walk(settings_for(server), present=ids(server))
    assert (walked.records, len(server.token_requests())) == (server.rows(), 2)


KEEPING = {
    "rotation": {},
    "no rotation": {"rotate_refresh": False},
    "grace": {"refresh_grace_s": 120},
    "reuse protection": {"refresh_reuse_protection": True},
    "reuse protection after grace": {"refresh_reuse_protection": True, "refresh_grace_s": 1},
    "grace and hashed tokens": {"refresh_grace_s": 120, "hashed_tokens": True},
}


@pytest.mark.parametrize("options", KEEPING.values(), ids=KEEPING)
def test_m16_expiry_twice_in_a_walk_is_survived_however_tokens_rotate(reference, options):
    """Two expiries cost two renewals, each by the newest refresh token."""
    server = reference(**options)
    walked = walk(settings_for(server, concurrency=1), present=ids(server), expires_after=(1, 4))
    assert (walked.records, walked.walks) == (server.rows(), 1)
    assert server.token_requests() == ["password", "refresh_token", "refresh_token"]


@pytest.mark.parametrize("options", KEEPING.values(), ids=KEEPING)
def test_m16_a_lost_refresh_answer_ends_in_a_login(reference, options):
    """Where the answer to a refresh is lost the spent token may kill its family or break the server; a login helps."""
    server = reference(**options)
    server.before(2, ("lose_token_answers", 1))
    walked = walk(settings_for(server, concurrency=1), present=ids(server), expires_after=(2,))
    assert (walked.records, walked.walks) == (server.rows(), 1)
    requests = server.token_requests()
    assert requests[:2] == ["password", "refresh_token"]
    assert len(requests) <= 4


def test_m16_a_lost_login_answer_is_asked_for_again(reference):
    """A login whose answer is lost was not refused, so it may be sent again."""
    server = reference()
    server.now(("lose_token_answers", 1))
    walked = walk(settings_for(server), present=ids(server))
    assert (walked.records, server.token_requests()) == (server.rows(), ["password", "password"])


def test_m15_a_user_switched_off_in_mid_walk_stops_the_run(reference):
    """The login that follows finds the user inactive and says so, once."""
    server = reference()
    server.before(3, ("deactivate_user",), ("revoke_all_tokens",))
    with pytest.raises(PasswordRejectedError):
        walk(settings_for(server, concurrency=1), present=ids(server))
    assert server.token_requests() == ["password", "password"]


def test_m18_a_token_that_lives_three_seconds_is_renewed_in_time(reference):
    """A life time shorter than any margin costs one renewal per life time, not one per page."""
    server = reference(token_expires_s=3)
    begun = time.monotonic()
    walked = walk(settings_for(server, page_size=3), present=ids(server))
    assert walked.records == server.rows()
    assert len(server.token_requests()) <= 1 + (time.monotonic() - begun) / 2.7
