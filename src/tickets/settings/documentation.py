"""Generates the table of settings in docs/settings.md from their declarations."""

from __future__ import annotations

import re

from tickets.settings.declaration import Setting
from tickets.settings.settings import SETTINGS

BEGIN = "<!-- settings:begin -->"
END = "<!-- settings:end -->"


def settings_table() -> str:
    """Return a Markdown table: one row per setting, in the order of declaration."""
    rows = [
        f"| `{setting.variable}` | {_default(setting)} | {setting.doc} |"
        for setting in SETTINGS.values()
    ]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows])


def with_settings_table(page: str) -> str:
    """Return the page with the table between its two markers; `ValueError` without the markers."""
    between = re.compile(f"(?<={BEGIN}\n).*?(?=\n{END})", re.DOTALL)
    if len(between.findall(page)) != 1:
        raise ValueError(f"the page must have one {BEGIN} and, below it, one {END}")
    # a function, so that no backslash in the table is taken for a group reference
    return between.sub(lambda _: settings_table(), page)


def _default(setting: Setting) -> str:
    if setting.default_doc is not None:
        return setting.default_doc
    return f"`{setting.default_text}`" if setting.default_text else "none"
