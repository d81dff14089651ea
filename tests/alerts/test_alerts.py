"""A problem is told once and once more when it is over, on both ways, whatever the servers do in between."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inode_pipeline.alerts import Journal, Message, Problem, send
from inode_pipeline.config import AlertSettings
from inode_pipeline.errors import AlertError

if TYPE_CHECKING:
    from conftest import Hook, Mailbox

NOW = datetime(2026, 11, 23, 7, 10, tzinfo=UTC)
DOWN = Problem("ApiUnreachableError", "A run for 2026-11-23 failed", "No connection. Wait.", NOW.isoformat())


def settings(hook: Hook | None = None, mailbox: Mailbox | None = None, user: str = "") -> AlertSettings:
    values: dict[str, Any] = {}
    if hook:
        values["alert_webhook_url"] = hook.address
    if mailbox:
        values |= {"alert_smtp_url": f"smtp://{user}127.0.0.1:{mailbox.port}", "alert_to": "anna@example.org, b@c.org"}
    return AlertSettings(_env_file=None, **values)


def tick(journal: Journal, to: AlertSettings, *problems: Problem, now: datetime = NOW) -> list[str]:
    """What a sensor does each time; the journal goes through its text, as a cursor does."""
    journal.present({problem.key: problem for problem in problems}, "It is over.", to, now)
    failed = journal.deliver(to, now)
    again = Journal.read(journal.written())
    assert again == journal
    return failed


def test_one_message_when_it_begins_and_one_when_it_is_over(hook: Hook, mailbox: Mailbox) -> None:
    """However often it is seen, a problem is one message on each way, and its end is one more."""
    journal, to = Journal(), settings(hook, mailbox)
    for problems in ([], [DOWN], [DOWN], [DOWN], [], []):
        assert tick(journal, to, *problems) == []
    expected = ["A run for 2026-11-23 failed", "Over: A run for 2026-11-23 failed"]
    assert [taken["title"] for taken in hook.taken] == expected
    assert [letter["Subject"] for letter in mailbox.taken] == [f"[inode-pipeline] {title}" for title in expected]


def test_a_problem_that_comes_back_is_told_again(hook: Hook) -> None:
    """What was over and begins anew is news."""
    journal, to = Journal(), settings(hook)
    for problems in ([DOWN], [], [DOWN]):
        tick(journal, to, *problems)
    assert [taken["state"] for taken in hook.taken] == ["problem", "over", "problem"]


def test_the_webhook_gets_json_that_slack_shows(hook: Hook) -> None:
    """`text` says everything and cannot ring for a whole channel; the other fields are for machines."""
    problem = Problem("key", "Red <!channel>", "a & b", NOW.isoformat(), ("2026-11-23",))
    send(Message("webhook", "problem", problem, NOW.isoformat()), settings(hook))
    assert hook.taken == [
        {
            "text": "Red &lt;!channel&gt;\na &amp; b",
            "source": "inode_pipeline",
            "state": "problem",
            "key": "key",
            "title": "Red <!channel>",
            "message": "a & b",
            "since": NOW.isoformat(),
            "dates": ["2026-11-23"],
        }
    ]
    assert hook.headers[0]["Content-Type"] == "application/json"


def test_mail_is_a_letter_to_all(mailbox: Mailbox) -> None:
    """It has sender, receivers, subject and body, says that a machine wrote it, and a title ends no header."""
    mailbox.password = "p@ss word"
    problem = Problem("key", "Red\r\nBcc: other@example.org", "Größe", NOW.isoformat())
    to = settings(mailbox=mailbox, user="robot%40example.org:p%40ss%20word@")
    send(Message("mail", "problem", problem, NOW.isoformat()), to)
    [letter] = mailbox.taken
    assert (letter["From"], letter["To"]) == ("robot@example.org", "anna@example.org, b@c.org")
    assert letter["Subject"] == "[inode-pipeline] Red  Bcc: other@example.org"
    assert letter["Bcc"] is None
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "Größe" in letter.get_content()


def test_what_cannot_be_delivered_waits_for_its_own_way_only(hook: Hook, mailbox: Mailbox) -> None:
    """While the webhook is away the mail goes out, once; later the webhook gets what it missed, in order."""
    journal, to = Journal(), settings(hook, mailbox)
    hook.status = 503
    [told] = tick(journal, to, DOWN)
    assert "127.0.0.1 answered 503" in told
    tick(journal, to)
    hook.status = 200
    assert tick(journal, to) == []
    assert [taken["state"] for taken in hook.taken] == ["problem", "over"]
    assert len(mailbox.taken) == 2


def test_a_message_of_yesterday_is_not_sent_any_more(mailbox: Mailbox) -> None:
    """After a day nobody wants to hear it."""
    journal, to = Journal(), settings(mailbox=mailbox)
    mailbox.is_full = True
    assert tick(journal, to, DOWN) != []
    mailbox.is_full = False
    assert tick(journal, to, DOWN, now=NOW + timedelta(hours=25)) == []
    assert (mailbox.taken, journal.waiting) == ([], [])


@pytest.mark.parametrize("status", [301, 404, 500])
def test_s4_no_error_shows_the_address(hook: Hook, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever knows a webhook's address may write there, so an error names its host and nothing more."""
    hook.status = status
    with caplog.at_level("DEBUG"), pytest.raises(AlertError) as told:
        send(Message("webhook", "problem", DOWN, NOW.isoformat()), settings(hook))
    assert str(status) in str(told.value)
    assert "canary" not in str(told.value) + caplog.text


def test_s4_a_refused_mail_login_is_told_without_the_password(mailbox: Mailbox) -> None:
    """The error has the host and the kind of failure."""
    mailbox.password = "right"
    to = settings(mailbox=mailbox, user="robot:canary-wrong@")
    with pytest.raises(AlertError, match=r"the mail server 127\.0\.0\.1 failed \(SMTPAuthenticationError\)") as told:
        send(Message("mail", "problem", DOWN, NOW.isoformat()), to)
    assert "canary" not in str(told.value)


@pytest.mark.parametrize("channel", ["webhook", "mail"])
def test_a_server_that_is_not_there_is_an_error(channel: Any) -> None:
    """Nobody listens: one sentence, at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    values = {"alert_smtp_url": f"smtp://127.0.0.1:{port}", "alert_to": "a@b"}
    to = AlertSettings(_env_file=None, alert_webhook_url=f"http://127.0.0.1:{port}/", **values)
    with pytest.raises(AlertError, match=r"127\.0\.0\.1"):
        send(Message(channel, "problem", DOWN, NOW.isoformat()), to)


def test_without_an_address_nothing_waits() -> None:
    """Who has configured nobody to tell collects no messages either."""
    journal = Journal()
    assert tick(journal, AlertSettings(_env_file=None), DOWN) == []
    assert journal.waiting == []


@pytest.mark.parametrize("text", [None, "", "no json", "[]", '{"told": {"a": {}}}', '{"waiting": [{"a": 1}]}'])
def test_a_journal_that_cannot_be_read_begins_anew(text: str | None) -> None:
    """A damaged cursor never keeps the sensors from working."""
    assert Journal.read(text) == Journal()
