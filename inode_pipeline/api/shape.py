"""The shape that all records of a page share, and what decodes more records of it.

Keep out: what stands around the records, and whether a body is of a shape for certain (`plain.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

import msgspec

MAX_DEPTH: Final = 4
MAX_KEYS: Final = 200
MAX_FIELDS: Final = 1000
"""Records that are deeper or larger have no shape: up to here the general reader (`normalise/fields.py`) enters every
object too, so that both count the same fields."""

MOST_NULLABLE: Final = 3
"""How many objects may each be null by themselves: every combination has a shape of its own, so there are at most 8."""

_Scalar = int | float | bool | None

Packed = Any
"""A record of a shape, as its decoder makes it."""

Fields = dict[str, Any]
"""The keys of an object: each leads to the type of its values, or to the keys of an object within."""


@dataclass(slots=True)
class Shape:
    """The fields that each record has, in the order of the first record; no object of them is ever empty.

    By dotted path, `texts`, `scalars` (numbers, true, false and null) and `lists` say where a packed record has them.
    `objects` are the paths of the objects, `keys` how many one record has, those within its objects included, and
    `colons` how many stand in its JSON beside those in its texts.
    `nullable` are the objects of the record itself that are null in some records, and where they are packed: `without`
    is the shape of these.
    """

    fields: Fields = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    scalars: dict[str, str] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    objects: list[str] = field(default_factory=list)
    nullable: dict[str, str] = field(default_factory=dict)
    keys: int = 0
    colons: int = 0

    @classmethod
    def of(cls, records: Sequence[dict[str, Any]]) -> Shape | None:
        """The shape of the records, None if they do not share one."""
        shape = cls()
        try:
            shape.fields = shape._enter(records, "", "", 1)
        except _Shapeless:
            return None
        return shape if len(shape.nullable) <= MOST_NULLABLE and shape.keys <= MAX_FIELDS else None

    def without(self, nulls: Collection[str]) -> Shape:
        """The shape of those records in which these objects are null, and no other nullable one."""

        def kept(places: Mapping[str, str]) -> dict[str, str]:
            return {path: place for path, place in places.items() if path.partition(".")[0] not in nulls}

        return Shape(
            fields={name: _Scalar if name in nulls else kind for name, kind in self.fields.items()},
            texts=kept(self.texts),
            scalars={**kept(self.scalars), **{name: self.nullable[name] for name in nulls}},
            lists=kept(self.lists),
            objects=[path for path in self.objects if path.partition(".")[0] not in nulls],
            keys=self.keys - sum(_keys(self.fields[name]) for name in nulls),
            colons=self.colons - sum(_colons(self.fields[name]) for name in nulls),
        )

    def record_type(self) -> Any:
        """The structure that records of this shape are decoded into, and no others.

        Raises: ValueError, where a key has a character that no structure's may have.
        """
        return _structure(self.fields, self.nullable)

    def _enter(self, objects: Sequence[Any], path: str, place: str, depth: int) -> Fields:
        names = objects[0].keys()
        if depth > MAX_DEPTH or not 0 < len(names) <= MAX_KEYS or not all(one.keys() == names for one in objects):
            raise _Shapeless
        fields = {
            name: self._field([one[name] for one in objects], _joined(path, name), f"{place}f{number}", depth)
            for number, name in enumerate(names)
        }
        if depth == 1:
            self.keys, self.colons = _keys(fields), _colons(fields)
        return fields

    def _field(self, values: list[Any], path: str, place: str, depth: int) -> Any:
        types = set(map(type, values))
        if types == {dict, type(None)} and depth == 1:
            self.nullable[path] = place
            values = [value for value in values if value is not None]
            types = {dict}
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
            return _Scalar
        raise _Shapeless


class _Shapeless(Exception):  # noqa: N818 - never leaves this file
    pass


def _joined(path: str, name: str) -> str:
    if not name or "." in name:  # a key that is spelled like a path is for the general way
        raise _Shapeless
    return f"{path}.{name}" if path else name


def _keys(fields: Fields) -> int:
    return len(fields) + sum(_keys(kind) for kind in fields.values() if isinstance(kind, dict))


def _colons(fields: Fields) -> int:
    """How many colons stand in the JSON of an object with these fields, beside those in its texts."""
    inside = sum(_colons(kind) for kind in fields.values() if isinstance(kind, dict))
    return inside + len(fields) + sum(name.count(":") for name in fields)


def _structure(fields: Fields, nullable: Collection[str] = ()) -> Any:
    def type_of(name: str, kind: Any) -> Any:
        if not isinstance(kind, dict):
            return kind
        return _structure(kind) | None if name in nullable else _structure(kind)

    types = [(f"f{number}", type_of(name, kind)) for number, (name, kind) in enumerate(fields.items())]
    names = {f"f{number}": name for number, name in enumerate(fields)}
    return msgspec.defstruct("Record", types, rename=names, forbid_unknown_fields=True, gc=False)


def rows_of(places: Iterable[str]) -> Callable[[Packed], tuple[Any, ...]]:
    """What takes the values at several places out of a packed record; of a list, its JSON."""
    names = tuple(places)
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(attrgetter(name)(record) for name in names)
