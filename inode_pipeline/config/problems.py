"""How a problem with the settings is told: by the environment variable, and without a secret."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

PREFIX = "INODE_"


def told(settings: type[BaseSettings], error: ErrorDetails) -> str:
    """One problem as a sentence that names the variable, and its value unless that may be secret."""
    reason = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"]
    if PREFIX in reason:
        return reason
    field = str(error["loc"][0])
    is_secret = field in ("warehouse_url", "proxy", "base_url") or "Secret" in str(
        settings.model_fields[field].annotation
    )
    value = "" if is_secret else f"={str(error['input'])[:80]!r}"
    return f"{PREFIX}{field.upper()}{value}: {reason[0].lower()}{reason[1:]}"


def variables(fields: Sequence[str], verb: str | None = None) -> str:
    """The variables of these fields, listed, with "is" or "are" unless another verb is given."""
    names = [PREFIX + name.upper() for name in fields]
    if verb is None:
        verb = " is" if len(names) == 1 else " are"
    return (", ".join(names[:-1]) + " and " if names[1:] else "") + names[-1] + verb
