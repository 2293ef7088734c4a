"""The port `TicketSearch` on every adapter: what is found, where, in which order, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from tests.world import ADMIN, World
from tickets.domain import search as search_rules
from tickets.domain.people import Actor
from tickets.domain.read_models import FoundPage
from tickets.domain.search import SearchQuery


@dataclass(frozen=True)
class Row:
    """A row of a page: its ticket, where the query was found, and the marked parts of it."""

    id: int
    field: str
    marked: list[str]


def marked(match: dict[str, Any]) -> list[str]:
    """Return what the hits mark, by UTF-16 units, as a browser cuts it out."""
    units = match["text"].encode("utf-16-le")
    return [units[2 * start : 2 * end].decode("utf-16-le") for start, end in match["hits"]]


def rows_of(page: FoundPage) -> list[Row]:
    return [
        Row(row["id"], row["match"]["field"], marked(row["match"]))
        for row in msgspec.json.decode(page.rows)
    ]


async def found(world: World, query: str, user_id: int | None = None) -> list[Row]:
    """Return what an admin finds, or this user."""
    parsed = SearchQuery.parse(query)
    if user_id is None:
        return rows_of(await world.search.everywhere(parsed, after=None, limit=50))
    return rows_of(await world.search.own(user_id, parsed, after=None, limit=50))


# The text of a message, a query that finds it, and what is marked.
FOUND = {
    "a word": ("The invoice is wrong.", "invoice", ["invoice"]),
    "the beginning of a word": ("The invoice is wrong.", "inv", ["inv"]),
    "capitals": ("The INVOICE is wrong.", "Invoice", ["INVOICE"]),
    "words in another order": ("The invoice is wrong.", "wrong the", ["The", "wrong"]),
    "a number behind punctuation": ("See invoice-4711, please.", "4711", ["4711"]),
    "the same with its punctuation": (
        "See invoice-4711, please.",
        "invoice-4711",
        ["invoice", "4711"],
    ),
    "a word of one letter": ("Plan B is better than plan A.", "plan b", ["Plan", "B", "plan"]),
    "an address": ("Write to anna@example.com.", "anna@example.com", ["anna@example.com"]),
    "the beginning of an address": ("Write to anna@example.com.", "anna@ex", ["anna@ex"]),
    "the host of an address": ("Write to anna@example.com.", "example.com", ["example.com"]),
    "a word after a full stop without a space": ("It stops.Then it goes on.", "then", ["Then"]),
    "accents that only the text has": ("My résumé, by post.", "resume", ["résumé"]),
    "accents that only the query has": ("My resume, by post.", "résumé", ["resume"]),
    "accents as characters of their own": (
        "My re\u0301sume\u0301.",
        "résumé",
        ["re\u0301sume\u0301"],
    ),
    "ß in the text": ("In der Straße 5, links.", "strasse", ["Straße"]),
    "ß in the query": ("In der Strasse 5, links.", "straße", ["Strasse"]),
    "an apostrophe in the text": ("Ask Mr O'Brien about it.", "obrien", ["O'Brien"]),
    "a curly apostrophe": ("Ask Mr O’Brien about it.", "o'brien", ["O’Brien"]),
    "an apostrophe in the query": ("Ask Mr OBrien about it.", "O'Brien", ["OBrien"]),
    "a word after an apostrophe": ("C'est dans l'hôtel.", "hotel", ["hôtel"]),
    "ligatures and full width": ("The ﬁle of ＡＣＭＥ.", "file acme", ["ﬁle", "ＡＣＭＥ"]),
    "a dotted capital before the hit": ("İstanbul invoice, again.", "invoice", ["invoice"]),
    "the dotted capital itself": ("İstanbul invoice, again.", "istanbul", ["İstanbul"]),
    "an emoji before the hit": ("\U0001f680\U0001f680 invoice, again.", "invoice", ["invoice"]),
    "an emoji beside the hit": ("\U0001f680invoice\U0001f680, again.", "invoice", ["invoice"]),
    "Cyrillic capitals": ("СЧЁТ не пришёл.", "счет", ["СЧЁТ"]),
    "Greek capitals and a final sigma": ("Ο ΛΟΓΑΡΙΑΣΜΌΣ μου.", "λογαριασμός", ["ΛΟΓΑΡΙΑΣΜΌΣ"]),
    "a word inside a Chinese sentence": ("我的發票號碼不正確。", "發票", ["發票"]),
    "a word inside a Japanese sentence": ("先月の請求書を送ってください。", "請求書", ["請求書"]),
    "a word inside a Thai sentence": ("ฉันต้องการใบแจ้งหนี้ใหม่", "ใบแจ้งหนี้", ["ใบแจ้งหนี้"]),
    "one letter of a script without spaces": ("我的發票號碼不正確。", "確", ["確"]),
    "the beginning of a Korean word": ("청구서가 틀렸습니다.", "청구서", ["청구서"]),
    "a word beside Chinese": ("我的invoice不正確。", "invoice", ["invoice"]),
    "an Arabic word with vowel marks": ("وَصَلَتِ الفاتورة أمس", "وصلت", ["وَصَلَتِ"]),
    "soft hyphens": ("The in\u00advoice is wrong.", "invoice", ["in\u00advoice"]),
    "quoted words": ('It says "access denied".', '"access denied"', ["access", "denied"]),
    "a URL": (
        "See https://example.com/a?b=c#d now.",
        "https://example.com/a?b=c#d",
        ["https", "example.com", "a", "b", "c", "d"],
    ),
    "a line of a log": (
        "[ERROR] 12:01:07 pool: timeout (30s)",
        "[ERROR] 12:01:07 pool: timeout",
        ["ERROR", "12", "01", "07", "pool", "timeout"],
    ),
    "SQL and markup": ("'; drop table x; -- <b>%_\\", "'; drop -- <b>", ["drop", "b"]),
}

NOT_FOUND = {
    "a word that is not there": ("The invoice is wrong.", "receipt"),
    "the end of a word": ("The invoice is wrong.", "voice"),
    "one of two words": ("The invoice is wrong.", "invoice receipt"),
    "a letter inside words alone": ("The invoice is wrong.", "i"),
    "a word with more letters": ("The invoice is wrong.", "invoices"),
    "letters of a script without spaces that are not neighbours": ("我的發號碼票。", "發票"),
    "another ending of an address": ("Write to anna@example.com.", "anna@example.org"),
    "no word at all": ("((((((((((", "(((("),
    "an emoji": ("It flies \U0001f680 now.", "\U0001f680"),
}


@pytest.mark.parametrize("case", FOUND)
async def test_a_message_is_found_and_exactly_the_words_are_marked(world: World, case: str) -> None:
    text, query, expected = FOUND[case]
    user_id = await world.user("zz@test.invalid")
    ticket = await world.ticket(user_id, subject="Subject", message="Nothing to see here.")
    await world.reply(ticket.id, Actor.user(user_id), text)

    assert await found(world, query) == [Row(ticket.id, "message", expected)]
    assert await found(world, query, user_id) == [Row(ticket.id, "message", expected)]


@pytest.mark.parametrize("case", NOT_FOUND)
async def test_a_message_is_not_found(world: World, case: str) -> None:
    text, query = NOT_FOUND[case]
    user_id = await world.user("zz@test.invalid")
    ticket = await world.ticket(user_id, subject="Subject", message="Nothing to see here.")
    await world.reply(ticket.id, Actor.user(user_id), text)

    assert await found(world, query) == []
    assert await found(world, query, user_id) == []


async def test_subjects_messages_and_notes_are_found_and_a_ticket_is_found_once(
    world: World,
) -> None:
    user_id = await world.user("zz@test.invalid")
    in_subject = await world.ticket(user_id, subject="The invoice", message="The invoice is wrong.")
    in_message = await world.ticket(user_id, subject="Subject", message="The invoice is wrong.")
    in_note = await world.ticket(user_id, subject="Subject", message="Nothing to see here.")
    await world.note(in_note.id, "Look at the invoice.")
    await world.note(in_message.id, "Look at the invoice.")

    assert [(row.id, row.field) for row in await found(world, "invoice")] == [
        (in_note.id, "note"),
        (in_message.id, "message"),
        (in_subject.id, "subject"),
    ]


async def test_all_words_must_be_within_one_text(world: World) -> None:
    user_id = await world.user()
    ticket = await world.ticket(user_id, subject="The invoice", message="It is wrong, I think.")
    await world.reply(ticket.id, ADMIN, "Which receipt is it?")

    assert await found(world, "invoice wrong") == []
    assert await found(world, "wrong receipt", user_id) == []


async def test_the_newest_of_several_messages_is_shown(world: World) -> None:
    ticket = await world.ticket(message="The first invoice.")
    await world.reply(ticket.id, ADMIN, "The second invoice.")

    page = await world.search.everywhere(SearchQuery.parse("invoice"), after=None, limit=50)

    (row,) = msgspec.json.decode(page.rows)
    assert row["match"] == {"field": "message", "text": "The second invoice.", "hits": [[11, 18]]}


@pytest.mark.parametrize("spelling", ["#{}", "{}", "# {}", "#00{}"])
async def test_a_ticket_is_found_by_its_number(world: World, spelling: str) -> None:
    user_id = await world.user()
    await world.ticket(user_id)
    ticket = await world.ticket(user_id)
    query = spelling.format(ticket.id)

    expected = [Row(ticket.id, "number", [f"#{ticket.id}"])]
    assert await found(world, query, user_id) == expected
    assert expected[0] in await found(world, query)


async def test_a_number_is_also_a_word_but_with_a_hash_it_is_not(world: World) -> None:
    ticket = await world.ticket(
        await world.user("zz@test.invalid"), message="Invoice 987654 is wrong."
    )

    assert await found(world, "987654") == [Row(ticket.id, "message", ["987654"])]
    assert await found(world, "#987654") == []


@pytest.mark.parametrize("query", ["99999999999", "#99999999999", "0", "#0", "#", "-1", "1e3"])
async def test_a_number_of_no_ticket_finds_nothing(world: World, query: str) -> None:
    user_id = await world.user("zz@test.invalid")
    await world.ticket(user_id)

    assert await found(world, query) == []
    assert await found(world, query, user_id) == []


@pytest.mark.parametrize(
    ("query", "marks"),
    [
        ("Anna.Lee@example.com", "Anna.Lee@Example.com"),
        ("anna.l", "Anna.L"),
        ("anna", "Anna"),
        ("Anna Lee <anna.lee@example.com>", "Anna.Lee@Example.com"),
        ("<anna.lee@ex", None),
    ],
)
async def test_a_customer_is_found_by_the_beginning_of_the_address(
    world: World, query: str, marks: str | None
) -> None:
    user_id = await world.user("Anna.Lee@Example.com")
    ticket = await world.ticket(user_id)
    await world.ticket(await world.user("joanna.lee@example.com"))

    expected = [Row(ticket.id, "email", [marks])] if marks else []
    assert await found(world, query) == expected
    # a user's own address is in none of the texts that a user's search looks at
    assert await found(world, query, user_id) == []


async def test_a_user_finds_nothing_of_other_users_and_no_notes(world: World) -> None:
    user_id = await world.user()
    own = await world.ticket(user_id)
    foreign = await world.ticket(subject="The unicorn", message="The unicorn is missing.")
    await world.reply(foreign.id, ADMIN, "Which unicorn?")
    await world.note(own.id, "A unicorn, says the customer.")

    assert len(await found(world, "unicorn")) == 2
    assert await found(world, "unicorn", user_id) == []
    assert await found(world, f"#{foreign.id}", user_id) == []


async def test_an_erased_message_is_not_found(world: World) -> None:
    user_id = await world.user()
    ticket = await world.ticket(user_id)
    message = await world.reply(ticket.id, ADMIN, "The secret word is unicorn.")
    assert len(await found(world, "unicorn")) == 1

    await world.erase_message(message)

    assert await found(world, "unicorn") == []
    assert await found(world, "unicorn", user_id) == []


async def test_results_are_paged_by_keyset_newest_activity_first(world: World) -> None:
    user_id = await world.user()
    tickets = [await world.ticket(user_id, message="The invoice is wrong.") for _ in range(5)]
    await world.reply(tickets[1].id, ADMIN, "I see.")
    query = SearchQuery.parse("invoice")

    async def pages(*, mine: bool) -> list[list[int]]:
        result: list[list[int]] = []
        after, more = None, True
        while more:
            page = await (
                world.search.own(user_id, query, after=after, limit=2)
                if mine
                else world.search.everywhere(query, after=after, limit=2)
            )
            result.append([row.id for row in rows_of(page)])
            after, more = page.next, page.next is not None
        return result

    ids = [ticket.id for ticket in tickets]
    expected = [[ids[1], ids[4]], [ids[3], ids[2]], [ids[0]]]
    assert await pages(mine=False) == expected
    assert await pages(mine=True) == expected


async def test_of_many_matches_the_newest_are_collected(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (search_rules, *world.search_modules):
        monkeypatch.setattr(module, "MAX_MATCHES", 3)
    user_id = await world.user()
    tickets = [await world.ticket(user_id, message="The invoice is wrong.") for _ in range(3)]
    query = SearchQuery.parse("invoice")
    page = await world.search.everywhere(query, after=None, limit=50)
    assert (len(rows_of(page)), page.is_truncated) == (3, False)

    newest = await world.ticket(user_id, message="The invoice is wrong.")
    page = await world.search.everywhere(query, after=None, limit=50)
    own = await world.search.own(user_id, query, after=None, limit=50)

    newest_first = [newest.id, tickets[2].id, tickets[1].id]
    assert ([row.id for row in rows_of(page)], page.is_truncated) == (newest_first, True)
    assert ([row.id for row in rows_of(own)], own.is_truncated) == (newest_first, True)


async def test_a_row_is_that_of_the_list(world: World) -> None:
    user_id = await world.user()
    ticket = await world.ticket(user_id, category="other", other_category="Press")
    await world.reply(ticket.id, ADMIN, "y" * 120)
    lists: tuple[Any, Any] = (
        await world.views.admin_list(status=None, category=None, after=None, limit=1),
        await world.views.user_list(user_id, status=None, after=None, limit=1),
    )
    query = SearchQuery.parse("hundred")
    searches: tuple[Any, Any] = (
        await world.search.everywhere(query, after=None, limit=1),
        await world.search.own(user_id, query, after=None, limit=1),
    )

    for listed, searched in zip(lists, searches, strict=True):
        (row,) = msgspec.json.decode(searched.rows)
        assert row.pop("match")["field"] == "message"
        assert [row] == msgspec.json.decode(listed.rows)


async def test_a_long_text_is_searched_at_its_beginning_and_shown_around_the_hit(
    world: World,
) -> None:
    user_id = await world.user("zz@test.invalid")
    filler = "lorem ipsum dolor " * 20
    ticket = await world.ticket(user_id, message=f"{filler}the invoice is wrong {filler}")

    page = await world.search.everywhere(SearchQuery.parse("invoice"), after=None, limit=1)

    (row,) = msgspec.json.decode(page.rows)
    text = row["match"]["text"]
    assert row["id"] == ticket.id
    assert marked(row["match"]) == ["invoice"]
    assert len(text) <= 162
    assert (text[0], text[-1]) == ("…", "…")
    assert not text[1].isspace()
