"""Requests that take effect once, however often they arrive: what a key names, and what it was answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, TypeVar

from tickets.domain.ticket import Actor, Message, Status, Ticket

KEY_LIFETIME = timedelta(days=1)
"""How long a key is remembered. Afterwards it is a new one, and its request takes effect again."""

Answer: TypeAlias = Ticket | Message | Status | bool
"""What a use case that changes something returns."""

AnswerT = TypeVar("AnswerT", Ticket, Message, Status, bool)


@dataclass(frozen=True, slots=True)
class Once:
    """One request by its caller's own name for it, the Idempotency-Key.

    `fingerprint` stands for everything that was asked, so that a key which comes again with
    another request is noticed. Two callers' keys have nothing to do with each other.
    """

    caller: Actor
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a request is answered, to be kept together with what it changes, and since when.

    An answer that has no id yet is kept with the one that the store gives it.
    """

    once: Once
    answer: Answer
    at: datetime
