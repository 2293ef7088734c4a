"""Stored responses across an upgrade: this release and the previous one read each other's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.domain.builders import ADMIN, NOW, a_ticket
from tickets.adapters.postgres.repositories.stored_responses import (
    FORMAT_VERSION,
    decode_response,
    encode_response,
)
from tickets.domain.errors import ResponseErased
from tickets.domain.idempotency import Result
from tickets.domain.message import Message
from tickets.domain.people import Side
from tickets.domain.ticket import Category, Status, Ticket

OPENED = datetime(2026, 2, 3, 10, 0, 0, 120, UTC)

# Written by the release before versions, read from its `ticket_idempotency_keys`.
PREVIOUS_TICKET = r"""{"id": 1, "status": "open", "subject": "Wörds & <b>markup</b>", "user_id": 7,
 "version": 1, "category": "other", "priority": "normal",
 "created_at": "2026-02-03T10:00:00.000120Z", "updated_at": "2026-02-03T10:00:00.000120Z",
 "new_message": null, "user_unread": false, "admin_unread": true,
 "last_message": "Line one\nline \"two\" \\ three", "message_count": 1,
 "other_category": "Præs 🗞"}"""
PREVIOUS_MESSAGE = """{"id": 2, "message": "We are on it.", "sender_id": null, "ticket_id": 1,
 "created_at": "2026-02-03T10:00:00.000120Z", "sender_type": "admin"}"""


@dataclass(slots=True)
class PreviousMessage:
    """`Message` as the previous release decodes it."""

    id: int
    ticket_id: int
    sender_type: Side
    sender_id: int | None
    message: str
    created_at: datetime


@dataclass(slots=True)
class PreviousTicket:
    """`Ticket` as the previous release decodes it."""

    id: int
    user_id: int
    category: Category
    other_category: str | None
    subject: str
    status: Status
    priority: str
    user_unread: bool
    admin_unread: bool
    message_count: int
    last_message: str
    created_at: datetime
    updated_at: datetime
    version: int = 0
    new_message: PreviousMessage | None = None


def fields_of(decoded: object, kind: type) -> dict[str, Any]:
    """Return the fields of `decoded` that `kind` has, too."""
    return {name: getattr(decoded, name) for name in kind.__annotations__}


def test_a_ticket_of_the_previous_release_is_replayed() -> None:
    ticket = decode_response(PREVIOUS_TICKET, Ticket)

    assert type(ticket) is Ticket
    assert fields_of(ticket, PreviousTicket) == {
        "id": 1,
        "user_id": 7,
        "category": Category.OTHER,
        "other_category": "Præs \U0001f5de",
        "subject": "Wörds & <b>markup</b>",
        "status": Status.OPEN,
        "priority": "normal",
        "user_unread": False,
        "admin_unread": True,
        "message_count": 1,
        "last_message": 'Line one\nline "two" \\ three',
        "created_at": OPENED,
        "updated_at": OPENED,
        "version": 1,
        "new_message": None,
    }


def test_a_message_of_the_previous_release_is_replayed() -> None:
    message = decode_response(PREVIOUS_MESSAGE, Message)

    assert type(message) is Message
    assert fields_of(message, PreviousMessage) == {
        "id": 2,
        "ticket_id": 1,
        "sender_type": Side.ADMIN,
        "sender_id": None,
        "message": "We are on it.",
        "created_at": OPENED,
    }
    assert (message.ordinal, message.sender_name) == (0, None)


def test_a_status_and_a_flag_of_the_previous_release_are_replayed() -> None:
    assert decode_response('"resolved"', Status) is Status.RESOLVED
    assert decode_response("true", bool) is True
    assert decode_response("false", bool) is False


def test_the_previous_release_decodes_a_ticket_of_this_one() -> None:
    ticket = a_ticket()
    ticket.reply("Not part of the response.", by=ADMIN, at=NOW)
    encoded = encode_response(ticket)

    decoded = msgspec.json.decode(encoded, type=PreviousTicket)

    assert msgspec.json.decode(encoded)["v"] == FORMAT_VERSION
    expected = fields_of(ticket, PreviousTicket) | {"new_message": None}
    assert fields_of(decoded, PreviousTicket) == expected


def test_the_previous_release_decodes_a_message_of_this_one() -> None:
    message = Message(0, 3, Side.USER, 7, "Any news?", NOW)
    encoded = encode_response(message)

    decoded = msgspec.json.decode(encoded, type=PreviousMessage)

    assert msgspec.json.decode(encoded)["v"] == FORMAT_VERSION
    assert fields_of(decoded, PreviousMessage) == fields_of(message, PreviousMessage)


@pytest.mark.parametrize("result", [Status.CLOSED, True, False])
def test_the_previous_release_decodes_a_status_and_a_flag_of_this_one(
    result: Result,
) -> None:
    kind = type(result)
    assert msgspec.json.decode(encode_response(result), type=kind) is result


@pytest.mark.parametrize(
    "result",
    [
        a_ticket(),
        Message(0, 3, Side.USER, 7, "Any news?", NOW),
        Message(9, 3, Side.ADMIN, None, "None.", NOW, 4, "Nadia Berg"),
        Status.OPEN,
        False,
    ],
)
def test_a_response_of_this_release_is_replayed_unchanged(result: Result) -> None:
    kind: Any = type(result)

    assert decode_response(encode_response(result), kind) == result


def test_fields_of_a_later_release_are_ignored() -> None:
    later = encode_response(a_ticket()).replace(f'"v":{FORMAT_VERSION}', '"v":99,"mood":"fine"')

    assert decode_response(later, Ticket) == a_ticket()


@pytest.mark.parametrize("answer", ["null", None])
@pytest.mark.parametrize("kind", [Ticket, Message, Status, bool])
def test_an_erased_response_is_an_error_of_its_own(answer: str | None, kind: Any) -> None:
    with pytest.raises(ResponseErased):
        decode_response(answer, kind)
