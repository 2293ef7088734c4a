"""The error of a setting that is wrong or missing."""

from __future__ import annotations


class SettingsError(Exception):
    """A setting is wrong or missing; the message is one line with the variable and the rule."""
