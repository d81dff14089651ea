"""Convert errors to Dagster failures with a message, a remedy, and whether a retry may help.

Dagster stores error texts, so only the pipeline's own messages are passed on, which never contain a secret or a
record's value.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from inode_pipeline.errors import PipelineError

SYNC_AGAIN = "`inode-pipeline sync --debug` for this date"


def page_of(kind: str) -> str:
    """The section of the docs about an error class."""
    return f"docs/operations.md#{kind.lower()}"


@contextmanager
def as_failure(again: str = SYNC_AGAIN) -> Iterator[None]:
    """Convert every error in the block to a `dagster.Failure` without its cause, whose text could contain a secret.

    `again` is the command that shows the text of an unexpected error.
    """
    try:
        yield
    except PipelineError as problem:
        raise expected(problem) from None
    except Exception as problem:  # noqa: BLE001 - the text of an unknown error must not get into the event log
        raise unexpected(problem, again) from None


def unexpected(problem: Exception, again: str = SYNC_AGAIN) -> dg.Failure:
    """The failure for an unexpected error: its class and where it was raised, without its text."""
    places = [
        f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in traceback.extract_tb(problem.__traceback__)
    ]
    return dg.Failure(
        description=f"[{type(problem).__name__}] An unexpected error. "
        f"Run {again} to see its text, and report it.\n"
        f"See {page_of('UnexpectedError')}",
        metadata={"error": type(problem).__name__, "where": dg.MetadataValue.text("\n".join(places))},
        allow_retries=False,
    )


def expected(problem: PipelineError) -> dg.Failure:
    """The failure for one of the pipeline's own errors."""
    page = page_of(problem.kind)
    return dg.Failure(
        description=f"[{problem.kind}] {problem.message} {problem.remedy}\nSee {page}",
        metadata={"error": problem.kind, "remedy": problem.remedy, "docs": page},
        allow_retries=problem.retryable,
    )
