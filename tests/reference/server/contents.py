"""What stands in the database after a reset: people, clients, a key, sensors and links. All of it is invented."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from oauth2_provider.models import AccessToken, Application, RefreshToken
from rest_framework.authtoken.models import Token
from server.models import Link, Sensor

CREDENTIALS = {
    "username": "analyst",
    "password": "päss wörd+%41",
    "inactive_username": "gone",
    "client_id": "inode-client",
    "client_secret": "correct-horse",
    "strange_client_id": "id+with %41:",
    "strange_client_secret": "a%41+b:c é",
    "code_only_client_id": "may-not-log-in-with-a-password",
    "api_key": "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b",
    "inactive_api_key": "0000b09199c62bcf9418ad846dd0e4bbdfc6ee4b",
}
FIRST_ID = 1001  # so that a test can insert links in front
SENSORS = 12
BERLIN_SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)  # the links' times cross a change of the clocks


def fill_accounts() -> None:
    """Make the users, OAuth2 clients and API keys; they are the same after every reset."""
    for name, is_active, key in (
        ("username", True, "api_key"),
        ("inactive_username", False, "inactive_api_key"),
    ):
        user = User.objects.create_user(CREDENTIALS[name], password=CREDENTIALS["password"], is_active=is_active)
        Token.objects.create(user=user, key=CREDENTIALS[key])
    password, code = Application.GRANT_PASSWORD, Application.GRANT_AUTHORIZATION_CODE
    for client, secret, grant in (
        ("client_id", "client_secret", password),
        ("strange_client_id", "strange_client_secret", password),
        ("code_only_client_id", "client_secret", code),
    ):
        Application.objects.create(
            client_id=CREDENTIALS[client],
            client_secret=CREDENTIALS[secret],
            client_type=Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=grant,
            redirect_uris="https://example.org/",
        )


@transaction.atomic
def reset() -> None:
    """Bring tokens, throttle and links back to the beginning."""
    cache.clear()
    RefreshToken.objects.all().delete()
    AccessToken.objects.all().delete()
    Link.objects.all().delete()
    Sensor.objects.all().delete()
    chance = random.Random(7)
    sensors = [_sensor(number, chance) for number in range(1, SENSORS + 1)]
    Sensor.objects.bulk_create(sensors)
    Link.objects.bulk_create(
        link(FIRST_ID + number, sensors[number % SENSORS], sensors[(number * 5 + 1) % SENSORS], chance)
        for number in range(settings.OPTIONS.links)
    )


def _sensor(number: int, chance: random.Random) -> Sensor:
    return Sensor(
        id=number,
        name=f"Sensor {number}",
        latitude=round(52.5 + chance.uniform(-0.1, 0.1), 6),
        longitude=round(13.4 + chance.uniform(-0.1, 0.1), 6),
    )


def link(link_id: int, origin: Sensor, destination: Sensor, chance: random.Random) -> Link:
    """Make a link whose length, time and speed agree; every ninth was not measured, every fourth has no sensors."""
    distance = round(chance.uniform(300, 9000), 1)
    speed = round(chance.uniform(8, 110), 3)
    is_measured, has_sensors = link_id % 9 != 0, link_id % 4 != 0
    seen_at = BERLIN_SPRING + timedelta(minutes=37 * (link_id % 60), microseconds=0 if link_id % 3 == 0 else 123456)
    measured: dict[str, Any] = {
        "last_speed": speed,
        "last_travel_time": round(3.6 * distance / speed, 3),
        "sample_size": chance.randint(1, 90),
        "last_updated": seen_at,
    }
    return Link(
        id=link_id,
        name=f"{origin.name} → {destination.name}",
        status="Collecting" if is_measured else "Paused",
        data_source="Sensor" if has_sensors else "Crowdsourced",
        grid=f"Grid {link_id % 3}",
        origin=origin if has_sensors else None,
        destination=destination if has_sensors else None,
        distance=distance,
        free_flow_speed=round(chance.uniform(30, 120), 1),
        geometry={
            "type": "LineString",
            "coordinates": [[origin.longitude, origin.latitude], [destination.longitude, destination.latitude]],
        },
        **(measured if is_measured else dict.fromkeys(measured)),
    )
