"""Pages whose records all have the shape of an earlier page: read fast, and to the same values as in the general way.

Nothing is lost in silence: each key of the shape must be there and no other may be; lists hold nothing but numbers that
a double can hold, and lists; and the body must hold as many keys, or colons, as were kept, so that no key stood twice.
Every body about which there is any doubt is left to the general way (`decode.py`).
Keep out: what makes a page (`answer.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from inode_pipeline.api.decode import MAX_VALUES
from inode_pipeline.api.packed import Part, PlainRecords
from inode_pipeline.api.shape import Packed, Shape, rows_of

FEWEST: Final = 20
"""A page of fewer records is not worth a decoder of its own."""

MOST_FORMS: Final = 4
LISTS_DEEP: Final = 8

_ALL_BUT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]")
_NO_NUMBERS: Final = (b'"', b"{", b"e", b"E", b"u")
"""Each of them stands in every text, object, true, false and null, and in numbers with an exponent."""
_STRETCH: Final = 150
"""The text of lists is searched for long numbers by stretches of so many characters: a number of twice the length fills
one. No shorter number is beyond a double, or an integer of more digits than can be read."""

_BETWEEN: Final = b"\0"
"""Stands nowhere in JSON."""


@dataclass(frozen=True)
class Form:
    """The shape of a page's records and the keys around them in their envelope; None for a bare list."""

    shape: Shape
    around: tuple[str, ...] | None

    @classmethod
    def of(cls, value: object, records: Sequence[dict[str, Any]]) -> Form | None:
        """The form of a page without a flaw; None if its records do not share a shape."""
        shape = Shape.of(records)
        if shape is None:
            return None
        return cls(shape, tuple(key for key in value if key != "results") if isinstance(value, dict) else None)

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[Any]:
        """What decodes pages of this form.

        Raises: ValueError, where a key has a character that no structure's may have.
        """
        records: Any = list[self.shape.record_type()]  # type: ignore[misc]  # a type made of what was read
        if self.around is None:
            return msgspec.json.Decoder(records)
        names = {f"a{number}": key for number, key in enumerate(self.around)} | {"results": "results"}
        kinds = [(name, str | int | float | bool | None) for name in names if name != "results"]
        return msgspec.json.Decoder(
            msgspec.defstruct("Envelope", [("results", records), *kinds], rename=names, forbid_unknown_fields=True)
        )

    def read(self, body: bytes) -> tuple[list[Part], dict[str, Any]] | None:
        """The packed records and what stands around them; None if the body is not of this form for certain."""
        try:
            page = self.decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        packed, around = page, {}
        if self.around is not None:
            packed, *values = msgspec.structs.astuple(page)
            around = dict(zip(self.around, values, strict=True))
        if not packed:
            return None
        parts = self._parts(packed)
        is_whole = _keys_in(body) == self._keys(parts, around) or body.count(b":") == self._colons(parts, around)
        return (parts, around) if is_whole and all(map(_are_lists_plain, parts)) else None

    def _parts(self, packed: list[Packed]) -> list[Part]:
        nullable = self.shape.nullable
        if not nullable:
            return [Part(self.shape, range(len(packed)), packed)]
        rows: dict[tuple[bool, ...], list[int]] = {}
        for row, objects in enumerate(map(rows_of(nullable.values()), packed)):
            rows.setdefault(tuple([one is None for one in objects]), []).append(row)
        return [
            Part(self._variant(nulls), places, [packed[row] for row in places] if len(rows) > 1 else packed)
            for nulls, places in rows.items()
        ]

    def _variant(self, nulls: tuple[bool, ...]) -> Shape:
        """The shape of the records in which these of the nullable objects are null."""
        if nulls not in self._variants:
            lacking = [path for path, is_null in zip(self.shape.nullable, nulls, strict=True) if is_null]
            self._variants[nulls] = self.shape.without(lacking)
        return self._variants[nulls]

    @cached_property
    def _variants(self) -> dict[tuple[bool, ...], Shape]:
        return {}

    def _keys(self, parts: Sequence[Part], around: dict[str, Any]) -> int:
        """How many keys the body has if nothing was dropped."""
        in_envelope = 1 + len(around) if self.around is not None else 0
        return sum(part.shape.keys * len(part.packed) for part in parts) + in_envelope

    def _colons(self, parts: Sequence[Part], around: dict[str, Any]) -> int:
        """How many colons the body has if nothing was dropped."""
        envelope = ["results", *around, *around.values()] if self.around is not None else []
        in_envelope = sum(text.count(":") for text in envelope if isinstance(text, str))
        return sum(map(_colons_of, parts)) + in_envelope + (1 + len(around) if envelope else 0)


