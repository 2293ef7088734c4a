"""Command-line options that override a setting, derived from its declaration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tickets.settings.errors import SettingsError
from tickets.settings.settings import SETTINGS

Command = TypeVar("Command", bound=Callable[..., Any])


def setting_option(name: str) -> Callable[[Command], Command]:
    """Return the option `--NAME` for the setting with this name; its value is None if not given."""
    setting = SETTINGS[name]

    def parse(_context: click.Context, _option: click.Parameter, text: str | None) -> object:
        # an empty value counts as absent, as in the environment
        if text is None or not text.strip():
            return None
        try:
            return setting.parse(f"--{name}", text.strip())
        except SettingsError as error:
            raise click.BadParameter(str(error)) from error

    return click.option(
        f"--{name}",
        metavar=name.upper(),
        callback=parse,
        help=f"{setting.doc}. [{setting.variable}, default: {setting.default_text}]",
    )
