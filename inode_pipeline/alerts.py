"""What is worth telling, once: one message when a problem begins, one when it is over, to a webhook and by mail.

A `Journal` remembers which problems were told and which messages wait for a server that is away. It is one JSON text,
which Dagster keeps as a sensor's cursor, so that a message is neither lost nor repeated and no table is needed.
Keep out: how a problem is noticed (`defs/sensors.py`), and everything that could hold a secret: messages are stored.
"""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from inode_pipeline.api.trust import trusted_context
from inode_pipeline.api.webhook import post_json
from inode_pipeline.config import AlertSettings, is_loopback
from inode_pipeline.errors import AlertError, PipelineError

Channel = Literal["webhook", "mail"]

KEPT_FOR = timedelta(days=1)
"""A message that could not be delivered for so long helps nobody any more."""

LONGEST = 2000
MAIL_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a person should know. One `key` is one problem; `title` is a line, `text` what to do about it."""

    key: str
    title: str
    text: str
    since: str
    dates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A problem that begins or is over, for one channel."""

    channel: Channel
    state: Literal["problem", "over"]
    problem: Problem
    written_at: str

    @property
    def title(self) -> str:
        """One line without anything that ends one."""
        words = "Over: " if self.state == "over" else ""
        return "".join(c if c.isprintable() else " " for c in f"{words}{self.problem.title}")[:150]

    @property
    def text(self) -> str:
        """The whole message as plain text."""
        return f"{self.title}\n{self.problem.text}"[:LONGEST]

    def payload(self) -> dict[str, object]:
        """The JSON object for a webhook. `text` is what Slack shows, where these three characters have a meaning."""
        text = self.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return {
            "text": text,
            "source": "inode_pipeline",
            "state": self.state,
            "key": self.problem.key,
            "title": self.title,
            "message": self.problem.text[:LONGEST],
            "since": self.problem.since,
            "dates": list(self.problem.dates),
        }


@dataclass
class Journal:
    """Which problems were told, and which messages wait to be delivered. `seen` is the noticer's own bookmark."""

    told: dict[str, Problem] = field(default_factory=dict)
    waiting: list[Message] = field(default_factory=list)
    seen: str | None = None

    @classmethod
    def read(cls, text: str | None) -> Self:
        """The journal of an earlier time; an empty one where there is none or it cannot be read."""
        try:
            kept: dict[str, Any] = json.loads(text or "{}")
            told = {key: _problem(value) for key, value in kept.get("told", {}).items()}
            waiting = [
                Message(**(value | {"problem": _problem(value["problem"])})) for value in kept.get("waiting", [])
            ]
            return cls(told, waiting, kept.get("seen"))
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def written(self) -> str:
        """The text to keep until the next time."""
        told = {key: asdict(problem) for key, problem in self.told.items()}
        waiting = [asdict(message) for message in self.waiting]
        return json.dumps({"told": told, "waiting": waiting, "seen": self.seen})

    def begins(self, problem: Problem, settings: AlertSettings, now: datetime) -> None:
        """Tell a problem unless it was told already; then only its newest dates are remembered."""
        if problem.key in self.told:
            self.told[problem.key] = replace(self.told[problem.key], dates=problem.dates)
            return
        self.told[problem.key] = problem
        self._write("problem", problem, settings, now)

    def is_over(self, key: str, text: str, settings: AlertSettings, now: datetime) -> None:
        """Tell that a problem is over, if it was told."""
        problem = self.told.pop(key, None)
        if problem is not None:
            self._write("over", replace(problem, text=text), settings, now)

    def present(self, problems: Mapping[str, Problem], over: str, settings: AlertSettings, now: datetime) -> None:
        """Tell of whatever is among the present problems and was not told, and of what was told and is not there."""
        for problem in problems.values():
            self.begins(problem, settings, now)
        for key in self.told.keys() - problems.keys():
            self.is_over(key, over, settings, now)

    def deliver(self, settings: AlertSettings, now: datetime) -> list[str]:
        """Send what waits, in order; what cannot be sent waits for the next time. Returns why, a sentence each."""
        problems: dict[Channel, str] = {}
        left = []
        for message in self.waiting:
            if message.channel not in channels(settings) or datetime.fromisoformat(message.written_at) < now - KEPT_FOR:
                continue
            try:
                if message.channel not in problems:
                    send(message, settings)
                    continue
            except PipelineError as problem:
                problems[message.channel] = str(problem)
            left.append(message)
        self.waiting = left
        return list(problems.values())

    def _write(
        self, state: Literal["problem", "over"], problem: Problem, settings: AlertSettings, now: datetime
    ) -> None:
        self.waiting += [Message(channel, state, problem, now.isoformat()) for channel in channels(settings)]


def channels(settings: AlertSettings) -> list[Channel]:
    """Where messages go, by the settings."""
    configured: dict[Channel, object] = {"webhook": settings.alert_webhook_url, "mail": settings.alert_smtp_url}
    return [channel for channel, address in configured.items() if address is not None]


def send(message: Message, settings: AlertSettings) -> None:
    """Send one message now.

    Raises:
        AlertError: it was not taken; the error names the host only.

    """
    if message.channel == "webhook" and settings.alert_webhook_url is not None:
        post_json(settings.alert_webhook_url.get_secret_value(), message.payload(), settings)
    if message.channel == "mail" and settings.alert_smtp_url is not None:
        _mail(message, settings.alert_smtp_url.get_secret_value(), settings)


def _mail(message: Message, address: str, settings: AlertSettings) -> None:
    parts = urlsplit(address)
    host, context = parts.hostname or "", trusted_context(settings)
    try:
        with (
            smtplib.SMTP_SSL(host, parts.port or 465, timeout=MAIL_TIMEOUT_S, context=context)
            if parts.scheme == "smtps"
            else smtplib.SMTP(host, parts.port or 587, timeout=MAIL_TIMEOUT_S)
        ) as server:
            if parts.scheme == "smtp" and not is_loopback(host):
                server.starttls(context=context)  # raises where the server does not offer it
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(_letter(message, address, settings))
    except (smtplib.SMTPException, OSError, ssl.SSLError, ValueError) as problem:
        raise AlertError(
            f"A message could not be mailed: the mail server {host} failed ({type(problem).__name__}).",
            remedy="Check INODE_ALERT_SMTP_URL and INODE_ALERT_TO.",
        ) from None


def _letter(message: Message, address: str, settings: AlertSettings) -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"] = f"[inode-pipeline] {message.title}"
    letter["From"] = _sender(address)
    letter["To"] = settings.alert_to or ""
    letter["Date"] = formatdate()
    letter["Message-ID"] = make_msgid(domain="inode-pipeline")
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(f"{message.text}\n\nSince {message.problem.since}\n")
    return letter


def _sender(address: str) -> str:
    """`?from=` of the server's address, else its user if that is a mailbox, else this machine's."""
    parts = urlsplit(address)
    user = unquote(parts.username or "")
    named = parse_qs(parts.query).get("from", [user if "@" in user else f"inode-pipeline@{socket.getfqdn()}"])
    return named[0]


def _problem(value: Mapping[str, Any]) -> Problem:
    return Problem(**{**value, "dates": tuple(value["dates"])})
