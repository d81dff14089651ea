"""Errors as Dagster shows them."""

from __future__ import annotations

from inode_pipeline.defs.failures import expected, unexpected
from inode_pipeline.errors import ApiUnreachableError, PasswordRejectedError


def test_s20_refused_credentials_are_not_tried_again() -> None:
    """An error that a retry cannot fix passes over the retry policy, and names its class, remedy and page."""
    failure = expected(PasswordRejectedError("The server refused the login.", remedy="Check INODE_PASSWORD."))
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


def test_a_transient_error_is_tried_again() -> None:
    """A retryable error leaves the retry policy at work."""
    assert expected(ApiUnreachableError("No connection.", remedy="Wait.")).allow_retries


def test_s1_the_text_of_an_unexpected_error_is_not_shown() -> None:
    """Only its class and place are shown; its text may hold a secret."""
    try:
        dict[str, str]()["canary-password"]
    except KeyError as problem:
        failure = unexpected(problem)
    shown = repr((failure.description, failure.metadata))
    assert "canary" not in shown
    assert "KeyError" in shown
    assert "test_failures.py" in shown
    assert not failure.allow_retries
