"""Addresses, without a server: whatever is named, what we ask lies on our origin."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inode_pipeline.api.pagination import Origin, page_key, position
from inode_pipeline.errors import ApiContractError, ForeignUrlError

BASES = [
    "https://api.example/api/",
    "https://api.example:8443/api/",
    "http://127.0.0.1:8000/api/",
    "https://[::1]:9/a/",
]
PARTS = ["http", "https", ":", "/", "//", "\\", "@", "api.example", "evil.example", ":8443", ":443", ":80", ":8000",
         "127.0.0.1", "[::1]", "?", "#", "&", "=", "page", "2", "access_token", "cursor", "%2f", "%40", ".", "..", ";",
         " ", "\t", "\n", "\0", "é", "。", "ⓔ", "ﬁ", "user", "x", "[", "]", "file", "data:", "%00"]  # fmt: skip


@given(st.sampled_from(BASES), st.lists(st.sampled_from(PARTS), max_size=12).map("".join) | st.text(max_size=40))
def test_whatever_is_named_lies_on_our_origin_or_is_refused(base: str, named: str) -> None:
    """By the reading of httpx, which sends it: scheme, host and port are the configured ones, no user, no token."""
    origin = Origin(base)
    try:
        address = origin.rebuilt(named, seen_from=base + "v1/links/?page_size=9")
    except ForeignUrlError:
        return
    try:
        url, ours = httpx.URL(address), httpx.URL(base)
    except httpx.InvalidURL:
        pytest.fail(f"accepted an address that cannot be sent: {address!r}")
    assert (ours.scheme, ours.host, ours.port) == (url.scheme, url.host, url.port)
    assert b"" == url.userinfo
    assert "access_token" not in parse_qs(urlsplit(address).query, keep_blank_values=True)


@pytest.mark.parametrize(
    ("base", "named", "expected"),
    [
        ("https://h/api/", "http://h/api/x?page=2", "https://h/api/x?page=2"),
        ("https://h/api/", "http://H:80/api/x?page=2", "https://h/api/x?page=2"),
        ("https://h/api/", "https://h:443/api/x", "https://h/api/x"),
        ("https://h:8443/api/", "http://h/api/x", "https://h:8443/api/x"),
        ("https://h:8443/api/", "https://h/api/x", "https://h:8443/api/x"),
        ("https://h:8443/api/", "https://h:8443/api/x", "https://h:8443/api/x"),
        ("https://h:8443/api/", "https://h:443/api/x", None),
        ("https://h:8443/api/", "http://h:8080/api/x", None),
        ("https://h/api/", "http://h:8080/api/x", None),
        ("https://h/api/", "https://h.evil/api/x", None),
        ("http://127.0.0.1:8/api/", "https://127.0.0.1:8/api/x", None),
        ("https://h/api/", "//h/api/x?a=1&access_token=t&b=2", "https://h/api/x?a=1&b=2"),
        ("https://h/api/", "?cursor=bz0x%3D%3D#part", "https://h/api/links/?cursor=bz0x%3D%3D"),
        ("https://h/api/", "https://h//evil/x", "https://h/evil/x"),
    ],
)
def test_m33_m34_where_an_address_leads(base: str, named: str, expected: str | None) -> None:
    """Http becomes https and a lost port is put back; another host, port or scheme is refused."""
    origin = Origin(base)
    if expected is None:
        with pytest.raises(ForeignUrlError):
            origin.rebuilt(named, seen_from=base + "links/")
    else:
        assert expected == origin.rebuilt(named, seen_from=base + "links/")


def test_what_an_address_names() -> None:
    """A page number or an offset is understood, everything else is opaque."""
    named = [
        "?page=2",
        "?offset=20&limit=10",
        "?page=last",
        "?page=-1",
        "?page=²",
        "?cursor=1",
        "?page=" + "9" * 20,
        "",
    ]
    positions = [position("http://h/x" + query) for query in named]
    assert [(place.name, place.number) if place else None for place in positions] == [
        ("page", 2), ("offset", 20), None, None, None, None, None, None,
    ]  # fmt: skip


def test_the_same_page_has_one_place() -> None:
    """However its parameters are ordered and escaped."""
    assert page_key("http://h/x?a=1&b=%61") == page_key("http://h/x?b=a&a=1") != page_key("http://h/x?a=1")


def test_a_long_address_is_refused() -> None:
    """Whatever it says."""
    with pytest.raises(ApiContractError):
        Origin("https://h/").rebuilt("?" + "a" * 9_000, seen_from="https://h/x")
