"""The fields that no column holds, as canonical JSON, so that nothing the API sends is lost.

Canonical JSON is equal for equal values: keys sorted, no white space, integers exact. What no database can store (NaN,
an infinity, a NUL, half of a surrogate pair) is left out and counted.
Not here: how columns choose their source, see `fields.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from inode_pipeline.normalise.fields import Fields, Filling
from inode_pipeline.normalise.values import is_storable_text

Tree = dict[str, Any]
"""The claimed fields: a key leads to None (claimed whole) or to the tree of what is claimed inside."""

_ENCODER = msgspec.json.Encoder(order="sorted")


def read_extra(fields: Fields, fillings: Sequence[Filling], *, is_clean: bool) -> tuple[list[str], int]:
    """Return each record's rest as JSON text, and how many fields were left out because no database can store them.

    A field belongs to a column only in the records where it filled it: an unused candidate stays in the rest, as do the
    other fields of an object with a claimed field. In a page that `is_clean` everything can be stored.
    """
    rests = [_without(record, tree) for record, tree in zip(fields.records, _trees(fields, fillings), strict=True)]
    left_out = 0 if is_clean else sum(map(leave_out_unstorable, rests))
    return canonical_lines(rests), left_out


def canonical_lines(values: Sequence[dict[str, Any]]) -> list[str]:
    """Return storable objects as JSON texts."""
    return _ENCODER.encode_lines(values).decode().split("\n")[: len(values)]


def canonical_json(value: Any) -> str | None:
    """Return a parsed JSON value as text, or None if part of it cannot be stored."""
    return _ENCODER.encode(value).decode() if is_storable(value) else None


def is_storable(value: object) -> bool:
    """Whether both databases can store a value: finite numbers, and texts without a NUL or half of a surrogate pair."""
    if isinstance(value, str):
        return is_storable_text(value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(is_storable_text(key) and is_storable(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return all(map(is_storable, value))
    return True


def leave_out_unstorable(record: dict[str, Any]) -> int:
    """Remove the fields of an object that cannot be stored, a list as a whole; return how many."""
    removed = 0
    for key, value in list(record.items()):
        if isinstance(value, dict) and is_storable_text(key):
            removed += leave_out_unstorable(value)
        elif not (is_storable_text(key) and is_storable(value)):
            del record[key]
            removed += 1
    return removed


def without_unstorable_names(records: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """The records without fields whose names cannot be stored, and how many these were."""
    removed = 0

    def cleaned(value: dict[str, Any]) -> dict[str, Any]:
        nonlocal removed
        kept = {key: inner for key, inner in value.items() if is_storable_text(key)}
        removed += len(value) - len(kept)
        return {key: cleaned(inner) if isinstance(inner, dict) else inner for key, inner in kept.items()}

    return [cleaned(record) for record in records], removed


def _trees(fields: Fields, fillings: Sequence[Filling]) -> Iterable[Tree]:
    """Return the claimed fields of each record; records that are filled alike share one tree."""
    alike = {filling.used for filling in fillings if isinstance(filling.used, str)}
    differing = [filling.used for filling in fillings if isinstance(filling.used, list)]
    if not differing and not fields.has_dotted_keys:
        return [_tree(alike)] * len(fields.records)
    by_paths: dict[tuple[str | None, ...], Tree] = {}
    trees = []
    for record, used in zip(fields.records, _rows(differing, len(fields.records)), strict=True):
        if fields.has_dotted_keys:
            trees.append(_tree({*alike, *used} - {None}, record))
            continue
        if (tree := by_paths.get(used)) is None:
            tree = by_paths[used] = _tree({*alike, *used} - {None})
        trees.append(tree)
    return trees


def _rows(columns: Sequence[list[str | None]], count: int) -> Iterable[tuple[str | None, ...]]:
    return zip(*columns, strict=True) if columns else [()] * count


def _tree(paths: Iterable[str | None], record: Mapping[str, Any] | None = None) -> Tree:
    """Build the tree of claimed paths; a key of the record spelled like a path is claimed as that key."""
    tree: Tree = {}
    for path in sorted(path for path in paths if path is not None):  # a.b after a, which claims it whole
        if record is not None and path in record:
            tree[path] = None
            continue
        branch: Tree | None = tree
        *outer, last = path.split(".")
        for key in outer:
            branch = branch.setdefault(key, {}) if branch is not None else None
        if branch is not None:
            branch[last] = None
    return tree


def _without(record: Mapping[str, Any], tree: Tree) -> dict[str, Any]:
    """Copy what the tree does not claim. An object whose fields are all claimed is left out."""
    rest = {key: value for key, value in record.items() if key not in tree}
    for key, inner in tree.items():
        if inner is None or key not in record:
            continue
        value = record[key]
        if type(value) is not dict:
            rest[key] = value
        elif (left := _without(value, inner)) or not value:
            rest[key] = left
    return rest
