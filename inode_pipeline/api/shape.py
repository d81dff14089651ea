"""The shape that all records of a page share, and what decodes more records of it.

Keep out: what stands around the records, and whether a body is of a shape for certain (`plain.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

import msgspec

MAX_DEPTH: Final = 4
MAX_KEYS: Final = 200
"""Objects that are deeper or larger have no shape: every reader of records enters objects up to here."""

Packed = Any
"""A record of a shape, as its decoder makes it."""

Fields = dict[str, Any]
"""The keys of an object: each leads to the type of its values, or to the keys of an object within."""


@dataclass(slots=True)
class Shape:
    """The fields that each record has, in the order of the first record; no object of them is ever empty.

    By dotted path, `texts`, `scalars` (numbers, true, false and null) and `lists` say where a packed record has them.
    `objects` are the paths of the objects, `colons` how many stand in the JSON of one record beside those in its texts.
    """

    fields: Fields = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    scalars: dict[str, str] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    objects: list[str] = field(default_factory=list)
    colons: int = 0

    @classmethod
    def of(cls, records: Sequence[dict[str, Any]]) -> Shape | None:
        """The shape of the records, None if they do not share one."""
        shape = cls()
        try:
            shape.fields = shape._enter(records, "", "", 1)
        except _Shapeless:
            return None
        return shape

    def record_type(self) -> Any:
        """The structure that records of this shape are decoded into, and no others.

        Raises: ValueError, where a key has a character that no structure's may have.
        """
        return _structure(self.fields)

    def _enter(self, objects: Sequence[Any], path: str, place: str, depth: int) -> Fields:
        names = objects[0].keys()
        if depth > MAX_DEPTH or not 0 < len(names) <= MAX_KEYS or not all(one.keys() == names for one in objects):
            raise _Shapeless
        self.colons += len(names) + sum(name.count(":") for name in names)
        return {
            name: self._field([one[name] for one in objects], _joined(path, name), f"{place}f{number}", depth)
            for number, name in enumerate(names)
        }

    def _field(self, values: list[Any], path: str, place: str, depth: int) -> Any:
        types = set(map(type, values))
        if types == {dict}:
            self.objects.append(path)
            return self._enter(values, path, f"{place}.", depth + 1)
        if types == {list}:
            self.lists[path] = place
            return msgspec.Raw
        if types <= {str, type(None)} and str in types:
            self.texts[path] = place
            return str | None
        if types <= {int, float, bool, type(None)}:
            self.scalars[path] = place
            return int | float | bool | None
        raise _Shapeless


class _Shapeless(Exception):  # noqa: N818 - never leaves this file
    pass


def _joined(path: str, name: str) -> str:
    if not name or "." in name:  # a key that is spelled like a path is for the general way
        raise _Shapeless
    return f"{path}.{name}" if path else name


def _structure(fields: Fields) -> Any:
    types = [
        (f"f{number}", _structure(kind) if isinstance(kind, dict) else kind)
        for number, kind in enumerate(fields.values())
    ]
    names = {f"f{number}": name for number, name in enumerate(fields)}
    return msgspec.defstruct("Record", types, rename=names, forbid_unknown_fields=True, gc=False)


def rows_of(places: Iterable[str]) -> Callable[[Packed], tuple[Any, ...]]:
    """What takes the values at several places out of a packed record; of a list, its JSON."""
    names = tuple(places)
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(attrgetter(name)(record) for name in names)
