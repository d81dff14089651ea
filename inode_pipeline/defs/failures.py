"""Errors as Dagster shows them: one sentence, its remedy, and whether a retry may help.

Dagster stores the text of errors in plain text, so only the pipeline's own messages get there, which never hold a
secret or a record's value.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from inode_pipeline.errors import PipelineError

SYNC_AGAIN = "`inode-pipeline sync --debug` for this date"


def page_of(kind: str) -> str:
    """The section of the docs about this kind of error."""
    return f"docs/operations.md#{kind.lower()}"


@contextmanager
def as_failure(again: str = SYNC_AGAIN) -> Iterator[None]:
    """Turn every error of the block into a `dagster.Failure`, without its cause, whose text may hold anything.

    `again` is the command that shows more of an unexpected error.
    """
    try:
        yield
    except PipelineError as problem:
        raise expected(problem) from None
    except Exception as problem:  # noqa: BLE001 - the event log must not get the text of an unknown error
        raise unexpected(problem, again) from None


def unexpected(problem: Exception, again: str = SYNC_AGAIN) -> dg.Failure:
    """The failure for an unexpected error: its class and where it was raised, without its text."""
    places = [
        f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in traceback.extract_tb(problem.__traceback__)
    ]
    return dg.Failure(
        description=f"[{type(problem).__name__}] An error that this program did not expect. "
        f"Run {again}, which shows its text, and report it.\n"
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
