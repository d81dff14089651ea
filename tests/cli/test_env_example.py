"""`.env.example` lists and explains all settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inode_pipeline.config import Settings, unknown_variables

TEXT = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
ASSIGNMENT = re.compile(r"^#?(INODE_[A-Z_]+)=(.*)$", re.MULTILINE)
SHOWN = dict(ASSIGNMENT.findall(TEXT))


def test_it_has_every_setting_and_nothing_else():
    """Each field of `Settings` has exactly one line, and there are no other settings."""
    assert len(SHOWN) == len(ASSIGNMENT.findall(TEXT))
    assert {f"INODE_{field.upper()}" for field in Settings.model_fields} == set(SHOWN)


@pytest.mark.parametrize("field", Settings.model_fields)
def test_the_default_that_is_shown_is_the_default(field):
    """The value after the equals sign is the default; without a value there is none."""
    default = Settings.model_fields[field].default
    expected = "" if default is None else str(default).removesuffix(".0")

    assert expected == SHOWN[f"INODE_{field.upper()}"]


@pytest.mark.parametrize("name", SHOWN)
def test_every_setting_is_explained(name):
    """Each setting has a comment above it, with at most one other setting in between."""
    before = TEXT[: re.search(rf"^#?{name}=", TEXT, re.MULTILINE).start()]
    paragraph = before.rsplit("\n\n", 1)[-1]

    assert re.search(r"^# .*\.", paragraph, re.MULTILINE | re.DOTALL)


def test_a_copy_of_it_can_be_read(tmp_path):
    """With an account and a zone filled in, the file is a valid `.env`."""
    text = TEXT.replace("#INODE_API_KEY=", "INODE_API_KEY=key").replace(
        "INODE_TIMEZONE=", "INODE_TIMEZONE=Europe/Berlin"
    )
    (tmp_path / ".env").write_text(text, encoding="utf-8")

    assert Settings.load().timezone == "Europe/Berlin"


def test_it_asks_for_the_sampling_decision():
    """The settings that a person has to decide are not commented out."""
    assert re.findall(r"^(INODE_[A-Z_]+)=", TEXT, re.MULTILINE) == ["INODE_TIMEZONE", "INODE_SAMPLE_SCHEDULE"]
    assert "DECIDE: read the links through the day as well?" in TEXT


def test_unknown_variables_of_the_file_and_of_the_environment_are_both_found(tmp_path, monkeypatch):
    """Unknown names in both are found, with the most similar setting; values are ignored."""
    (tmp_path / ".env").write_text("INODE_API_KEI='x'\nOTHER=1\nINODE_TIMEZONE=UTC\n", encoding="utf-8")
    monkeypatch.setenv("INODE_WHATEVER_ELSE", "x")

    assert {"INODE_API_KEI": "INODE_API_KEY", "INODE_WHATEVER_ELSE": None} == unknown_variables()
