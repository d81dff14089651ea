"""Django's settings made from `Options`. Must run before anything of Django REST framework is imported."""

from __future__ import annotations

from pathlib import Path

import django
from django.conf import settings
from server.options import Options

APPS = (
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "rest_framework.authtoken",
    "oauth2_provider",
    "server",
)
SECRET_HASHER = "django.contrib.auth.hashers.MD5PasswordHasher"  # the default costs half a second of CPU per login


def configure(options: Options, database: Path) -> None:
    """Give Django its settings and load its apps; everything not named here is Django's default."""
    settings.configure(
        OPTIONS=options,
        SECRET_KEY="a key for tests on loopback",
        ALLOWED_HOSTS=["127.0.0.1"],  # and not localhost, so that a test can be the wrong host
        ROOT_URLCONF="server.urls",
        STATIC_URL="/static/",
        INSTALLED_APPS=APPS,
        MIDDLEWARE=(
            "server.watch.Watch",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ),
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        DATABASES={"default": _database(database)},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        PASSWORD_HASHERS=[SECRET_HASHER],
        LANGUAGE_CODE=options.language,
        TIME_ZONE=options.time_zone,
        OAUTH2_PROVIDER=_oauth2(options),
        LOGGING_CONFIG=None,
    )
    django.setup()


def _database(path: Path) -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF",
        },
    }


def _oauth2(options: Options) -> dict[str, object]:
    return {
        "SCOPES": {"sync": "Read everything a sync needs", "read": "Read a little"},
        "DEFAULT_SCOPES": ["read"],
        "ACCESS_TOKEN_EXPIRE_SECONDS": options.token_expires_s,
        "ROTATE_REFRESH_TOKEN": options.rotate_refresh,
        "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": options.refresh_grace_s,
        "REFRESH_TOKEN_REUSE_PROTECTION": options.refresh_reuse_protection,
        "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": options.hashed_tokens,
        "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": not options.password_grant,
    }
