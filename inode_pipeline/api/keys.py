"""Keys in flat memory: eight bytes each, however long they are and however many.

A key stands for itself by Python's 64-bit hash, which is another one in every process, so that nobody can choose keys
that share one. Two of a million keys do with a probability of 3 in 10^8: a walk would then look contradictory and be
repeated, or, if one of the two had just vanished, would need no other walk to confirm it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Digests = NDArray[np.int64]

PIECE: Final = 50_000


def digests(keys: Iterable[str]) -> Digests:
    """The hashes of keys, in their order, repeats included. They mean something within this process only."""
    return np.fromiter(map(hash, keys), dtype=np.int64)


def distinct(values: Digests) -> Digests:
    """The values in order, each once; measured, a tenth of what `np.unique` takes with its hash table.

    They are put in order where they stand.
    """
    values.sort()
    is_repeat = values[1:] == values[:-1]
    return np.delete(values, np.flatnonzero(is_repeat)) if is_repeat.any() else values


class KeyDigests:
    """A set of keys that knows whether it lacks one, but not which keys it holds."""

    __slots__ = ("_sorted",)

    def __init__(self, distinct_sorted: Digests | None = None) -> None:
        self._sorted: Digests = distinct_sorted if distinct_sorted is not None else np.empty(0, dtype=np.int64)

    @classmethod
    def of(cls, keys: Iterable[str]) -> KeyDigests:
        """The set of these keys."""
        return cls(distinct(digests(keys)))

    def __len__(self) -> int:
        return len(self._sorted)

    @property
    def nbytes(self) -> int:
        """What the set takes in memory."""
        return self._sorted.nbytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyDigests) and np.array_equal(self._sorted, other._sorted)

    __hash__ = None  # type: ignore[assignment]

    def __sub__(self, other: KeyDigests) -> KeyDigests:
        """Looked up piece by piece, so that what is needed beside both sets is little."""
        pieces = (self._sorted[start : start + PIECE] for start in range(0, len(self._sorted), PIECE))
        lacking = [piece[~_within(piece, other._sorted)] for piece in pieces]
        return KeyDigests(np.concatenate(lacking) if lacking else None)

    def __or__(self, other: KeyDigests) -> KeyDigests:
        return KeyDigests(distinct(np.concatenate([self._sorted, other._sorted])))


class GrowingKeys:
    """The keys of a walk, added page by page.

    They lie in sorted runs, each at least twice as long as the one after it, so that neither adding nor looking up
    grows with the number of pages.
    """

    def __init__(self) -> None:
        self._runs: list[Digests] = []

    def add(self, page: Digests) -> int:
        """Add the keys of one page, in order and each once; how many of them are there already."""
        known = np.zeros(len(page), dtype=bool)
        for run in self._runs:
            known |= _within(page, run)
        self._runs.append(page[~known])
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            self._merge_last()
        return int(np.count_nonzero(known))

    def frozen(self) -> KeyDigests:
        """The keys so far, as a set."""
        while len(self._runs) > 1:
            self._merge_last()
        return KeyDigests(self._runs[0] if self._runs else None)

    def _merge_last(self) -> None:
        """Make one run of the last two, which have no key in common."""
        merged = np.concatenate(self._runs[-2:])
        merged.sort(kind="stable")  # which goes once through runs that are in order
        self._runs[-2:] = [merged]


def _within(values: Digests, run: Digests) -> NDArray[np.bool_]:
    """Which values stand in a sorted run."""
    if not len(run):
        return np.zeros(len(values), dtype=bool)
    places = np.minimum(np.searchsorted(run, values), len(run) - 1)
    found: NDArray[np.bool_] = run[places] == values
    return found
