"""Recorded snapshots, one after another: which client reads which, over a real socket."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from inode_pipeline.emulator.recording import Recording

SNAPSHOTS = 4
FORMS = ["page", "limit-offset", "cursor"]


def lines(size: int = 6) -> bytes:
    """Four snapshots of as many records; each record says in which snapshot it stands."""
    snapshots = [
        {"snapshot": f"2026-01-0{day + 1}T04:30", "records": [{"id": str(n), "of": day} for n in range(size)]}
        for day in range(SNAPSHOTS)
    ]
    return b"".join(json.dumps(snapshot).encode() + b"\n" for snapshot in snapshots)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A plain recording."""
    path = tmp_path / "recording.ndjson"
    path.write_bytes(lines())
    return path


def seen(visitor: Any, query: str = "") -> set[int]:
    """The snapshots that a walk met."""
    return {record["of"] for record in visitor.records(query)}


def move_on(visitor: Any) -> httpx.Response:
    """What a person does with curl."""
    return visitor.http.post(str(visitor.http.base_url).replace("/api/", "/emulator/next"))


@pytest.mark.parametrize("form", FORMS)
def test_each_new_login_that_reads_on_reads_the_next_snapshot_and_the_last_stays(emulate, recording, form):
    """Four snapshots for four logins; from then on the last."""
    visitor = emulate(recording=recording, pagination=form, page_size=2)
    assert [seen(visitor.log_in()) for _ in range(6)] == [{0}, {1}, {2}, {3}, {3}, {3}]


@pytest.mark.parametrize("form", FORMS)
def test_first_page_alone_uses_up_nothing(emulate, recording, form):
    """A login that reads only the first of several pages leaves the snapshot to the next."""
    visitor = emulate(recording=recording, pagination=form, page_size=2)
    for _ in range(3):
        visitor.log_in()
        assert {record["of"] for record in visitor.get().json()["results"]} == {0}
    assert seen(visitor) == {0}
    assert seen(visitor.log_in()) == {1}


@pytest.mark.parametrize("form", [*FORMS, "none"])
def test_whole_answer_on_one_page_uses_up_its_snapshot(emulate, recording, form):
    """One page that is everything counts as read."""
    visitor = emulate(recording=recording, pagination=form)
    read = []
    for _ in range(3):
        answer = visitor.log_in().get().json()
        read.append({record["of"] for record in (answer if form == "none" else answer["results"])})
    assert read == [{0}, {1}, {2}]


def test_every_walk_of_one_login_sees_the_same_snapshot(emulate, recording):
    """A confirming walk sees what the first one saw, also after renewals of the token."""
    visitor = emulate(recording=recording, page_size=2)
    pair = visitor.token().json()
    for _ in range(3):
        visitor.http.headers["Authorization"] = f"Bearer {pair['access_token']}"
        assert seen(visitor) == {0}
        pair = visitor.refresh(pair["refresh_token"]).json()
    assert seen(visitor.log_in()) == {1}


def test_login_in_the_middle_of_a_walk_goes_on_with_its_snapshot_and_uses_up_no_other(emulate, recording):
    """A client whose tokens are gone logs in anew, ends its walk, confirms it, and the next login has the next."""
    visitor = emulate(recording=recording, page_size=2)
    for expected in (0, 1):
        first = visitor.log_in().get().json()
        visitor.state.revoke_tokens()
        second = visitor.log_in().http.get(first["next"]).json()
        visitor.state.revoke_tokens()
        third = visitor.log_in().http.get(second["next"]).json()
        assert {record["of"] for page in (first, second, third) for record in page["results"]} == {expected}
        assert seen(visitor) == {expected}


def test_logins_at_the_same_time_share_a_snapshot_and_move_on_by_one(emulate, recording, visit):
    """Two clients that both began before either read on see one state; the next login sees the next."""
    one = emulate(recording=recording, page_size=2).log_in()
    other = visit(one.server).log_in()
    firsts = [visitor.get().json() for visitor in (one, other)]
    rests = [visitor.http.get(first["next"]).json() for visitor, first in zip((one, other), firsts, strict=True)]
    assert {record["of"] for page in firsts + rests for record in page["results"]} == {0}
    assert seen(visit(one.server).log_in()) == {1}


def test_login_that_began_earlier_keeps_its_snapshot_while_others_move_on(emulate, recording, visit):
    """A slow client is not shown a later state, and does not turn the recording back."""
    slow = emulate(recording=recording, page_size=2).log_in()
    first = slow.get().json()
    quick = visit(slow.server)
    assert [seen(quick.log_in()) for _ in range(2)] == [{0}, {1}]
    assert {record["of"] for record in slow.http.get(first["next"]).json()["results"]} == {0}
    assert seen(slow) == {0}
    assert seen(quick.log_in()) == {2}


