"""A problem is reported once and once more when it is over, to each address, whatever the servers do in between."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inode_pipeline.alerts import Journal, Message, Problem
from inode_pipeline.api.alert import send_alerts
from inode_pipeline.config import AlertSettings
from inode_pipeline.errors import AlertError
from tests.alerts.servers import a_proxy

if TYPE_CHECKING:
    from conftest import Hook, Mailbox

NOW = datetime(2026, 11, 23, 7, 10, tzinfo=UTC)
DOWN = Problem("ApiUnreachableError", "A run for 2026-11-23 failed", "No connection. Wait.", NOW.isoformat())


def settings(*addresses: str, **more: Any) -> AlertSettings:
    return AlertSettings(_env_file=None, alert_urls=" ".join(addresses), **more)


def send(message: Message, to: AlertSettings) -> None:
    """Send one message, and raise why it could not be sent."""
    [problem] = send_alerts([message.alert], to)
    if problem:
        raise problem


def tick(journal: Journal, to: AlertSettings, *problems: Problem, now: datetime = NOW) -> list[str]:
    """What a sensor does each time; the journal goes through its text, as a cursor does."""
    journal.update({problem.key: problem for problem in problems}, "It is over.", to, now)
    failed = journal.deliver(to, now)
    again = Journal.from_json(journal.to_json())
    assert again == journal
    return failed


def test_one_message_when_it_begins_and_one_when_it_is_over(hook: Hook, mailbox: Mailbox) -> None:
    """However often it is seen, a problem is one message to each address, and its end is one more."""
    journal, to = Journal(), settings(hook.address, mailbox.address())
    for problems in ([], [DOWN], [DOWN], [DOWN], [], []):
        assert tick(journal, to, *problems) == []
    expected = ["A run for 2026-11-23 failed", "Over: A run for 2026-11-23 failed"]
    assert [taken["title"] for taken in hook.taken] == expected
    assert [letter["Subject"] for letter in mailbox.taken] == sorted(expected * 2)  # a letter for each receiver


def test_a_problem_that_comes_back_is_reported_again() -> None:
    """What was over and begins again is news."""
    journal, to = Journal(), settings("json://127.0.0.1:9/")
    for problems in ([DOWN], [], [DOWN]):
        journal.update({problem.key: problem for problem in problems}, "It is over.", to, NOW)
    assert [message.state for message in journal.waiting] == ["problem", "over", "problem"]


def test_what_a_known_problem_is_newly_about_is_reported() -> None:
    """A link that falls silent beside one that is silent already is a message of its own; one that recovers is none."""
    journal, to = Journal(), settings("json://127.0.0.1:9/")
    for about in (("7",), ("7",), ("7", "8"), ("8",), ("7", "8"), ("7", "8")):
        problem = Problem("silent", "Silent links", "Look at them.", NOW.isoformat(), about=about)
        journal.update({"silent": problem}, "It is over.", to, NOW)
    texts = [message.problem.text for message in journal.waiting]
    assert texts == ["Look at them.", "New: 8.\nLook at them.", "New: 7.\nLook at them."]


def test_a_server_of_ones_own_gets_json(hook: Hook) -> None:
    """`jsons://` sends title, text and whether it is a failure, as Apprise documents it."""
    send(Message(0, "problem", DOWN, NOW.isoformat()), settings(hook.address))
    send(Message(0, "over", DOWN, NOW.isoformat()), settings(hook.address))
    [begun, over] = hook.taken
    assert (begun["title"], begun["message"], begun["type"]) == (
        DOWN.title,
        f"{DOWN.text}\nSince {DOWN.since}.",
        "failure",
    )
    assert (over["title"], over["type"]) == (f"Over: {DOWN.title}", "success")


def test_mail_is_a_letter_to_all(mailbox: Mailbox) -> None:
    """It has sender, receivers, subject and body, and a title ends no header."""
    mailbox.password = "p@ss word"
    problem = Problem("key", "Red\r\nBcc: other@example.org", "Größe", NOW.isoformat())
    send(Message(0, "problem", problem, NOW.isoformat()), settings(mailbox.address("robot:p%40ss%20word@")))
    assert [letter["To"] for letter in mailbox.taken] == ["anna@example.org", "b@c.org"]
    letter = mailbox.taken[0]
    assert "robot@example.org" in letter["From"]
    assert letter["Subject"] == "Red Bcc: other@example.org"
    assert letter["Bcc"] is None
    assert "Größe" in letter.get_body().get_content()


def test_what_cannot_be_delivered_waits_for_its_own_address_only(hook: Hook, mailbox: Mailbox) -> None:
    """While one server is away the other gets its message, once; later the first gets what it missed, in order."""
    journal, to = Journal(), settings(hook.address, mailbox.address())
    hook.status = 503
    [problem] = tick(journal, to, DOWN)
    assert "JSON (127.0.0.1): it answered 503" in problem
    tick(journal, to)
    hook.status = 200
    assert tick(journal, to) == []
    assert [taken["type"] for taken in hook.taken] == ["failure", "success"]
    assert len(mailbox.taken) == 4


def test_what_a_tick_has_no_time_for_waits(hook: Hook) -> None:
    """A tick that Dagster ends forgets what it has sent, so sending stops before and goes on in the next tick."""
    journal, to = Journal(), settings(hook.address)
    journal.report(DOWN, to, NOW)
    [problem] = journal.deliver(to, NOW, max_seconds=0)
    assert "there was no time left" in problem
    assert (len(journal.waiting), hook.taken) == (1, [])
    journal.deliver(to, NOW)
    assert (journal.waiting, len(hook.taken)) == ([], 1)


def test_s4_a_sender_that_breaks_shows_nothing_of_the_addresses(hook: Hook, tmp_path: Path) -> None:
    """Whatever the process of Apprise dies of, the message waits, and the error has the kind of failure only."""
    broken = tmp_path / "ca.pem"
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(AlertError, match=r"the process that sends them failed \(CalledProcessError\)") as raised:
        send(Message(0, "problem", DOWN, NOW.isoformat()), settings(hook.address, ca_file=broken))
    assert "canary" not in str(raised.value)
    assert hook.taken == []


def test_a_message_of_yesterday_is_not_sent_any_more(mailbox: Mailbox) -> None:
    """After a day nobody wants to hear it."""
    journal, to = Journal(), settings(mailbox.address())
    mailbox.is_full = True
    assert tick(journal, to, DOWN) != []
    mailbox.is_full = False
    assert tick(journal, to, DOWN, now=NOW + timedelta(hours=25)) == []
    assert (mailbox.taken, journal.waiting) == ([], [])


@pytest.mark.parametrize("status", [301, 307, 404, 500])
def test_s4_no_error_shows_the_address_and_no_redirect_is_followed(
    hook: Hook, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever knows an address may write there, so an error names the service and its host and nothing more."""
    hook.status = status
    with caplog.at_level("DEBUG"), pytest.raises(AlertError) as raised:
        send(Message(0, "problem", DOWN, NOW.isoformat()), settings(f"{hook.address}?redirect=yes"))
    assert f"JSON (127.0.0.1): it answered {status}" in str(raised.value)
    assert "canary" not in str(raised.value) + caplog.text + "".join(capfd.readouterr())
    assert hook.asked == 1


