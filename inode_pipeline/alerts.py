"""Alerts: one message when a problem begins and one when it is over, to each address of INODE_ALERT_URLS.

A `Journal` records which problems were reported and which messages still have to be sent. Dagster stores it as JSON in
a sensor's cursor, so that a message is neither lost nor repeated. Messages are stored, so they contain no secret.
`defs/sensors.py` detects problems, `api/alert.py` sends messages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from inode_pipeline.api.alert import MAX_SECONDS, Alert, send_alerts
from inode_pipeline.config import AlertSettings
from inode_pipeline.text import visible

MESSAGE_TTL = timedelta(days=1)
"""A message that cannot be delivered within this time is dropped."""

MAX_TEXT = 2000
MAX_TITLE = 150
MAX_NAMES = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem to report, identified by `key`; `title` is one line, `text` says what to do about it.

    `about` lists what the problem is about, such as the silent links; a new entry is reported again.
    """

    key: str
    title: str
    text: str
    since: str
    dates: tuple[str, ...] = ()
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """The message that a problem has begun or is over, for the address at a position in INODE_ALERT_URLS."""

    position: int
    state: Literal["problem", "over"]
    problem: Problem
    written_at: str

    @property
    def title(self) -> str:
        """One line, without control characters."""
        words = "Over: " if self.state == "over" else ""
        return visible(" ".join(f"{words}{self.problem.title}".split()), MAX_TITLE)

    @property
    def text(self) -> str:
        """The body of the message, as plain text."""
        return f"{self.problem.text}\nSince {self.problem.since}."[:MAX_TEXT]

    @property
    def alert(self) -> Alert:
        """The alert to send."""
        return Alert(self.position, self.problem.key, self.state, self.title, self.text)

    def is_worth_sending(self, settings: AlertSettings, now: datetime) -> bool:
        """Whether its address is still configured and the message is not too old."""
        is_new = datetime.fromisoformat(self.written_at) >= now - MESSAGE_TTL
        return is_new and self.position < len(settings.alert_addresses)


@dataclass
class Journal:
    """The reported problems and the messages still to be sent. `seen` is how far the sensor has read."""

    reported: dict[str, Problem] = field(default_factory=dict)
    waiting: list[Message] = field(default_factory=list)
    seen: str | None = None

    @classmethod
    def from_json(cls, text: str | None) -> Self:
        """Read a journal; an empty one if there is none or it cannot be read."""
        try:
            kept: dict[str, Any] = json.loads(text or "{}")
            reported = {key: _problem(value) for key, value in kept.get("reported", {}).items()}
            waiting = [
                Message(**(value | {"problem": _problem(value["problem"])})) for value in kept.get("waiting", [])
            ]
            return cls(reported, waiting, kept.get("seen"))
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def to_json(self) -> str:
        """The journal as JSON, to be stored until the next tick."""
        reported = {key: asdict(problem) for key, problem in self.reported.items()}
        waiting = [asdict(message) for message in self.waiting]
        return json.dumps({"reported": reported, "waiting": waiting, "seen": self.seen})

    def report(self, problem: Problem, settings: AlertSettings, now: datetime) -> None:
        """Report a problem; if it was reported already, report only new entries of `about`."""
        known = self.reported.get(problem.key)
        if known is None:
            self.reported[problem.key] = problem
            self._write("problem", problem, settings, now)
            return
        self.reported[problem.key] = replace(known, dates=problem.dates, about=problem.about)
        if new := [name for name in problem.about if name not in set(known.about)]:
            more = f" and {len(new) - MAX_NAMES} more" if len(new) > MAX_NAMES else ""
            text = f"New: {', '.join(new[:MAX_NAMES])}{more}.\n{problem.text}"
            self._write("problem", replace(problem, text=text), settings, now)

    def resolve(self, key: str, text: str, settings: AlertSettings, now: datetime) -> None:
        """Report that a problem is over, if it was reported."""
        problem = self.reported.pop(key, None)
        if problem is not None:
            self._write("over", replace(problem, text=text), settings, now)

    def update(self, problems: Mapping[str, Problem], over: str, settings: AlertSettings, now: datetime) -> None:
        """Report the problems that are new, and resolve those that no longer exist; `over` is the text for these."""
        for problem in problems.values():
            self.report(problem, settings, now)
        for key in self.reported.keys() - problems.keys():
            self.resolve(key, over, settings, now)

    def deliver(self, settings: AlertSettings, now: datetime, *, max_seconds: float = MAX_SECONDS) -> list[str]:
        """Send the waiting messages in order and keep those that fail; return the reasons, one sentence each."""
        waiting = [message for message in self.waiting if message.is_worth_sending(settings, now)]
        problems = (
            send_alerts([message.alert for message in waiting], settings, max_seconds=max_seconds) if waiting else []
        )
        self.waiting = [message for message, problem in zip(waiting, problems, strict=True) if problem]
        return list(dict.fromkeys(str(problem) for problem in problems if problem))

    def _write(
        self, state: Literal["problem", "over"], problem: Problem, settings: AlertSettings, now: datetime
    ) -> None:
        positions = range(len(settings.alert_addresses))
        self.waiting += [Message(position, state, problem, now.isoformat()) for position in positions]


def _problem(value: Mapping[str, Any]) -> Problem:
    return Problem(**{**value, "dates": tuple(value["dates"]), "about": tuple(value["about"])})
