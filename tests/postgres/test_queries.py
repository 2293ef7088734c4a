"""Every SQL file: prepared against the migrated schema, used, commented, in our SQL style."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg
import pytest

import tickets
from tickets.adapters.postgres.sql_loader import (
    load_fragments,
    load_queries,
    sql_folder,
)

FILES = sorted(file.name.removesuffix(".sql") for file in (sql_folder() / "queries").iterdir())
QUERIES = [(file, name) for file in FILES for name in load_queries(file)]
SCRIPTS = {
    f"{folder.name}/{file.name}": file.read_text(encoding="utf-8")
    for folder in (
        sql_folder() / "migrations",
        sql_folder() / "queries",
        sql_folder() / "fragments",
    )
    for file in folder.iterdir()
}

COMMENT_OR_STRING = re.compile(r"--[^\n]*|'(?:[^']|'')*'")


def code_of(script: str) -> str:
    """Return a script without comments and string literals."""
    return COMMENT_OR_STRING.sub("", script)


async def test_every_query_is_prepared_against_the_migrated_schema(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """create table sessions (
               token text primary key, user_id int, expires_at timestamp, created_at timestamp)"""
    )

    errors = {}
    for file, name in QUERIES:
        try:
            await connection.prepare(load_queries(file)[name].sql)
        except asyncpg.PostgresError as error:
            errors[file, name] = error
    await connection.close()

    assert errors == {}
    assert len(QUERIES) > 20


def test_every_query_is_used_by_the_code() -> None:
    source = Path(tickets.__file__).parent
    code = "\n".join(file.read_text(encoding="utf-8") for file in source.rglob("*.py"))

    assert [name for _file, name in QUERIES if f'"{name}"' not in code] == []


def test_the_names_of_queries_are_unique() -> None:
    names = [name for _file, name in QUERIES]

    assert sorted(set(names)) == sorted(names)
    for file in FILES:
        assert len(load_queries(file)) == SCRIPTS[f"queries/{file}.sql"].count("-- name:")


def test_every_query_has_a_comment() -> None:
    without_comment = [
        name
        for file, name in QUERIES
        if not load_queries(file)[name].sql.startswith(f"-- {name}\n-- ")
    ]

    assert without_comment == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_sql_file_starts_with_a_sentence(script: str) -> None:
    assert re.match(r"-- [A-Z]\w+ .{20,}", SCRIPTS[script])


@pytest.mark.parametrize("script", SCRIPTS)
def test_sql_keywords_and_names_are_lower_case(script: str) -> None:
    code = code_of(SCRIPTS[script])

    assert re.findall(r"\w*[A-Z]\w*", code) == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_columns_are_listed_instead_of_a_star(script: str) -> None:
    code = code_of(SCRIPTS[script])

    assert re.findall(r"(?:select|returning|,)\s+(?:\w+\.)?\*", code) == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_values_are_bound_and_never_formatted_into_sql(script: str) -> None:
    """Finds placeholders of Python. `format()` in a migration inserts names of tables only."""
    code = code_of(SCRIPTS[script])

    assert re.findall(r"%s|%\(|\{\w*\}", code) == []


def test_every_sql_fragment_is_included_in_a_query() -> None:
    queries = "".join(
        text for name, text in SCRIPTS.items() if name.startswith(("queries/", "fragments/"))
    )

    assert [name for name in load_fragments() if f"-- include: {name}\n" not in queries] == []
