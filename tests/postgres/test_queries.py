"""Every SQL file: prepared against the migrated schema, used, explained, and in the style of the house."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest

import tickets
from tickets.adapters.postgres.sql_loader import (
    Query,
    load_fragments,
    load_queries,
    parse_queries,
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
            await connection.prepare(load_queries(file)[name].sql)
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
    silent = [
        name
        for file, name in QUERIES
        if not load_queries(file)[name].sql.startswith(f"-- {name}\n-- ")
    ]

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


def parsed(body: str, fragments: Mapping[str, str] | None = None) -> Query:
    return parse_queries(f"-- name: one\n{body}", fragments or {})["one"]


def test_a_file_is_cut_at_its_names() -> None:
    text = "-- About.\n\n-- name: one\n-- The first.\nselect 1;\n\n-- name: two\nselect\n  2;\n"

    queries = parse_queries(text, {})

    assert queries["one"].sql == "-- one\n-- The first.\nselect 1"
    assert queries["two"].sql == "-- two\nselect\n  2"


def test_named_parameters_are_numbered_in_the_order_of_first_use() -> None:
    query = parsed("select :b::text, :a, :b")

    assert query.sql == "-- one\nselect $1::text, $2, $1"
    assert query.parameters == ("b", "a")
    assert query.bind(a=1, b=2) == (query.sql, 2, 1)


@pytest.mark.parametrize(
    "text", ["'a :b ''c :d'", "-- not :this", "/* nor :this\n one :here */", '":quoted"', "a[x:y]"]
)
def test_a_colon_in_quotes_comments_and_slices_is_no_parameter(text: str) -> None:
    query = parsed(f"select 1 {text}")

    assert query.sql == f"-- one\nselect 1 {text}"
    assert query.parameters == ()


def test_a_fragment_is_included_with_its_parameters_and_its_indentation() -> None:
    query = parsed("select\n  -- include: pair\n  from t where a = :a", {"pair": ":b,\n:a"})

    assert query.sql == "-- one\nselect\n  $1,\n  $2\n  from t where a = $2"


def test_an_unknown_fragment_is_an_error() -> None:
    with pytest.raises(ValueError, match="includes pair, which is not in sql/fragments"):
        parsed("select\n-- include: pair")


@pytest.mark.parametrize("values", [{}, {"a": 1}, {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 3}])
def test_values_must_be_those_of_the_parameters(values: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="query one takes"):
        parsed("select :a, :b").bind(**values)


def test_every_fragment_is_included_somewhere() -> None:
    queries = "".join(
        text for name, text in SCRIPTS.items() if name.startswith(("queries/", "fragments/"))
    )

    assert [name for name in load_fragments() if f"-- include: {name}\n" not in queries] == []
