"""What one check of `doctor` found, and how a check that stops with an error becomes a finding.

Keep out: the checks themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inode_pipeline.errors import PipelineError

State = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was checked, how it stands and, unless it is well, what to do. `exit_code` is 0 unless failed."""

    check: str
    state: State
    text: str
    remedy: str = ""
    error: str | None = None
    exit_code: int = 0


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", text)


def warning(check: str, text: str, remedy: str) -> Finding:
    """It works, but a person should know."""
    return Finding(check, "warning", text, remedy)


def skipped(check: str, reason: str) -> Finding:
    """It could not be looked at: never shown as well."""
    return Finding(check, "skipped", reason)


def failed(check: str, problem: PipelineError) -> Finding:
    """A sync would stop with this error."""
    return Finding(check, "failed", problem.message, problem.remedy, problem.kind, problem.exit_code)


def worst(findings: list[Finding]) -> int:
    """The exit code of all: what a person must mend (2, then 1) before what may pass by itself (3)."""
    codes = {finding.exit_code for finding in findings}
    return next((code for code in (2, 1, 3) if code in codes), 0)
