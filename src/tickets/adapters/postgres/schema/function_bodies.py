"""The bodies of the functions that the migrations leave behind, to compare with those in use."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tickets.adapters.postgres.schema.migration_files import load_migrations

_STATEMENT = re.compile(
    r"^create (?:or replace )?function (?P<created>\w+)\("
    r".*?\$(?P<tag>\w*)\$(?P<body>.*?)\$(?P=tag)\$"
    r"|^drop function (?P<dropped>\w+)\(",
    re.DOTALL | re.MULTILINE,
)


def function_bodies() -> Mapping[str, str]:
    """Return the body of each function after the last migration, by its name.

    No two of our functions have the same name.
    """
    bodies: dict[str, str] = {}
    for migration in load_migrations():
        for statement in _STATEMENT.finditer(with_newlines(migration.script)):
            if (dropped := statement["dropped"]) is not None:
                del bodies[dropped]
            else:
                bodies[statement["created"]] = statement["body"]
    return bodies


def with_newlines(text: str) -> str:
    """Return the text with the line endings that git may have changed restored."""
    return text.replace("\r\n", "\n")
