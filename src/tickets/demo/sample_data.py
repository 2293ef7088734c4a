"""The demo's sample data: the tickets in sample_tickets.json, with times relative to the start."""

from __future__ import annotations

from importlib.resources import files

import msgspec

from tickets.domain.people import Side
from tickets.domain.ticket import Category, Status


class SampleMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message, written `hours_ago` before the demo is filled."""

    sender: Side
    hours_ago: float
    text: str
    admin: str | None = None
    """The address of the admin who wrote it; None for a user."""


class SampleAdmin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named admin of the demo."""

    name: str
    email: str


class SampleNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An internal note of the admin with this address."""

    admin: str
    hours_ago: float
    text: str


class SampleReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A saved reply."""

    title: str
    text: str


class SampleTicket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ticket with its thread, oldest message first, and the state that the demo shows."""

    email: str
    category: Category
    subject: str
    status: Status
    messages: tuple[SampleMessage, ...]
    other_category: str | None = None
    notes: tuple[SampleNote, ...] = ()

    read_by_user: bool = True
    """False if the newest message is an admin's that the user has not read."""

    read_by_admin: bool = True
    """False if the newest message is the user's and no admin has read it."""


class SampleData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The users, the admins and the tickets of the demo."""

    users: tuple[str, ...]
    """E-mail addresses; the demo is signed in as the first."""

    admins: tuple[SampleAdmin, ...]
    """The demo shows the first with a token."""

    saved_replies: tuple[SampleReply, ...]
    tickets: tuple[SampleTicket, ...]


def load_sample_data() -> SampleData:
    """Return the sample data that comes with the package."""
    file = files("tickets.demo").joinpath("sample_tickets.json")
    return msgspec.json.decode(file.read_bytes(), type=SampleData)
