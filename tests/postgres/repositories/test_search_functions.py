"""The SQL functions of the search, held to the domain's rules, character by character."""

from __future__ import annotations

import random
import sys
import unicodedata
from collections.abc import AsyncIterator, Iterator
from typing import TypeAlias

import asyncpg
import pytest

from tests.databases import in_database
from tickets.adapters.postgres.schema.migration_files import load_migrations
from tickets.domain.search import SearchQuery
from tickets.domain.search_text import MAX_CHARACTERS, lexemes

AT_ONCE = 20_000

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    """Return a connection to a migrated database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def known_characters() -> Iterator[str]:
    """Return the characters of Unicode 3.2: Python and every PostgreSQL know these alike."""
    for point in range(1, sys.maxunicode + 1):
        character = chr(point)
        if unicodedata.ucd_3_2_0.category(character) not in ("Cs", "Cn", "Co"):
            yield character


# What takes part in a rule of its own, a few ordinary letters, and the ends of ranges.
ALPHABET = (
    "aB1 .@'’-_,\n\t\x01\x7f\u00ad\u0301\u0308\u200d\ufe0f\u3099ßẞæŒþÞøıİſﬁＡ½…ÄÉñŁĐ"
    "ΣςΌАЁйՀב\u05bcعَ一發が。ﾊแี확\u1100\U0001f680\U0001f1e6\U000e0041\uffff\U0010ffff"
)


def random_texts(count: int) -> list[str]:
    """Return texts of a few characters that are likely to meet in a rule."""
    chance = random.Random(4711)  # noqa: S311 - the same texts at every run
    return ["".join(chance.choices(ALPHABET, k=chance.randint(1, 12))) for _ in range(count)]


async def sql_lexemes(connection: Connection, texts: list[str]) -> list[set[str]]:
    """Return the lexemes of each text, by the functions of the index."""
    rows = await connection.fetch(
        """select tsvector_to_array(ticket_search_vector(ticket_search_text(text))) as words
             from unnest($1::text[]) with ordinality as t (text, n)
            order by n""",
        texts,
    )
    return [set(row["words"]) for row in rows]


async def test_every_character_is_folded_as_the_domain_folds_it(connection: Connection) -> None:
    characters = list(known_characters())
    assert len(characters) > 90_000
    # with letters around it, so that a separator shows, and what is dropped
    texts = [f"ax{character}yb" for character in characters]
    for start in range(0, len(texts), AT_ONCE):
        some = texts[start : start + AT_ONCE]
        found = await sql_lexemes(connection, some)
        assert {
            text: words for text, words in zip(some, found, strict=True) if words != lexemes(text)
        } == {}


async def test_texts_have_the_lexemes_of_the_domain(connection: Connection) -> None:
    texts = random_texts(20_000)

    found = await sql_lexemes(connection, texts)

    assert {t: words for t, words in zip(texts, found, strict=True) if words != lexemes(t)} == {}


async def test_queries_find_what_the_domain_finds(connection: Connection) -> None:
    """A query of two characters in a text of twelve is found often enough."""
    texts = random_texts(20_000)
    queries = [text[:3] for text in random_texts(20_001)[1:]]
    rows = await connection.fetch(
        """select coalesce(ticket_search_vector(ticket_search_text(text))
                           @@ ticket_search_query(ticket_search_text(query)), false) as indexed,
                  coalesce(ticket_search_matches(
                      text, ticket_search_query(ticket_search_text(query)), needle), false) as own
             from unnest($1::text[], $2::text[], $3::text[]) with ordinality
                  as t (text, query, needle, n)
            order by n""",
        texts,
        queries,
        [SearchQuery.of_words(query).needle for query in queries],
    )

    expected = [
        SearchQuery.of_words(query).is_in(text) for text, query in zip(texts, queries, strict=True)
    ]
    assert 200 < sum(expected) < 19_800
    assert [row["indexed"] for row in rows] == expected
    assert [row["own"] for row in rows] == expected


HOSTILE = {
    "the longest word": "x" * 50_000,
    "the longest word of four bytes": "\U00010330" * 50_000,
    "as many different words as there can be": " ".join(f"{n:x}" for n in range(50_000)),
    "as many parts as there can be": ".".join(f"{n:x}" for n in range(50_000)),
    "as many apostrophes": "'".join(f"{n:x}" for n in range(50_000)),
    "a letter that becomes eighteen": "\ufdfa" * 20_000,
    "a letter that becomes two": "ß" * 20_000,
    "neighbours of a script without spaces": "".join(
        chr(0x4E00 + n % 20_000) for n in range(50_000)
    ),
    "accents alone": "\u0301" * 50_000,
    "all quotes of a query's own language": "':*&|!()<->\\" * 1_000,
    "nothing": "",
    "white space": " \n\t\u2028\u3000" * 1_000,
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_no_text_is_refused_by_the_index_or_as_a_query(
    connection: Connection, case: str
) -> None:
    text = HOSTILE[case]
    await connection.execute("insert into users (email) values ('a@example.com')")
    await connection.execute(
        """insert into tickets (user_id, category, subject, status, created_at, updated_at)
           select id, 'support', 'Subject', 'open', now(), now() from users"""
    )
    await connection.execute(
        """insert into ticket_messages (ticket_id, sender_type, message, created_at)
           select id, 'user', $1, now() from tickets""",
        text,
    )
    (stored,) = await sql_lexemes(connection, [text])
    await connection.fetchval("select ticket_search_query(ticket_search_text(left($1, 200)))", text)

    assert stored == lexemes(text)
    assert all(len(word) <= 100 for word in stored)


async def test_only_the_beginning_of_a_text_is_searched(connection: Connection) -> None:
    text = "a " * (MAX_CHARACTERS // 2 - 3) + "first last"

    assert await sql_lexemes(connection, [text]) == [{"a", "first"}] == [lexemes(text)]


@pytest.mark.parametrize("locale", ["lc_collate 'C' lc_ctype 'C'", ""], ids=["c", "of_the_server"])
async def test_the_collation_of_the_database_does_not_matter(
    postgres_url: str, locale: str
) -> None:
    """Under `C` PostgreSQL's own `lower` knows ASCII alone; the server's own locale has Unicode."""
    (functions,) = [
        step.sql
        for migration in load_migrations()
        for step in migration.steps
        if (migration.name, step.name) == ("search", "functions")
    ]
    name = "collated_c" if locale else "collated"
    server = await asyncpg.connect(postgres_url)
    await server.execute(f"drop database if exists {name}")
    await server.execute(f"create database {name} template template0 {locale}")
    connection = await asyncpg.connect(in_database(postgres_url, name))
    try:
        await connection.execute(functions)
        found = await sql_lexemes(connection, ["STRASSE Straße ÉCLAIR ЁЖ ΣΊΣΥΦΟΣ İstanbul"])
        assert found == [{"strasse", "eclair", "еж", "σισυφοσ", "istanbul"}]
    finally:
        await connection.close()
        await server.execute(f"drop database {name} with (force)")
        await server.close()
