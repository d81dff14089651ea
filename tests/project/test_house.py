"""The rules of the house that no linter holds."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "inode_pipeline"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FUNCTION = 60


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_modules_explain_themselves_and_functions_are_short(file: Path) -> None:
    """Each module opens with what it is for, and no function is longer than a screen."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION} == {}


def test_no_room_is_named_after_nothing() -> None:
    """There is no utils.py, helpers.py, common.py or base.py."""
    assert {file.name for file in FILES} & {"utils.py", "helpers.py", "common.py", "base.py"} == set()
