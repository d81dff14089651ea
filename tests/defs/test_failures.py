"""What Dagster is told of a stop."""

from __future__ import annotations

from inode_pipeline.defs.failures import stopped, unexpected
from inode_pipeline.errors import ApiUnreachableError, PasswordRejectedError


def test_s20_refused_credentials_are_not_tried_again() -> None:
    """A stop that trying again cannot mend passes over the retry policy, and names its class, remedy and page."""
    failure = stopped(PasswordRejectedError("The server refused the login.", remedy="Check INODE_PASSWORD."))
    assert not failure.allow_retries
    assert failure.description == (
        "[PasswordRejectedError] The server refused the login. Check INODE_PASSWORD.\n"
        "See docs/operations.md#passwordrejectederror"
    )
    assert {name: value.value for name, value in failure.metadata.items()} == {
        "error": "PasswordRejectedError",
        "remedy": "Check INODE_PASSWORD.",
        "docs": "docs/operations.md#passwordrejectederror",
    }


def test_a_trouble_that_may_pass_is_tried_again() -> None:
    """A retryable error leaves the retry policy at work."""
    assert stopped(ApiUnreachableError("No connection.", remedy="Wait.")).allow_retries


def test_s1_the_text_of_an_unknown_error_is_not_told() -> None:
    """An error nobody expected is told by class and place; its text may hold a secret."""
    try:
        dict[str, str]()["canary-password"]
    except KeyError as problem:
        failure = unexpected(problem)
    told = repr((failure.description, failure.metadata))
    assert "canary" not in told
    assert "KeyError" in told
    assert "test_failures.py" in told
    assert not failure.allow_retries