def test_s4_a_refused_mail_login_is_reported_without_the_password(mailbox: Mailbox) -> None:
    """The error has the service and the host."""
    mailbox.password = "right"
    with pytest.raises(AlertError, match=r"E-Mail \(127\.0\.0\.1\)") as raised:
        send(Message(0, "problem", DOWN, NOW.isoformat()), settings(mailbox.address("robot:canary-wrong@")))
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("json://127.0.0.1:9/canary", "JSON (127.0.0.1): no connection"),
        ("json://example.org/canary", "JSON (example.org): it is not encrypted"),
        ("mailto://canary:canary@example.org", "E-Mail (example.org): it is not encrypted"),
        ("jsons://example.org/canary?verify=no", "JSON (example.org): its verify=no would accept any certificate"),
        ("slack://canary", "the address number 1: Apprise does not know this kind of address"),
        ("nobody://canary", "the address number 1: Apprise does not know this kind of address"),
    ],
)
def test_what_cannot_be_sent_safely_or_at_all_is_an_error(address: str, said: str) -> None:
    """One sentence; where encryption is missing, nothing is sent."""
    with pytest.raises(AlertError) as raised:
        send(Message(0, "problem", DOWN, NOW.isoformat()), settings(address))
    assert said in str(raised.value)
    assert "canary" not in str(raised.value)


SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#nights"


def test_messages_go_through_our_proxy_and_trust_our_authority(
    slack_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """INODE_PROXY and INODE_CA_FILE decide; the environment's proxies are not used, and neither is its bundle."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(slack_files[1]))
    with a_proxy(*slack_files) as proxy:
        to = settings(SLACK, proxy=proxy.address, ca_file=slack_files[0])
        send(Message(0, "problem", replace(DOWN, title="Red <!channel>"), NOW.isoformat()), to)
        with pytest.raises(AlertError, match=r"sent with Slack: no connection") as raised:
            send(Message(0, "problem", DOWN, NOW.isoformat()), settings(SLACK, proxy=proxy.address))
    assert proxy.asked == ["hooks.slack.com:443"] * 2
    [taken] = proxy.taken
    assert "<!channel>" not in json.dumps(taken)  # it would ring for everybody
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in str(raised.value)


def test_the_environments_proxy_is_not_used(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor for this machine INODE_PROXY, as everywhere else."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    send(Message(0, "problem", DOWN, NOW.isoformat()), settings(hook.address, proxy="http://127.0.0.1:9"))
    assert len(hook.taken) == 1


def test_pagerduty_resolves_what_it_opened(pagerduty_files: tuple[Path, Path]) -> None:
    """With `?action=map` a problem and its end have one key, whatever their titles."""
    address = "pagerduty://INTEGRATIONKEY@APIKEY?action=map"
    with a_proxy(*pagerduty_files) as proxy:
        to = settings(address, proxy=proxy.address, ca_file=pagerduty_files[0])
        for state in ("problem", "over"):
            send(Message(0, state, DOWN, NOW.isoformat()), to)
    found = [(taken["event_action"], taken["dedup_key"]) for taken in proxy.taken]
    assert found == [("trigger", DOWN.key), ("resolve", DOWN.key)]


def test_teams_gets_a_card(teams_files: tuple[Path, Path]) -> None:
    """The address that Teams' own workflow shows is taken as it is."""
    address = (
        "https://prod-01.westus.logic.azure.com:443/workflows/643e69f83c8944438d68119179a10a64/triggers/manual/"
        "paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr0z0eu"
    )
    with a_proxy(*teams_files) as proxy:
        send(
            Message(0, "problem", DOWN, NOW.isoformat()), settings(address, proxy=proxy.address, ca_file=teams_files[0])
        )
    assert proxy.asked == ["prod-01.westus.logic.azure.com:443"]
    assert "AdaptiveCard" in json.dumps(proxy.taken)


def test_without_an_address_nothing_waits() -> None:
    """Where no address is configured, no messages are collected."""
    journal = Journal()
    assert tick(journal, AlertSettings(_env_file=None), DOWN) == []
    assert journal.waiting == []


@pytest.mark.parametrize("text", [None, "", "no json", "[]", '{"reported": {"a": {}}}', '{"waiting": [{"a": 1}]}'])
def test_a_journal_that_cannot_be_read_begins_anew(text: str | None) -> None:
    """A damaged cursor never keeps the sensors from working."""
    assert Journal.from_json(text) == Journal()
