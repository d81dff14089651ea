"""Pages whose records all have the shape of an earlier page: read fast, and to the same values as in the general way.

Nothing is lost in silence: each key of the shape must be there and no other may be; lists hold nothing but numbers and
lists; and the body must hold as many colons as the keys and texts that were kept, so that no key stood twice.
Every body about which there is any doubt is left to the general way (`decode.py`).
Keep out: what makes a page (`answer.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Any, Final

import msgspec

from inode_pipeline.api.decode import MAX_VALUES
from inode_pipeline.api.shape import Packed, Shape, rows_of

FEWEST: Final = 20
"""A page of fewer records is not worth a decoder of its own."""

MOST_FORMS: Final = 4
LISTS_DEEP: Final = 8

_ALL_BUT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]")
_NO_NUMBERS: Final = (b'"', b"{", b"e", b"E", b"u")
"""Each of them stands in every text, object, true, false and null, and in numbers with an exponent."""

_BETWEEN: Final = b"\0"
"""Stands nowhere in JSON."""


class PlainRecords(Sequence[Any]):
    """The records of a plain page: a list of dicts that is made only if somebody asks for one of them."""

    def __init__(self, shape: Shape, packed: list[Packed], generally: Callable[[], Sequence[Any]]) -> None:
        self.shape = shape
        self._packed = packed
        self._generally = generally

    def __len__(self) -> int:
        return len(self._packed)

    def __getitem__(self, index: Any) -> Any:
        return self._records[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._records == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._records)

    @cached_property
    def _records(self) -> list[Any]:
        return list(self._generally())

    def only(self, rows: Sequence[int]) -> PlainRecords:
        """Some of the records, by their places from 0."""
        packed = [self._packed[row] for row in rows]
        return PlainRecords(self.shape, packed, lambda: [self._records[row] for row in rows])

    def column(self, path: str) -> list[Any]:
        """Of each record, the text or scalar at a path of the shape."""
        return list(map(attrgetter(self.shape.texts.get(path) or self.shape.scalars[path]), self._packed))

    @cached_property
    def columns(self) -> dict[str, list[Any]]:
        """All columns of texts and scalars by their paths, and those of lists as JSON."""
        shape = self.shape
        places = {**shape.texts, **shape.scalars, **shape.lists}
        columns = dict(
            zip(places, map(list, zip(*map(rows_of(places.values()), self._packed), strict=True)), strict=True)
        )
        return columns | {path: list(map(bytes, columns[path])) for path in shape.lists}


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
        """Raises ValueError where a key has a character that no structure's may have."""
        records: Any = list[self.shape.record_type()]  # type: ignore[misc]  # a type made of what was read
        if self.around is None:
            return msgspec.json.Decoder(records)
        names = {f"a{number}": key for number, key in enumerate(self.around)} | {"results": "results"}
        kinds = [(name, str | int | float | bool | None) for name in names if name != "results"]
        return msgspec.json.Decoder(
            msgspec.defstruct("Envelope", [("results", records), *kinds], rename=names, forbid_unknown_fields=True)
        )

    @cached_property
    def _texts(self) -> Callable[[Packed], tuple[Any, ...]]:
        return rows_of(self.shape.texts.values())

    def read(self, body: bytes) -> tuple[list[Packed], dict[str, Any]] | None:
        """The packed records and what stands around them; None if the body is not of this form for certain."""
        try:
            page = self.decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        packed, around = page, {}
        if self.around is not None:
            packed, *values = msgspec.structs.astuple(page)
            around = dict(zip(self.around, values, strict=True))
        if body.count(b":") != self._colons(packed, around) or not self._are_lists_plain(packed):
            return None
        return packed, around

    def _colons(self, packed: list[Packed], around: dict[str, Any]) -> int:
        """How many colons the body has if nothing was dropped."""
        texts = list(chain.from_iterable(map(self._texts, packed)))
        try:
            kept = "".join(texts)
        except TypeError:  # some are null
            kept = "".join(filter(None, texts))
        envelope = ["results", *around, *around.values()] if self.around is not None else []
        in_envelope = sum(text.count(":") for text in envelope if isinstance(text, str))
        keys = self.shape.colons * len(packed) + (1 + len(around) if envelope else 0)
        return keys + kept.count(":") + in_envelope

    def _are_lists_plain(self, packed: list[Packed]) -> bool:
        """Whether the lists hold nothing but numbers without an exponent, and lists of such, not deep."""
        for place in self.shape.lists.values():
            joined = _BETWEEN.join(map(attrgetter(place), packed))
            if not joined.startswith(b"[") or joined.count(_BETWEEN + b"[") != len(packed) - 1:
                return False  # something else than a list
            if any(mark in joined for mark in _NO_NUMBERS):
                return False
            if not (_are_pairs(joined, len(packed)) or _are_shallow(joined)):
                return False
        return True


def _are_pairs(joined: bytes, count: int) -> bool:
    """Whether so many lists are two deep for certain: each bracket that opens follows one that closes."""
    is_opened_twice = joined.startswith(b"[[") and joined.count(_BETWEEN + b"[[") == count - 1
    return is_opened_twice and joined.count(b"[") == 2 * count + joined.count(b"],[")


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
    if b"\\" in body and (
        b"\\u0000" in body or b"\\u003" in body
    ):  # a text with a NUL; a colon that is not written as one
        return None
    if len(body) > MAX_VALUES and body.count(b",") > MAX_VALUES:
        return None
    for form in list(_forms):
        if (found := form.read(body)) is not None and found[0]:
            packed, around = found
            return PlainRecords(form.shape, packed, lambda: generally(body)), around, form.around is None
    return None


def remember_form(value: object, records: Sequence[dict[str, Any]]) -> None:
    """Learn the form of a page without a flaw, so that the next one like it is read fast."""
    if len(records) < FEWEST:
        return
    form = Form.of(value, records)
    if form is None or form in _forms:
        return
    try:
        form.decoder  # noqa: B018 - made now, once
    except ValueError:
        return
    _forms.appendleft(form)
