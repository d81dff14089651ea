"""How a stop is told to Dagster: one sentence, its remedy, and whether trying again may help.

Run config and the text of errors are stored in plain text, so nothing but the pipeline's own messages, which never
hold a secret or a record's value, gets there. Keep out: deciding what is a failure; that is `errors.py`.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from inode_pipeline.errors import PipelineError

SYNC_AGAIN = "`inode-pipeline sync --debug` for this date"


def page_of(kind: str) -> str:
    """Where the docs say what to do about an error of this name."""
    return f"docs/operations.md#{kind.lower()}"


@contextmanager
def told(again: str = SYNC_AGAIN) -> Iterator[None]:
    """Whatever fails inside the block is told to Dagster; `again` is the command that shows more of it.

    Raises:
        dagster.Failure: never chained to its cause, whose text may hold anything.

    """
    try:
        yield
    except PipelineError as problem:
        raise stopped(problem) from None
    except Exception as problem:  # noqa: BLE001 - the event log must not get the text of an unknown error
        raise unexpected(problem, again) from None


def unexpected(problem: Exception, again: str = SYNC_AGAIN) -> dg.Failure:
    """An error that this program did not expect: where it rose, without its text, which may hold anything.

    `again` is the command that shows the text.
    """
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


def stopped(problem: PipelineError) -> dg.Failure:
    """An error of this program: its sentence, its remedy, and a retry only if that may help."""
    description = f"{_sentence(problem)}\nSee {page_of(problem.kind)}"
    return dg.Failure(description=description, metadata=_about(problem), allow_retries=problem.retryable)


def _sentence(problem: PipelineError) -> str:
    return f"[{problem.kind}] {problem.message} {problem.remedy}"


def _about(problem: PipelineError) -> dict[str, str]:
    return {
        "error": problem.kind,
        "remedy": problem.remedy,
        "docs": page_of(problem.kind),
    }
