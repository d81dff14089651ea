"""What a test can do to the server: `ACTIONS` by name, at once or just before a chosen request for links."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from oauth2_provider.models import AccessToken, RefreshToken
from server import contents
from server.models import Link, Sensor
from server.watch import BOOK


def expire_access_tokens() -> None:
    """Let every access token be past its time; their refresh tokens stay good."""
    AccessToken.objects.update(expires=datetime(2020, 1, 1, tzinfo=UTC))


def revoke_access_tokens() -> None:
    """Remove every access token, as a clean-up job does; a refresh token without one is dead too."""
    AccessToken.objects.all().delete()


def revoke_all_tokens() -> None:
    """Remove access and refresh tokens."""
    RefreshToken.objects.all().delete()
    AccessToken.objects.all().delete()


def delete_links(*ids: int) -> None:
    """Remove these links."""
    Link.objects.filter(id__in=ids).delete()


def insert_links(*ids: int) -> None:
    """Add a link under each of these ids."""
    origin, destination = Sensor.objects.order_by("id")[:2]
    Link.objects.bulk_create(contents.link(one, origin, destination, random.Random(one)) for one in ids)


def deactivate_user() -> None:
    """Let the user be inactive until the next `activate_user`."""
    User.objects.filter(username=contents.CREDENTIALS["username"]).update(is_active=False)


def activate_user() -> None:
    """Let the user be active again."""
    User.objects.filter(username=contents.CREDENTIALS["username"]).update(is_active=True)


def lose_token_answers(how_many: int) -> None:
    """Carry out the next token requests but cut their connections before the answer."""
    BOOK.token_answers_to_lose = how_many


ACTIONS: dict[str, Callable[..., None]] = {
    action.__name__: action
    for action in (
        expire_access_tokens, revoke_access_tokens, revoke_all_tokens, delete_links, insert_links,
        deactivate_user, activate_user, lose_token_answers,
    )
}  # fmt: skip


def _carry_out(actions: Sequence[Sequence[Any]]) -> None:
    for name, *arguments in actions:
        ACTIONS[name](*arguments)


def obey(command: dict[str, Any]) -> Any:
    """Carry out one command of the test and return its answer, which JSON can hold."""
    match command:
        case {"do": "reset"}:
            BOOK.clear()
            activate_user()
            contents.reset()
        case {"do": "now", "actions": actions}:
            _carry_out(actions)
        case {"do": "before", "request": nth, "actions": actions}:
            BOOK.plans[nth] = lambda: _carry_out(actions)
        case {"do": "requests"}:
            return BOOK.entries
        case _:
            raise ValueError(command)
    return None
