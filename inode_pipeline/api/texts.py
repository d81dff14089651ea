"""The records of a page as they were written: equal texts are equal records, whatever they mean.

Keep out: reading them (`answer.py`).
"""

from __future__ import annotations

from typing import Final

import msgspec


class _Envelope(msgspec.Struct):
    results: list[msgspec.Raw]


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


def record_texts(body: bytes) -> list[bytes]:
    """The text of each record of a page that `read_answer` has read before; none if it is no page."""
    try:
        records = _LIST.decode(body) if body.lstrip()[:1] == b"[" else _ENVELOPE.decode(body).results
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return []
    return list(map(bytes, records))
