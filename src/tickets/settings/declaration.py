"""How a setting is declared: once, as a dataclass field with parser, default and documentation."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
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
    """Return the settings that this dataclass declares, by name, in the order of declaration."""
    return {
        field.name: Setting(name=field.name, default=field.default, **field.metadata)
        for field in fields(dataclass)
    }
