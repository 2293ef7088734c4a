"""Written documents: every route, error and bound of the code is in them, with its value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.http.conftest import API
from tests.http.routes import API_ROUTES
from tickets.adapters.http.api.idempotency_header import IDEMPOTENCY_HEADER, MAX_KEY_LENGTH
from tickets.adapters.http.api.parameters import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from tickets.adapters.http.edge.error_handlers import ERROR_TABLE
from tickets.domain import text_limits
from tickets.domain.history import MAX_PAGE_EVENTS
from tickets.domain.note import MAX_NOTES, MAX_PAGE_NOTES
from tickets.domain.people import MAX_ADMINS
from tickets.domain.read_models import MAX_FOLLOW_UPS, MAX_PAGE_BYTES, MAX_PAGE_MESSAGES
from tickets.domain.reports import FIRST_DAY, MAX_DAYS
from tickets.domain.saved_reply import MAX_SAVED_REPLIES
from tickets.domain.search import MAX_MATCHES, MAX_OWN_MESSAGES, QUERY
from tickets.domain.search_text import MAX_CHARACTERS, MAX_WORD
from tickets.domain.ticket import MAX_ID, MAX_MESSAGES

DOCS = Path(__file__).parents[1] / "docs"


def table_after(document: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    text = (DOCS / document).read_text(encoding="utf-8").partition(f"\n{heading}\n")[2]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert lines, heading
    rows = lines[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_every_route_of_the_api_is_in_its_table_of_calls() -> None:
    documented = [cells[0].strip("`") for cells in table_after("api.md", "## Calls")]

    assert sorted(documented) == sorted(
        f"{method} {re.sub('{[a-z_]*id}', '{id}', path.removeprefix(API) or '/')}".replace(
            "{queue}", "{name}"
        )
        for method, path in API_ROUTES
    )


def test_every_side_of_the_table_of_calls_is_that_of_the_path() -> None:
    for call, side, _ in table_after("api.md", "## Calls"):
        assert side == ("admin" if " /admin" in call else "user"), call


def test_every_error_is_in_the_table_of_errors() -> None:
    documented = {(cells[0], cells[1].strip("`")) for cells in table_after("api.md", "## Errors")}

    for error, rule in ERROR_TABLE.items():
        # no route reaches it: the document says so below the table
        if error.code != "not-allowed":
            assert (str(int(rule.status)), error.code) in documented


def amount(limit: text_limits.TextLimits) -> str:
    """Return a text's limits as the documents write them."""
    low, high = limit.min_length, limit.max_length
    return f"{low} to {high:,} characters" if low else f"up to {high:,} characters"


TEXTS = "## Texts, pages and keys"

BOUNDS: Mapping[tuple[str, str], str] = {
    (TEXTS, "subject"): amount(text_limits.SUBJECT),
    (TEXTS, "first message of a new ticket"): amount(text_limits.FIRST_MESSAGE),
    (TEXTS, "reply"): amount(text_limits.REPLY),
    (TEXTS, "`other_category`"): amount(text_limits.OTHER_CATEGORY),
    (TEXTS, "name of an admin"): amount(text_limits.ADMIN_NAME),
    (TEXTS, "named admins that are not disabled"): f"{MAX_ADMINS};",
    (TEXTS, "one page of a list"): f"1 to {MAX_PAGE_SIZE} rows, {DEFAULT_PAGE_SIZE} by default",
    (
        TEXTS,
        "page of a thread",
    ): f"1 to {MAX_PAGE_MESSAGES} messages, {MAX_PAGE_MESSAGES} by default; "
    f"{MAX_PAGE_BYTES:,} bytes",
    (TEXTS, "messages of a ticket"): f"{MAX_MESSAGES:,};",
    (TEXTS, "`followed_by`"): f"the newest {MAX_FOLLOW_UPS} ids",
    (TEXTS, "note of an admin"): amount(text_limits.NOTE),
    (TEXTS, "notes of one ticket"): f"{MAX_NOTES:,};",
    (TEXTS, "page of notes"): f"the newest {MAX_PAGE_NOTES}",
    (TEXTS, "page of a ticket's history"): f"the newest {MAX_PAGE_EVENTS} events",
    (TEXTS, "saved reply"): f"title {amount(text_limits.SAVED_REPLY_TITLE)}, text "
    f"1 to {text_limits.SAVED_REPLY_TEXT.max_length:,}",
    (TEXTS, "saved replies"): f"{MAX_SAVED_REPLIES};",
    (TEXTS, f"`{IDEMPOTENCY_HEADER}`"): f"1 to {MAX_KEY_LENGTH} printable ASCII characters",
    (TEXTS, "query of a search"): amount(QUERY),
    (TEXTS, "days of a report"): f"{MAX_DAYS}, from {FIRST_DAY} on",
    (TEXTS, "ticket id"): f"up to {MAX_ID:,};",
    ("## Search", "characters of a text that are searched"): f"the first {MAX_CHARACTERS:,}, "
    f"and {MAX_WORD} of each word",
    ("## Search", "matches that an admin's search collects"): f"{MAX_MATCHES:,} of each kind",
    ("## Search", "messages that a user's search looks through"): f"{MAX_OWN_MESSAGES:,},",
}


@pytest.mark.parametrize(("heading", "what"), BOUNDS)
def test_a_documented_bound_is_that_of_the_code(heading: str, what: str) -> None:
    documented = dict(table_after("limits.md", heading))

    assert documented[what].startswith(BOUNDS[heading, what])


def test_every_bound_of_texts_pages_and_keys_is_compared() -> None:
    documented = {what for what, _ in table_after("limits.md", TEXTS)}

    # one page of messages, as the row above it says
    assert documented - {what for _, what in BOUNDS} == {"unseen messages in a 409"}
