"""Renders the table of settings in `docs/settings.md` from the declarations of the settings."""

from __future__ import annotations

from pathlib import Path

from tickets.settings.documentation import with_settings_table

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def render() -> str:
    """Return the page with its table up to date; the rest of the page stays as it is."""
    return with_settings_table(PAGE.read_text(encoding="utf-8"))
