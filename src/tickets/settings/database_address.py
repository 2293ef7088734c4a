"""Database address: a URL that carries the schema, or the arguments of a host's pool.

It is a string, the URL, so that it passes wherever a URL is expected. `open_connection` applies the
rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self


class DatabaseAddress(str):
    """A database URL with a schema, or with the arguments that a pool of asyncpg connects with."""

    __slots__ = ("arguments", "options", "schema")

    schema: str | None
    arguments: tuple[Any, ...] | None
    options: Mapping[str, Any]

    def __new__(
        cls,
        url: str,
        *,
        schema: str | None = None,
        arguments: tuple[Any, ...] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Self:
        """Describe a database; with `arguments` the URL is for people alone."""
        address = super().__new__(cls, url)
        address.schema = schema
        address.arguments = arguments
        address.options = options or {}
        return address

    @property
    def search_path(self) -> str | None:
        """The setting that puts all tables in the schema."""
        return None if self.schema is None else f'"{self.schema}"'