@pytest.mark.parametrize("word", ["inspect", "doctor"])
def test_onlookers_see_the_next_snapshot_and_use_up_nothing(emulate, recording, visit, word):
    """A client whose User-Agent comment says inspect or doctor may read whatever it likes."""
    visitor = emulate(recording=recording, page_size=2)
    onlooker = visit(visitor.server, f"inode-pipeline/0.1 ({word})")
    for expected in ({0}, {1}, {2}):
        assert [seen(onlooker.log_in()), seen(onlooker)] == [expected, expected]
        assert len(onlooker.get("?page_size=100").json()["results"]) == 6
        assert seen(visitor.log_in()) == expected


def test_onlooker_in_between_does_not_disturb_a_client_that_must_log_in_anew(emulate, recording, visit):
    """A login in the middle of a walk continues what was walked, not what was looked at."""
    visitor = emulate(recording=recording, page_size=2).log_in()
    first = visitor.get().json()
    second = visitor.http.get(first["next"]).json()
    assert seen(visit(visitor.server, "x/1 (doctor)").log_in()) == {1}
    third = visitor.log_in().http.get(second["next"]).json()
    assert {record["of"] for record in third["results"]} == {0}


def test_word_outside_a_comment_makes_no_onlooker(emulate, recording, visit):
    """Only the comment counts."""
    visitor = visit(emulate(recording=recording, page_size=2).server, "inspector/1 doctor (linux)")
    assert [seen(visitor.log_in()) for _ in range(2)] == [{0}, {1}]


def test_with_an_api_key_only_a_post_moves_on(emulate, recording, visit):
    """Walks with the key leave the snapshot as it is; POST /emulator/next changes it; logins do not."""
    visitor = emulate(recording=recording, page_size=2).use_api_key()
    assert [seen(visitor), seen(visitor)] == [{0}, {0}]
    assert seen(visit(visitor.server).log_in()) == {0}
    assert seen(visitor) == {0}
    answer = move_on(visitor)
    assert (answer.status_code, answer.json()["api_key"]) == (200, "2026-01-02T04:30")
    assert seen(visitor) == {1}
    for _ in range(5):
        move_on(visitor)
    assert seen(visitor) == {3}


def test_post_moves_the_next_login_on_but_not_one_that_has_read(emulate, recording, visit):
    """A login keeps its snapshot whatever is posted."""
    visitor = emulate(recording=recording, page_size=2).log_in()
    visitor.get()
    move_on(visitor)
    assert seen(visitor) == {0}
    assert seen(visitor.log_in()) == {1}


def test_refused_and_missing_pages_use_up_nothing(emulate, recording):
    """Only a page that was served counts."""
    visitor = emulate(recording=recording, page_size=2).log_in()
    assert visitor.get("?page=9").status_code == 404
    assert seen(visitor.log_in()) == {0}


def test_emulator_without_a_recording_cannot_move_on(emulate):
    """There is no next state of a synthetic network, and GET moves nothing."""
    visitor = emulate(links=0)
    assert move_on(visitor).status_code == 409
    assert visitor.http.get(str(visitor.http.base_url).replace("/api/", "/emulator/next")).status_code == 405
    with pytest.raises(LookupError):
        visitor.state.next_snapshot()


def test_frozen_snapshot_is_the_one_that_comes_next(emulate, recording):
    """A test may change recorded records too, and the recording waits meanwhile."""
    visitor = emulate(recording=recording, page_size=2).log_in()
    visitor.state.next_snapshot()
    assert {record["of"] for record in visitor.state.freeze()} == {1}
    assert seen(visitor) == {1}
    visitor.state.records = None
    assert seen(visitor.log_in()) == {1}


def test_gzipped_recording_is_served_as_the_plain_one(emulate, recording, tmp_path):
    """The name does not matter, the content does."""
    packed = tmp_path / "packed.bin"
    packed.write_bytes(gzip.compress(recording.read_bytes(), mtime=0))
    answers = [emulate(recording=path).use_api_key().get().content for path in (recording, packed)]
    assert answers[0] == answers[1]


def test_records_keep_every_field_and_type(emulate, tmp_path):
    """Numbers, numbers in strings, nested values and unknown fields arrive as recorded."""
    record = {"linkId": "4616337", "Speed": "9.94", "n": 9007199254740993, "f": 1.5, "x": None, "y": {"é": [True]}}
    path = tmp_path / "one.ndjson"
    path.write_text(json.dumps({"snapshot": "2017-11-05T17:51", "records": [record]}))
    assert emulate(recording=path).use_api_key().records() == [record]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "contains no snapshot"),
        (b"\n\n", "contains no snapshot"),
        (b"{", "line 1: not JSON"),
        (lines() + b"[]", "line 5: not a time"),
        (b'{"snapshot": "x"}', "line 1: not a time"),
        (b'{"snapshot": "x", "records": [1]}', "line 1: not a time"),
        (gzip.compress(lines(), mtime=0)[:-20], "truncated or damaged"),
    ],
    ids=["empty", "blank", "no JSON", "a list", "no records", "no objects", "cut off"],
)
def test_broken_recording_is_refused_with_its_place(tmp_path, content, problem):
    """What cannot be served is found before the server starts."""
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=problem):
        Recording(path)
