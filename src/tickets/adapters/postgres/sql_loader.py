"""The SQL files: found beside the code in a wheel or at the top of a checkout, cut at their names."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_CHECKOUT = Path(__file__).parents[4] / "sql"


@cache
def sql_folder() -> Traversable | Path:
    """Return the folder of SQL files; an editable install has none, and reads the checkout's."""
    packaged = files("tickets") / "sql"
    return packaged if packaged.is_dir() else _CHECKOUT


def parse_queries(text: str) -> dict[str, str]:
    """Return each query of a file by the name in the line `-- name: …` above it."""
    _, *parts = _NAME.split(text)
    return {
        name: query.strip().removesuffix(";")
        for name, query in zip(parts[::2], parts[1::2], strict=True)
    }


@cache
def load_queries(file: str) -> dict[str, str]:
    """Return the queries of `sql/queries/{file}.sql` by name."""
    path = sql_folder() / "queries" / f"{file}.sql"
    return parse_queries(path.read_text(encoding="utf-8"))


def query_names() -> dict[str, str]:
    """Return every query's name by its SQL, for whoever sees statements go by."""
    files = (sql_folder() / "queries").iterdir()
    queries = [load_queries(file.name.removesuffix(".sql")) for file in files]
    return {sql: name for each in queries for name, sql in each.items()}
