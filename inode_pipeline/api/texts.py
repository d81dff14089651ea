"""The records of a page as they were written: equal texts are equal records, whatever they mean.

Keep out: what they mean (`answer.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from inode_pipeline.api.answer import read_answer
from inode_pipeline.api.decode import MAX_VALUES, not_a_page


class _Envelope(msgspec.Struct):
    results: list[msgspec.Raw]


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


def record_texts(body: bytes) -> list[bytes]:
    """The text of each record of a page. What stands around the records is read; the records themselves are not.

    Raises:
        ApiContractError: it is no page for certain.

    """
    try:
        records = _LIST.decode(body) if body.lstrip()[:1] == b"[" else _ENVELOPE.decode(body).results
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise not_a_page("its records cannot be told apart") from None
    texts = list(map(bytes, records))
    if len(body) > MAX_VALUES and body.count(b",") > MAX_VALUES:
        raise not_a_page("it is too long to be split")
    before, region, after = _around(body, texts)
    if not _is_made_of(region, texts) or read_answer(before + after).records:
        raise not_a_page("its records cannot be told apart")
    return texts


def page_of(texts: Iterable[bytes]) -> bytes:
    """A page that holds these records and nothing else."""
    return b"[" + b",".join(texts) + b"]"


def _around(body: bytes, texts: list[bytes]) -> tuple[bytes, bytes, bytes]:
    """What stands before the records, from the first to the last of them, and after them.

    Where they are not where they should be, something of them stays outside.
    """
    if not texts:
        return body, b"", b""
    start = body.find(texts[0])
    end = body.find(texts[-1], start + sum(map(len, texts[:-1]))) + len(texts[-1])
    return body[:start], body[start:end], body[end:]


def _is_made_of(region: bytes, texts: list[bytes]) -> bool:
    """Whether nothing but commas and white space stands between the records."""
    if len(region) == sum(map(len, texts)) + len(texts) - 1:
        return True
    at = 0
    for text in texts:
        found = region.find(text, at)
        if found < 0 or region[at:found].strip(b", \t\r\n"):
            return False
        at = found + len(text)
    return True
