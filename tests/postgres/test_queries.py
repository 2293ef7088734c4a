"""Every SQL file: prepared against the migrated schema, used, explained, and in the style of the house."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg
import pytest

import tickets
from tickets.adapters.postgres.sql_loader import load_queries, parse_queries, sql_folder

FILES = sorted(file.name.removesuffix(".sql") for file in (sql_folder() / "queries").iterdir())
QUERIES = [(file, name) for file in FILES for name in load_queries(file)]
SCRIPTS = {
    f"{folder.name}/{file.name}": file.read_text(encoding="utf-8")
    for folder in (sql_folder() / "migrations", sql_folder() / "queries")
    for file in folder.iterdir()
}

COMMENT_OR_TEXT = re.compile(r"--[^\n]*|'(?:[^']|'')*'")


def code_of(script: str) -> str:
    """Return a script without its comments and texts."""
    return COMMENT_OR_TEXT.sub("", script)


async def test_every_query_is_prepared_against_the_migrated_schema(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "create table sessions (token text primary key, user_id int, expires_at timestamp, created_at timestamp)"
    )

    refused = {}
    for file, name in QUERIES:
        try:
            await connection.prepare(load_queries(file)[name])
        except asyncpg.PostgresError as error:
            refused[file, name] = error
    await connection.close()

    assert refused == {}
    assert len(QUERIES) > 20


def test_every_query_is_used() -> None:
    source = Path(tickets.__file__).parent
    code = "\n".join(file.read_text(encoding="utf-8") for file in source.rglob("*.py"))

    assert [name for _file, name in QUERIES if f'"{name}"' not in code] == []


def test_no_two_queries_of_one_use_share_a_name() -> None:
    names = [name for _file, name in QUERIES]

    assert sorted(set(names)) == sorted(names)
    for file in FILES:
        assert len(load_queries(file)) == SCRIPTS[f"queries/{file}.sql"].count("-- name:")


def test_every_query_says_what_it_is_for() -> None:
    silent = [name for file, name in QUERIES if not load_queries(file)[name].startswith("-- ")]

    assert silent == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_file_opens_with_a_sentence(script: str) -> None:
    assert re.match(r"-- [A-Z]\w+ .{20,}", SCRIPTS[script])


@pytest.mark.parametrize("script", SCRIPTS)
def test_keywords_and_names_are_lower_case(script: str) -> None:
    code = code_of(SCRIPTS[script])

    assert re.findall(r"\w*[A-Z]\w*", code) == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_columns_are_listed(script: str) -> None:
    code = code_of(SCRIPTS[script])

    assert re.findall(r"(?:select|returning|,)\s+(?:\w+\.)?\*", code) == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_arguments_are_bound_and_never_put_together(script: str) -> None:
    """A place for Python to fill in; `format` of a migration names tables and never sees a value."""
    code = code_of(SCRIPTS[script])

    assert re.findall(r"%s|%\(|\{\w*\}", code) == []


def test_a_file_is_cut_at_its_names() -> None:
    text = "-- About the file.\n\n-- name: one\n-- The first.\nselect 1;\n\n-- name: two\nselect\n  2;\n"

    assert parse_queries(text) == {"one": "-- The first.\nselect 1", "two": "select\n  2"}
