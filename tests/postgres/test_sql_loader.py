"""The SQL loader: named queries, named parameters, fragments."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tickets.adapters.postgres.sql_loader import Query, parse_queries


def parsed(body: str, fragments: Mapping[str, str] | None = None) -> Query:
    return parse_queries(f"-- name: one\n{body}", fragments or {})["one"]


def test_a_file_is_split_into_queries_by_name() -> None:
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
def test_a_colon_in_quotes_comments_and_slices_is_not_a_parameter(text: str) -> None:
    query = parsed(f"select 1 {text}")

    assert query.sql == f"-- one\nselect 1 {text}"
    assert query.parameters == ()


def test_a_fragment_is_included_with_its_parameters_and_its_indentation() -> None:
    query = parsed("select\n  -- include: pair\n  from t where a = :a", {"pair": ":b,\n:a"})

    assert query.sql == "-- one\nselect\n  $1,\n  $2\n  from t where a = $2"


def test_a_fragment_may_include_another() -> None:
    fragments = {"outer": "(\n  -- include: inner\n)", "inner": ":b,\n:c"}

    query = parsed("select\n  -- include: outer", fragments)

    assert query.sql.endswith("select\n  (\n    $1,\n    $2\n  )")


def test_an_unknown_fragment_is_an_error() -> None:
    with pytest.raises(ValueError, match="includes pair, which is not in sql/fragments"):
        parsed("select\n-- include: pair")


@pytest.mark.parametrize("values", [{}, {"a": 1}, {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 3}])
def test_binding_other_values_than_the_parameters_is_an_error(values: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="query one takes"):
        parsed("select :a, :b").bind(**values)
