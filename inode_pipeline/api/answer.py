"""Read the JSON of one page, which nobody has promised us.

`read_answer` tells a page from everything else that a server may send with status 200, and marks the records that
cannot be trusted instead of guessing what they meant. Landed pages are read by the same function.
Keep out: what a field means (`endpoints/`) and where the next page is (`pagination.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inode_pipeline.api.decode import Bad, Torn, decode, flaws, not_a_page, text_flaw, without_flaws
from inode_pipeline.api.packed import PlainRecords
from inode_pipeline.api.plain import read_plain, remember_form
from inode_pipeline.api.quote import quoted


@dataclass(frozen=True, slots=True)
class Flawed:
    """A record that cannot be trusted, and why.

    `value` is what could be read of it without the flaw, so that its id may still be known; None if it is no object.
    `field` is the dotted path of the flaw where it has one.
    """

    reason: str
    value: object
    field: str | None = None


Record = dict[str, Any] | Flawed
"""One record of a page, integers exact and every number finite, or the reason why there is none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one page says. `next` is the server's word, not yet an address that may be asked.

    `count` is the number of records in all pages, None if the server does not tell.
    A `list` is a bare JSON list: the whole answer in one response.
    """

    records: Sequence[Record]
    count: int | None
    next: str | None
    style: Literal["envelope", "list"]


def read_answer(body: bytes) -> Answer:
    """Read one page.

    Raises:
        ApiContractError: it is not JSON, or not a page of records.
        PayloadTooLargeError: it is nested or long beyond every sensible page.

    """
    if (plain := read_plain(body, lambda body: _read_generally(body).records)) is not None:
        records, around, is_list = plain
        return _answer(records if is_list else {**around, "results": records}, is_clean=True)
    return _read_generally(body)


def _read_generally(body: bytes) -> Answer:
    value, is_clean = decode(body)
    answer = _answer(value, is_clean=is_clean)
    if is_clean and isinstance(answer.records, list) and all(type(record) is dict for record in answer.records):
        remember_form(value, answer.records)
    return answer


def _answer(value: object, *, is_clean: bool) -> Answer:
    if isinstance(value, list | PlainRecords):
        return Answer(_records(value, is_clean=is_clean), None, None, "list")
    if not isinstance(value, dict) or isinstance(value, Torn):
        raise not_a_page("a key stands twice" if isinstance(value, Torn) else f"it is {_shape(value)}")
    results = value.get("results")
    if not isinstance(results, list | PlainRecords):
        raise not_a_page(f"`results` is {_shape(results) if 'results' in value else 'missing'}; {_keys(value)}")
    if "next" not in value:
        raise not_a_page(f"`next` is missing, so nobody knows whether it is the last page; {_keys(value)}")
    following, count = value["next"], _whole_number(value.get("count"))
    if not (following is None or (isinstance(following, str) and following and not text_flaw(following))):
        raise not_a_page(f"`next` is {_shape(following)}, neither an address nor null")
    if not (count is None or (type(count) is int and count >= 0)):
        raise not_a_page(f"`count` is {_shape(count)}, not a number of records")
    return Answer(_records(results, is_clean=is_clean), count, following, "envelope")


def _whole_number(value: object) -> object:
    """A count that is written as 250.0 is 250."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _records(values: Sequence[Any], *, is_clean: bool) -> Sequence[Record]:
    if isinstance(values, PlainRecords):
        return values
    if is_clean and all(type(value) is dict for value in values):
        return values
    return [_record(value) for value in values]


def _record(value: object) -> Record:
    if not isinstance(value, dict):
        return Flawed("the record is not an object", None)
    found = list(flaws(value))
    if not found:
        return value
    reason, field = found[0]
    return Flawed(reason, without_flaws(value), field or None)


def _shape(value: object) -> str:
    if isinstance(value, Bad):
        return "a number that is not finite"
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "a number")


def _keys(value: dict[str, Any]) -> str:
    return f"its keys are {quoted(', '.join(value)) or 'none'}"
