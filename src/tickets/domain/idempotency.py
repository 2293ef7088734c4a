"""Idempotency keys: a request that is sent again gets the stored response of the first one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, TypeVar

from tickets.domain.assignment import Assigned
from tickets.domain.message import Message
from tickets.domain.note import Note
from tickets.domain.people import Actor
from tickets.domain.saved_reply import SavedReply
from tickets.domain.ticket import Priority, Status, Ticket

KEY_LIFETIME = timedelta(days=1)
"""How long a stored response is replayed. After that the key counts as new."""

Result: TypeAlias = Ticket | Message | Status | Priority | Assigned | bool | Note | SavedReply
"""What a use case that changes something returns, and what a stored response holds."""

ResultT = TypeVar("ResultT", Ticket, Message, Status, Priority, Assigned, bool, Note, SavedReply)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The name that a caller gave to one request, so that it takes effect once.

    `value` is unique per caller. `fingerprint` is a hash of the whole request, so that a key which
    comes again with another request is detected.
    """

    caller: Actor
    value: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The result of a request with an idempotency key, stored together with what it changes.

    A result without an id yet is stored with the id that the store gives it. It is None once it has
    been erased, which leaves the key: the request took effect, and must not take effect again.
    """

    key: IdempotencyKey
    result: Result | None
    at: datetime
