"""Loads the hand-written SQL of `sql/`: named queries, named parameters, shared fragments.

A file of `sql/queries` holds queries, each below a line `-- name: save_ticket`. Each file is
rewritten once, when it is loaded:

- A line `-- include: update_ticket` is replaced by `sql/fragments/update_ticket.sql`, which may
  include others.
- `:ticket_id` becomes `$1`, `$2`, … in the order of first use; the same name is the same number.
  Text in quotes, comments and casts (`::text`) stay as they are.

Nothing else assembles SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from operator import itemgetter
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_INCLUDE = re.compile(r"^( *)-- include: (\w+)$", re.MULTILINE)

# What may hold a colon that is no parameter, then a parameter.
_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"[^\"]*\"|::|(?<!\w):([a-z_]\w*)", re.DOTALL
)

_CHECKOUT = Path(__file__).parents[4] / "sql"


@dataclass(frozen=True, slots=True)
class Query:
    """One statement with the names of its parameters, in the order of their numbers."""

    name: str
    sql: str
    parameters: tuple[str, ...]
    _arguments: Callable[[Mapping[str, object]], tuple[object, ...]] = field(
        init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        """Compile the lookup of the arguments, which each statement needs."""
        object.__setattr__(self, "_arguments", _getter(self.parameters))

    def bind(self, **values: object) -> tuple[str, *tuple[object, ...]]:
        """Return the SQL and its arguments, as `Database.fetch` takes them.

        Raises `TypeError` where a parameter has no value, or a value no parameter.
        """
        try:
            arguments = self._arguments(values)
        except KeyError:
            arguments = ()
        if not len(values) == len(arguments) == len(self.parameters):
            raise TypeError(
                f"query {self.name} takes {sorted(self.parameters)}, not {sorted(values)}"
            )
        return (self.sql, *arguments)


def _getter(names: tuple[str, ...]) -> Callable[[Mapping[str, object]], tuple[object, ...]]:
    # a fifth of the time of a loop; of a single name it returns no tuple
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


@cache
def sql_folder() -> Traversable | Path:
    """Return the folder of SQL files: beside the code in a wheel, else in the checkout."""
    packaged = files("tickets") / "sql"
    return packaged if packaged.is_dir() else _CHECKOUT


@cache
def load_fragments() -> Mapping[str, str]:
    """Return the fragments of `sql/fragments` by name, without their comments."""
    return {
        file.name.removesuffix(".sql"): "\n".join(
            line
            for line in file.read_text(encoding="utf-8").splitlines()
            if not line.startswith("--")
        ).strip()
        for file in (sql_folder() / "fragments").iterdir()
        if file.name.endswith(".sql")
    }


def split_queries(text: str) -> dict[str, str]:
    """Return the SQL of each query of a file by name, as it is written."""
    _, *parts = _NAME.split(text)
    return {
        name: body.strip().removesuffix(";")
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


def parse_queries(text: str, fragments: Mapping[str, str]) -> dict[str, Query]:
    """Return the queries of a file by name; see the module for what is rewritten.

    Raises `ValueError` for an unknown fragment.
    """
    return {name: _rewrite(name, body, fragments) for name, body in split_queries(text).items()}


@cache
def load_queries(file: str) -> dict[str, Query]:
    """Return the queries of `sql/queries/{file}.sql` by name."""
    path = sql_folder() / "queries" / f"{file}.sql"
    return parse_queries(path.read_text(encoding="utf-8"), load_fragments())


def query_files() -> list[str]:
    """Return the names of the files of `sql/queries`, without their ending, in order."""
    return sorted(file.name.removesuffix(".sql") for file in (sql_folder() / "queries").iterdir())


def query_names() -> dict[str, str]:
    """Return the name of every query by its SQL, to name the statements that are traced."""
    queries = [load_queries(file) for file in query_files()]
    return {query.sql: query.name for each in queries for query in each.values()}


def _rewrite(name: str, body: str, fragments: Mapping[str, str]) -> Query:
    numbers: dict[str, int] = {}

    def include(found: re.Match[str]) -> str:
        indent, fragment = found.groups()
        if fragment not in fragments:
            raise ValueError(f"query {name} includes {fragment}, which is not in sql/fragments")
        text = _INCLUDE.sub(include, fragments[fragment])
        return indent + text.replace("\n", f"\n{indent}")

    def number(found: re.Match[str]) -> str:
        parameter = found[1]
        if parameter is None:
            return found[0]
        return f"${numbers.setdefault(parameter, len(numbers) + 1)}"

    sql = _TOKEN.sub(number, _INCLUDE.sub(include, body))
    return Query(name, f"-- {name}\n{sql}", tuple(numbers))
