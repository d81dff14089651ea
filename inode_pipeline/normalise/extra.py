"""What no column holds: the rest of each record as canonical JSON, so that nothing the API sends is lost.

Keep out: how columns choose their source (`sources.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inode_pipeline.normalise.fields import Fields
from inode_pipeline.normalise.json_text import canonical_json, unstorable_path
from inode_pipeline.normalise.sources import Filling

Tree = dict[str, Any]
"""The claimed fields: a key leads to None (claimed whole) or to the tree of what is claimed inside."""

UNSTORABLE = "a text with a NUL or half of a surrogate pair"


def read_extra(fields: Fields, fillings: Sequence[Filling]) -> tuple[list[str | None], dict[int, tuple[str, str]]]:
    """Return each record's rest as JSON text, and the field and reason of those that cannot be stored.

    A field is held by a column only in the records where it filled it: an unused candidate stays in the rest, and so
    does what is beside a claimed field inside an object.
    """
    typed: list[str | None] = []
    faults: dict[int, tuple[str, str]] = {}
    for row, (record, tree) in enumerate(zip(fields.records, _trees(fields, fillings), strict=True)):
        rest = _without(record, tree)
        text = canonical_json(rest) if rest else "{}"
        if text is None:
            faults[row] = unstorable_path(rest), UNSTORABLE
        typed.append(text)
    return typed, faults


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
    rest = {}
    for key, value in record.items():
        if key in tree:
            inner = tree[key]
            if inner is None:
                continue
            if type(value) is dict:
                left = _without(value, inner)
                if not left and value:
                    continue
                rest[key] = left
                continue
        rest[key] = value
    return rest
