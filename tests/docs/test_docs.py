"""The docs say what the code does: every error, setting and command is explained, and links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from inode_pipeline import errors
from inode_pipeline.analysis.checks import CHECKS
from inode_pipeline.cli import commands
from inode_pipeline.config import Settings

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("sql/*.md")])

GROUPS = {"TransientError", "ApiError", "DataError", "DateError"}
"""Classes that are never raised themselves."""


def every_error(root: type[errors.PipelineError] = errors.PipelineError) -> set[str]:
    return {root.__name__}.union(*(every_error(child) for child in root.__subclasses__()))


def test_every_error_has_its_cause_and_remedy() -> None:
    """Each class that may be raised is a heading of docs/operations.md, and no heading is without its class."""
    headings = set(re.findall(r"^### (\w+)$", OPERATIONS, re.MULTILINE))
    assert every_error() - GROUPS == headings


def test_every_check_has_its_remedy() -> None:
    """Each check is in the table of docs/operations.md that says what to do if it fails, and no other."""
    rows = re.search(r"^\| check \|.*?\n\n", OPERATIONS, re.MULTILINE | re.DOTALL)
    assert rows is not None
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", rows.group(), re.MULTILINE)))
    assert sorted(named) == sorted(check.name for check in CHECKS)


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    """The drawing in errors.py names every class once."""
    drawn = re.findall(r"^\W*(\w+Error)\b", errors.__doc__ or "", re.MULTILINE)
    assert every_error() == set(drawn)
    assert len(drawn) == len(set(drawn))


def test_every_setting_is_explained() -> None:
    """Each field of the settings stands in docs/configuration.md under its variable's name."""
    names = {f"INODE_{name.upper()}" for name in Settings.model_fields}
    assert names == names & set(re.findall(r"`(INODE_\w+)`", CONFIGURATION))


def test_every_setting_of_the_docs_exists() -> None:
    """No page speaks of a setting that there is not."""
    names = {f"INODE_{name.upper()}" for name in Settings.model_fields}
    for page in PAGES:
        assert set(re.findall(r"\bINODE_[A-Z][A-Z_]*\b", page.read_text(encoding="utf-8"))) - names == set(), page


def test_every_command_of_the_docs_exists() -> None:
    """Each `inode-pipeline NAME` of the docs is a command."""
    context = click.Context(commands.commands)
    known = set(commands.commands.list_commands(context))
    for page in PAGES:
        named = set(re.findall(r"inode-pipeline ([a-z]+)\b", page.read_text(encoding="utf-8")))
        assert named - known == set(), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to a file of the project names one that is there."""
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