def _keys_in(body: bytes) -> int | None:
    """How many keys stand in a body that was decoded; None if that cannot be told at a glance.

    A key is what stands before a colon that follows a quote. Neither a text that begins with a colon nor one with an
    escaped quote in it is told from a key: they make the number too large, never too small.
    """
    marks = np.frombuffer(body, np.uint8)
    before = marks[np.flatnonzero(marks == ord(":")) - 1]
    return None if (before <= ord(" ")).any() else int(np.count_nonzero(before == ord('"')))


def _colons_of(part: Part) -> int:
    texts = list(chain.from_iterable(map(rows_of(part.shape.texts.values()), part.packed)))
    try:
        kept = "".join(texts)
    except TypeError:  # some are null
        kept = "".join(filter(None, texts))
    return part.shape.colons * len(part.packed) + kept.count(":")


def _are_lists_plain(part: Part) -> bool:
    """Whether the lists hold nothing but numbers without an exponent, and lists of such, not deep."""
    for place in part.shape.lists.values():
        joined = _BETWEEN + _BETWEEN.join(map(attrgetter(place), part.packed))
        marks = np.frombuffer(joined, np.uint8)
        starts = np.flatnonzero(marks == ord(_BETWEEN))
        if any(mark in joined for mark in _NO_NUMBERS) or not (marks[starts + 1] == ord("[")).all():
            return False
        if _has_long(marks) or not (_are_pairs(marks, starts) or _are_shallow(joined)):
            return False
    return True


def _has_long(marks: NDArray[np.uint8]) -> bool:
    """Whether a number of the lists could be a long one: nothing that ends a number stands in a whole stretch."""
    stretches = marks[: len(marks) // _STRETCH * _STRETCH].reshape(-1, _STRETCH)
    return not (stretches <= ord(",")).any(axis=1).all()


def _are_pairs(marks: NDArray[np.uint8], starts: NDArray[np.intp]) -> bool:
    """Whether the lists that begin there are two deep for certain: each bracket that opens follows one that closes."""
    opens = np.flatnonzero(marks == ord("["))
    follows = (marks[opens - 1] == ord(",")) & (marks[opens - 2] == ord("]"))
    return bool((marks[starts + 2] == ord("[")).all()) and len(opens) == 2 * len(starts) + np.count_nonzero(follows)


def _are_shallow(joined: bytes) -> bool:
    brackets = joined.translate(None, _ALL_BUT_BRACKETS)
    for _ in range(LISTS_DEEP):
        brackets = brackets.replace(b"[]", b"")
    return not brackets


_forms: deque[Form] = deque(maxlen=MOST_FORMS)
"""Of the last pages that were read in the general way. They change how fast a page is read, never what is read."""


def read_plain(
    body: bytes, generally: Callable[[bytes], Sequence[Any]]
) -> tuple[PlainRecords, dict[str, Any], bool] | None:
    """The records of a page whose form is known, what stands around them, and whether it is a bare list; else None.

    `generally` reads the records of a body in the general way, should somebody ask for one.
    """
    # A text with a NUL, or a colon that is not written as one.
    if b"\\" in body and (b"\\u0000" in body or b"\\u003" in body):
        return None
    if len(body) > MAX_VALUES and body.count(b",") > MAX_VALUES:
        return None
    for form in list(_forms):
        if (found := form.read(body)) is not None:
            parts, around = found
            return PlainRecords(parts, lambda: generally(body)), around, form.around is None
    return None


def remember_form(value: object, records: Sequence[dict[str, Any]]) -> None:
    """Learn the form of a page without a flaw, so that the next one like it is read fast."""
    if len(records) < FEWEST:
        return
    form = Form.of(value, records)
    if form is None or form in list(_forms):  # a copy, because another thread may learn one meanwhile
        return
    try:
        form.decoder  # noqa: B018 - made now, once
    except ValueError:
        return
    _forms.appendleft(form)
