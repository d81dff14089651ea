"""What Dagster is told of a stop."""

from __future__ import annotations

from datetime import date

import dagster as dg

from inode_pipeline.defs.failures import dates_missing, stopped, unexpected
from inode_pipeline.errors import ApiUnreachableError, NotLandedError, PasswordRejectedError

NOT_LANDED = {
    date(2026, 3, day): NotLandedError(f"Nothing is landed on 2026-03-{day:02}.", remedy="It cannot be had.")
    for day in (3, 9)
}


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


def test_one_date_alone_is_told_in_its_own_words() -> None:
    """A run of one date fails with the sentence of its error and where more stands, and nothing else."""
    (day, problem), *_ = NOT_LANDED.items()
    failure = dates_missing({day: problem}, loaded=0, untried=0)
    assert failure.description == (
        "[NotLandedError] Nothing is landed on 2026-03-03. It cannot be had.\nSee docs/operations.md#notlandederror"
    )


def test_missing_dates_of_a_range_are_named_with_their_reason() -> None:
    """A range with gaps names each date that is missing, and the reason once."""
    failure = dates_missing(NOT_LANDED, loaded=29, untried=0)
    assert failure.description == (
        "2 of 31 dates could not be loaded; 29 are loaded and complete, 0 were not tried.\n"
        "2026-03-03, 2026-03-09: [NotLandedError] Nothing is landed on 2026-03-03. It cannot be had.\n"
        "See docs/operations.md#notlandederror"
    )
    assert not failure.allow_retries
    assert failure.metadata["dates"] == dg.MetadataValue.json(["2026-03-03", "2026-03-09"])


def test_a_range_that_a_passing_trouble_ended_is_tried_again() -> None:
    """The error that ended the run decides, not the dates that were missing before."""
    ended = {**NOT_LANDED, date(2026, 3, 10): ApiUnreachableError("No connection.", remedy="Wait.")}
    failure = dates_missing(ended, loaded=1, untried=2)
    assert failure.allow_retries
    assert failure.metadata["error"] == dg.MetadataValue.text("ApiUnreachableError")


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
