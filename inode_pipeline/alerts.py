"""Alerts: one message when a problem begins and one when it is over, to each address of INODE_ALERT_URLS.

A `Journal` remembers which problems were reported and which messages wait for a server that is unavailable. It is one
JSON text, which Dagster keeps as a sensor's cursor, so that a message is neither lost nor repeated and no table is
needed. Messages are stored, so they hold no secret. `defs/sensors.py` notices problems, `api/alert.py` sends messages.
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
"""A message that could not be delivered for so long is dropped."""

MAX_TEXT = 2000
MAX_TITLE = 150
MAX_NAMES = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a person should know. One `key` is one problem; `title` is a line, `text` what to do about it.

    `about` names what the problem is about, such as the silent links: one that is added is reported.
    """

    key: str
    title: str
    text: str
    since: str
    dates: tuple[str, ...] = ()
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A problem that begins or is over, for the address at one position of INODE_ALERT_URLS."""

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
        """The message below its title, as plain text."""
        return f"{self.problem.text}\nSince {self.problem.since}."[:MAX_TEXT]

    @property
    def alert(self) -> Alert:
        """What is sent."""
        return Alert(self.position, self.problem.key, self.state, self.title, self.text)

    def is_worth_sending(self, settings: AlertSettings, now: datetime) -> bool:
        """Whether its address is still configured and it is not too old."""
        is_new = datetime.fromisoformat(self.written_at) >= now - MESSAGE_TTL
        return is_new and self.position < len(settings.alert_addresses)


@dataclass
class Journal:
    """Which problems were reported, and which messages wait to be sent. `seen` is the sensor's own bookmark."""

    reported: dict[str, Problem] = field(default_factory=dict)
    waiting: list[Message] = field(default_factory=list)
    seen: str | None = None

    @classmethod
    def read(cls, text: str | None) -> Self:
        """The journal of an earlier time; an empty one where there is none or it cannot be read."""
        try:
            kept: dict[str, Any] = json.loads(text or "{}")
            reported = {key: _problem(value) for key, value in kept.get("reported", {}).items()}
            waiting = [
                Message(**(value | {"problem": _problem(value["problem"])})) for value in kept.get("waiting", [])
            ]
            return cls(reported, waiting, kept.get("seen"))
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def written(self) -> str:
        """The text to keep until the next time."""
        reported = {key: asdict(problem) for key, problem in self.reported.items()}
        waiting = [asdict(message) for message in self.waiting]
        return json.dumps({"reported": reported, "waiting": waiting, "seen": self.seen})

    def begins(self, problem: Problem, settings: AlertSettings, now: datetime) -> None:
        """Report a problem unless it was reported already; then only what it is newly about."""
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

    def is_over(self, key: str, text: str, settings: AlertSettings, now: datetime) -> None:
        """Report that a problem is over, if it was reported."""
        problem = self.reported.pop(key, None)
        if problem is not None:
            self._write("over", replace(problem, text=text), settings, now)

    def present(self, problems: Mapping[str, Problem], over: str, settings: AlertSettings, now: datetime) -> None:
        """Report which of the present problems are new, and which reported ones are no longer present."""
        for problem in problems.values():
            self.begins(problem, settings, now)
        for key in self.reported.keys() - problems.keys():
            self.is_over(key, over, settings, now)

    def deliver(self, settings: AlertSettings, now: datetime, *, max_seconds: float = MAX_SECONDS) -> list[str]:
        """Send what waits, in order; what cannot be sent waits for the next time. Returns why, a sentence each."""
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
