"""Webhooks after the Standard Webhooks specification: messages, signatures, what an answer means.

The specification is at https://www.standardwebhooks.com.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tickets.domain.deliveries import Delivery, RetrySchedule

EVENTS = (
    "ticket.created",
    "message.created",
    "ticket.status_changed",
    "ticket.assigned",
    "ticket.priority_changed",
)
"""What a webhook can be told of."""

TEST_EVENT = "webhook.test"
"""The event that `tickets webhook test` sends. It has no ticket."""

MAX_WEBHOOKS = 20
"""Webhooks of one desk: each is one more row in the outbox for each change."""

SCHEDULE = RetrySchedule(
    (
        *(timedelta(seconds=5 * 3**attempt) for attempt in range(6)),
        *(timedelta(hours=1) for _ in range(23)),
    ),
    jitter=0.2,
)
"""Waits after failed attempts: 5 seconds, three times as long each time, then hourly for a day."""

MAX_RETRY_AFTER = timedelta(hours=1)
"""How much of a `Retry-After` is honoured."""

STOPPED_AFTER = timedelta(days=3)
"""A webhook whose attempts have all failed for so long is stopped."""

ROTATION = timedelta(hours=24)
"""For how long the previous secret signs as well after a rotation."""

SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with

_MARKS = ("user_unread", "admin_unread")


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint. `secrets` are those that sign at this moment, the current one first.

    `stopped_because` is None while deliveries are sent to it.
    """

    id: int
    url: str
    secrets: Sequence[str]
    stopped_because: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered: the status, the beginning of the text, `Retry-After`."""

    status: int
    text: str = ""
    retry_after: timedelta | None = None

    @property
    def is_success(self) -> bool:
        """Whether the endpoint has accepted the delivery: any 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the class of the status

    @property
    def is_gone(self) -> bool:
        """Whether the endpoint wants nothing any more: 410."""
        return self.status == 410  # noqa: PLR2004 - HTTP's number

    def __str__(self) -> str:
        """Return it as the error of a delivery."""
        return f"HTTP {self.status}: {self.text}" if self.text else f"HTTP {self.status}"


class PostFailed(Exception):
    """The request got no answer; the message says why, without credentials."""


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A request to a webhook: the same id and body at each attempt, signed anew each time."""

    id: str
    body: bytes

    def headers(self, secrets: Sequence[str], at: datetime) -> dict[str, str]:
        """Return the headers of Standard Webhooks, with a signature by each secret."""
        timestamp = str(int(at.timestamp()))
        signed = b".".join((self.id.encode(), timestamp.encode(), self.body))
        signatures = (
            base64.b64encode(hmac.digest(key_of(secret), signed, "sha256")).decode()
            for secret in secrets
        )
        return {
            "webhook-id": self.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
        }


def message_of(delivery: Delivery) -> SignedMessage:
    """Return the message of a delivery.

    The id has the time of the event in it, since a receiver may have several desks. Marks of
    readers are left out: they are not the receiver's business.
    """
    data = json.loads(delivery.body)
    for mark in _MARKS:
        data["ticket"].pop(mark)
    message_id = f"msg_{delivery.id}_{int(delivery.at.timestamp() * 1_000_000):x}"
    return SignedMessage(message_id, _body(delivery.event, delivery.at, data))


def trial_message(webhook_id: int, at: datetime) -> SignedMessage:
    """Return the message that tries a webhook."""
    message_id = f"msg_test_{webhook_id}_{int(at.timestamp() * 1_000_000):x}"
    return SignedMessage(message_id, _body(TEST_EVENT, at, {"webhook": webhook_id}))


def _body(event: str, at: datetime, data: dict[str, Any]) -> bytes:
    timestamp = at.isoformat().replace("+00:00", "Z")
    content = {"type": event, "timestamp": timestamp, "data": data}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def new_secret(random_bytes: bytes) -> str:
    """Return a secret of these random bytes, 24 to 64 of them."""
    return SECRET_PREFIX + base64.b64encode(random_bytes).decode()


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for; raise `ValueError` where it is none."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a secret is whsec_ and base64") from error
    if not 24 <= len(key) <= 64:  # noqa: PLR2004 - as the specification has it
        raise ValueError("a secret has 24 to 64 bytes")
    return key


def wait_after(answer: Answer | None, attempts: int, *, chance: float) -> timedelta | None:
    """Return how long to wait after a failed attempt; None to give up.

    `answer` is None where there was none. A `Retry-After` of at most an hour counts instead of the
    schedule, with jitter on top.
    """
    wait = SCHEDULE.wait_after(attempts, chance=chance)
    if wait is None or answer is None or answer.retry_after is None:
        return wait
    return SCHEDULE.with_jitter(min(answer.retry_after, MAX_RETRY_AFTER), chance=chance)
