"""Quote what a server wrote: in one line, shortened, and without a secret that it may echo."""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

LIMIT: Final = 200
_SKIPPED: Final = re.compile(r"<(script|style)\b.*?(</\1\s*>|\Z)|<!--.*?(-->|\Z)", re.DOTALL | re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]*>")
_SEEN: Final = 20_000
_HIDDEN: Final = "\ufffc"
"""Stands for a secret until the end, since the word that is shown for it may itself be a piece of one."""
_TELLING: Final = re.compile(r"[A-Za-z0-9]{4,}")
"""A piece of a secret that no way of escaping changes, and that is long enough to tell something."""


def quoted(text: str | bytes, secrets: Iterable[str] = ()) -> str:
    """At most 200 clean characters of a foreign text: no mark-up, no control character, none of the secrets."""
    if isinstance(text, bytes):
        text = text[:_SEEN].decode("utf-8", errors="replace")
    forms = _forms(secrets)
    text = _without(forms, text[:_SEEN])  # before mark-up goes, which a secret may look like
    if "<" in text:
        text = _TAG.sub(" ", _SKIPPED.sub(" ", text))
    text = _without(forms, html.unescape(text))
    clean = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    clean = " ".join(clean.split()).replace(_HIDDEN, "[secret]")
    return clean if len(clean) <= LIMIT else clean[: LIMIT - 1] + "…"


def _without(forms: Iterable[str], text: str) -> str:
    for form in forms:
        text = text.replace(form, _HIDDEN)
    return text


def _forms(secrets: Iterable[str]) -> list[str]:
    """Each secret as it is, as it travels and as a server may write it, longest first, so that none hides in another.

    Nobody knows every way of writing a text, so the pieces that are the same in all of them go as well.
    """
    forms: set[str] = set()
    for secret in filter(None, secrets):
        forms |= {secret, quote(secret, safe=""), quote_plus(secret), base64.b64encode(secret.encode()).decode()}
        forms |= {html.escape(secret), json.dumps(secret)[1:-1], *_TELLING.findall(secret)}
    return sorted(forms, key=len, reverse=True)
