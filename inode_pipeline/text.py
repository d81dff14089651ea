"""What may be shown of foreign text: in a message, on a terminal, in a table or on a page.

`visible` is for values and names, `quoted` for what a server wrote and may hold mark-up or one of our secrets.
"""

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
"""Characters of a foreign text that are enough to recognise it."""
NAME_LIMIT: Final = 60
"""Characters of a foreign name, such as a field's."""

_SKIPPED: Final = re.compile(r"<(script|style)\b.*?(</\1\s*>|\Z)|<!--.*?(-->|\Z)", re.DOTALL | re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]*>")
_SEEN: Final = 20_000
_HIDDEN: Final = "\ufffc"
"""Stands for a secret until the end, since the word that is shown for it may itself be a piece of one."""
_TELLING: Final = re.compile(r"[A-Za-z0-9]{4,}")
"""A piece of a secret that no way of escaping changes, and that is long enough to tell something."""


def visible(text: object, longest: int | None = None) -> str:
    """Foreign text on one line, without characters that nobody sees or that steer a terminal: `?` for each.

    A text longer than `longest` ends in `…`.
    """
    shown = str(text) if longest is None else _shortened(str(text), longest)
    return "".join(character if character.isprintable() else "?" for character in shown)


def visible_lines(text: object) -> str:
    """The same for a text of several lines."""
    return "\n".join(map(visible, str(text).split("\n")))


def short(name: object) -> str:
    """The same for a foreign name, such as a field's: at most 60 characters."""
    return visible(name, NAME_LIMIT)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def quoted(text: str | bytes, secrets: Iterable[str] = ()) -> str:
    """At most 200 characters of what a server wrote, on one line: no mark-up, no control character, no secret."""
    if isinstance(text, bytes):
        text = text[:_SEEN].decode("utf-8", errors="replace")
    forms = _forms(secrets)
    text = _without(forms, text[:_SEEN])  # before mark-up goes, which a secret may look like
    if "<" in text:
        text = _TAG.sub(" ", _SKIPPED.sub(" ", text))
    text = _without(forms, html.unescape(text))
    words = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text).split()
    return _shortened(" ".join(words).replace(_HIDDEN, "[secret]"), LIMIT)


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
