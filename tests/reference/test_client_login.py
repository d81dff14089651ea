"""The client at a real server's door: who is refused is told why, once; who is let in stays in."""

from __future__ import annotations

import pytest

from inode_pipeline.errors import (
    ApiKeyRejectedError,
    ApiProtocolError,
    ClientRejectedError,
    ConfigError,
    GrantDisabledError,
    PasswordRejectedError,
    PipelineError,
    ScopeMissingError,
)
from tests.reference.walking import ids, settings_for, walk

REFUSED = [
    ("wrong password", {"password": "not-this-one"}, PasswordRejectedError),
    ("unknown user", {"username": "nobody"}, PasswordRejectedError),
    ("inactive user", {"username": "gone"}, PasswordRejectedError),
    ("unknown client", {"client_id": "nobody"}, ClientRejectedError),
    ("wrong secret", {"client_secret": "not-this-secret"}, ClientRejectedError),
    ("client without the grant", {"client_id": "may-not-log-in-with-a-password"}, GrantDisabledError),
    ("unknown scope", {"scope": "everything"}, ScopeMissingError),
    ("one unknown scope of two", {"scope": "sync everything"}, ScopeMissingError),
]


@pytest.mark.parametrize("language", ["en-us", "fr"])
@pytest.mark.parametrize(("changes", "error"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_m15_a_refused_login_is_told_by_its_kind_and_tried_once(reference, changes, error, language):
    """Each refusal has its error, costs one token request and no page, and shows no secret."""
    server = reference(language=language)
    with pytest.raises(error) as caught:
        walk(settings_for(server, **changes))
    assert type(caught.value) is error
    assert (server.token_requests(), server.link_requests()) == (["password"], [])
    assert not told_secrets(caught.value, server, changes)


def told_secrets(error: PipelineError, server, changes) -> list[str]:
    """List the secrets that stand in an error or in what it came from."""
    secrets = [server.credentials[name] for name in ("password", "client_secret", "api_key")]
    secrets += [changes[name] for name in ("password", "client_secret") if name in changes]
    told, cause = str(error) + repr(error), error.__cause__ or error.__context__
    while cause is not None:
        told, cause = told + str(cause) + repr(cause), cause.__cause__ or cause.__context__
    return [secret for secret in secrets if secret in told]


def test_m15_a_server_without_the_password_grant_is_named_as_such(reference):
    """Where the server disables the grant for everyone the remedy is an API key."""
    server = reference(password_grant=False)
    with pytest.raises(GrantDisabledError, match="INODE_API_KEY"):
        walk(settings_for(server))
    assert server.token_requests() == ["password"]


def test_m14_a_scope_that_is_too_small_is_named_with_what_was_granted(reference):
    """A token of scope `read` is refused by the endpoint; the error names the granted scope."""
    server = reference()
    with pytest.raises(ScopeMissingError, match="read"):
        walk(settings_for(server, scope="read"))
    assert len(server.token_requests()) <= 2
    assert len(server.link_requests()) <= 2


@pytest.mark.parametrize("first", ["oauth", "session"])
def test_m14_an_endpoint_that_asks_for_another_scope_is_forbidden(reference, first):
    """Where the granted scope is the one asked for and still not enough, renewing once does not help."""
    server = reference(required_scope="read", first_authentication=first)
    with pytest.raises(ScopeMissingError, match="sync"):
        walk(settings_for(server))
    assert len(server.token_requests()) <= 2
    assert [request.status for request in server.link_requests()] == [403] * len(server.link_requests())


def test_m19_a_strange_client_logs_in(reference):
    """Id and secret with percent, plus, colon, space and accent arrive as they are."""
    server = reference()
    strange = {name: server.credentials["strange_" + name] for name in ("client_id", "client_secret")}
    assert walk(settings_for(server, **strange), present=ids(server)).records == server.rows()


KEYS = [
    ("wrong", "0123456789"),
    ("inactive user's", "0000b09199c62bcf9418ad846dd0e4bbdfc6ee4b"),
    ("with a space", "two words"),
]


@pytest.mark.parametrize("first", ["oauth", "token", "session"])
@pytest.mark.parametrize("key", [row[1] for row in KEYS], ids=[row[0] for row in KEYS])
def test_m20_a_refused_api_key_is_tried_once(reference, key, first):
    """Whichever class answers, a bad key costs one request and no login."""
    server = reference(first_authentication=first)
    with pytest.raises(ApiKeyRejectedError) as caught:
        walk(settings_for(server, by="api_key", api_key=key))
    assert (len(server.requests()), key in str(caught.value)) == (1, False)


def test_m20_an_api_key_with_a_line_break_is_never_sent(reference):
    """A key that cannot stand in a header is a wrong setting; nothing is sent."""
    server = reference()
    with pytest.raises((ConfigError, ValueError)):
        walk(settings_for(server, by="api_key", api_key="line\nbreak"))
    assert server.requests() == []


def test_m20_an_api_key_that_the_endpoint_does_not_take_is_told(reference):
    """An endpoint that only knows scopes forbids every key."""
    server = reference(permission="scope")
    with pytest.raises(ApiKeyRejectedError):
        walk(settings_for(server, by="api_key"))
    assert len(server.requests()) == 1


@pytest.mark.parametrize("first", ["oauth", "token", "session"])
def test_an_api_key_walks_without_a_login(reference, first):
    """With a key there is no token request, whichever class stands first."""
    server = reference(first_authentication=first)
    walked = walk(settings_for(server, by="api_key"), present=ids(server))
    assert (walked.records, walked.proven.logins, server.token_requests()) == (server.rows(), 0, [])


@pytest.mark.parametrize("by", ["oauth2", "api_key"])
def test_m10_a_wrong_address_is_told_after_one_request(reference, by):
    """An HTML 404 says that this is not the API, naming the address, and is not tried again."""
    server = reference()
    settings = settings_for(server, by=by, base_url=server.origin + "/elsewhere/")
    with pytest.raises(ApiProtocolError, match="/elsewhere/"):
        walk(settings)
    assert [request.status for request in server.requests()] == [404]


@pytest.mark.parametrize("by", ["oauth2", "api_key"])
def test_m10_a_host_that_the_server_does_not_know_is_told_after_one_request(reference, by):
    """An HTML 400 is no refused password, and is not tried again."""
    server = reference()
    settings = settings_for(server, by=by, base_url=server.base_url.replace("127.0.0.1", "localhost"))
    with pytest.raises(ApiProtocolError):
        walk(settings)
    assert [request.status for request in server.requests()] == [400]
