"""Quote what a server wrote: in one line, shortened, and without a secret that it may echo."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

LIMIT: Final = 200
_SKIPPED: Final = re.compile(r"<(script|style)\b.*?(</\1\s*>|\Z)|<!--.*?(-->|\Z)", re.DOTALL | re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]*>")
_SEEN: Final = 20_000


def quoted(text: str | bytes, secrets: Iterable[str] = ()) -> str:
    """At most 200 clean characters of a foreign text: no mark-up, no control character, none of the secrets."""
    if isinstance(text, bytes):
        text = text[:_SEEN].decode("utf-8", errors="replace")
    text = _TAG.sub(" ", _SKIPPED.sub(" ", text[:_SEEN])) if "<" in text else text[:_SEEN]
    for form in _forms(secrets):
        text = text.replace(form, "[secret]")
    clean = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    clean = " ".join(clean.split())
    return clean if len(clean) <= LIMIT else clean[: LIMIT - 1] + "…"


def _forms(secrets: Iterable[str]) -> list[str]:
    """Each secret as it is and as it travels, longest first, so that none hides within another."""
    forms: set[str] = set()
    for secret in filter(None, secrets):
        forms |= {secret, quote(secret, safe=""), quote_plus(secret), base64.b64encode(secret.encode()).decode()}
    return sorted(forms, key=len, reverse=True)
