"""How a setting is declared: once, as a dataclass field with parser, default and documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from tickets.settings.parsers import Parser, Value, as_text

PREFIX = "TICKETS_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A declared setting."""

    name: str
    """The field's name, such as `port`."""

    default: object

    parse: Parser[object]

    doc: str
    """Its meaning, for the table in docs/settings.md and the help of the command line."""

    default_doc: str | None
    """What the default means, where the value itself does not say it."""

    @property
    def variable(self) -> str:
        """The environment variable, such as `TICKETS_PORT`."""
        return PREFIX + self.name.upper()

    @property
    def default_text(self) -> str:
        """The default as text for the environment; empty if the default is an unset variable."""
        return as_text(self.default)


def setting(
    *, parse: Parser[Value], default: Value, doc: str, default_doc: str | None = None
) -> Value:
    """Declare a field of a dataclass as a setting."""
    return field(default=default, metadata={"parse": parse, "doc": doc, "default_doc": default_doc})


def declared_settings(dataclass: type[Any]) -> dict[str, Setting]:
    """Return the settings that this dataclass declares, by name, in the order of declaration.

    Those of its base classes come after its own.
    """
    own_first = sorted(
        fields(dataclass), key=lambda each: each.name not in dataclass.__annotations__
    )
    return {
        field.name: Setting(name=field.name, default=field.default, **field.metadata)
        for field in own_first
    }


def unknown_setting(variable: str, settings: Mapping[str, Setting]) -> str:
    """Return the sentence about a variable that is none of these settings."""
    name = variable.removeprefix(PREFIX).lower()
    if close := get_close_matches(name, settings, n=1):
        return f"{variable} is not a setting; did you mean {settings[close[0]].variable}?"
    known = ", ".join(sorted(setting.variable for setting in settings.values()))
    return f"{variable} is not a setting; the settings are {known}."
