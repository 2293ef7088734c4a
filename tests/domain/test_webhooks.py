"""Webhooks after Standard Webhooks: signatures that its library verifies, bodies, waits."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tickets.domain.deliveries import Channel, Delivery, shortened
from tickets.domain.people import Side
from tickets.domain.webhooks import (
    SCHEDULE,
    Answer,
    key_of,
    message_of,
    new_secret,
    trial_message,
    wait_after,
)

NOW = datetime(2026, 2, 3, 10, 0, 5, tzinfo=UTC)
SECRET, OTHER = new_secret(bytes(range(32))), new_secret(bytes(range(64)))

DELIVERY = Delivery(
    id=7,
    channel=Channel.WEBHOOK,
    target="https://a.example",
    event="message.created",
    event_id=3,
    ticket_id=4,
    body=json.dumps(
        {
            "ticket": {"id": 4, "subject": "Grüße 🙂", "user_unread": True, "admin_unread": False},
            "message": {"id": 5, "message": 'An "answer"\u2028.'},
        }
    ),
    attempts=1,
    unconfirmed=0,
    lease=NOW,
    at=datetime(2026, 2, 3, 10, 0, 0, 120, tzinfo=UTC),
    by=Side.ADMIN,
    admin_id=None,
    after=None,
    message_id=5,
)


def present() -> datetime:
    """Return the time by the system's clock, from which the library allows five minutes."""
    return datetime.now(UTC)  # noqa: TID251


def test_the_library_of_the_standard_verifies_a_message() -> None:
    message = message_of(DELIVERY)

    verified = Verifier(SECRET).verify(message.body, message.headers([SECRET], present()))

    assert verified == {
        "type": "message.created",
        "timestamp": "2026-02-03T10:00:00.000120Z",
        "data": {
            "ticket": {"id": 4, "subject": "Grüße 🙂"},
            "message": {"id": 5, "message": 'An "answer"\u2028.'},
        },
    }


def test_both_secrets_sign_during_a_rotation() -> None:
    message = message_of(DELIVERY)
    headers = message.headers([OTHER, SECRET], present())

    for secret in (SECRET, OTHER):
        assert Verifier(secret).verify(message.body, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(message.body, message.headers([OTHER], present()))
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(message.body + b" ", headers)


def test_id_and_body_are_the_same_at_each_attempt_and_the_signature_is_fresh() -> None:
    first = message_of(DELIVERY)
    again = message_of(replace(DELIVERY, attempts=9, lease=NOW + timedelta(hours=8)))

    assert again == first
    one, two = (first.headers([SECRET], NOW + timedelta(hours=hours)) for hours in (0, 8))
    assert one["webhook-id"] == two["webhook-id"]
    assert one["webhook-timestamp"] != two["webhook-timestamp"]
    assert one["webhook-signature"] != two["webhook-signature"]


def test_other_deliveries_and_other_desks_have_other_ids() -> None:
    other = replace(DELIVERY, id=8), replace(DELIVERY, at=DELIVERY.at + timedelta(microseconds=1))

    assert len({message_of(each).id for each in (DELIVERY, *other)}) == 3
    assert trial_message(7, NOW).id != message_of(DELIVERY).id


@pytest.mark.parametrize("size", [23, 65])
def test_a_secret_has_24_to_64_bytes(size: int) -> None:
    assert key_of(new_secret(bytes(24))) == bytes(24)
    with pytest.raises(ValueError, match="24 to 64"):
        key_of("whsec_" + base64.b64encode(bytes(size)).decode())
    with pytest.raises(ValueError, match="base64"):
        key_of("whsec_not base64")


def test_attempts_go_on_for_a_day() -> None:
    waits = [wait_after(None, attempts, chance=0) for attempts in range(1, len(SCHEDULE.waits) + 1)]

    assert waits[:4] == [timedelta(seconds=seconds) for seconds in (5, 15, 45, 135)]
    assert timedelta(hours=23) < sum(filter(None, waits), timedelta()) < timedelta(hours=25)
    assert wait_after(None, len(waits) + 1, chance=0) is None
    assert wait_after(None, 1, chance=1) == timedelta(seconds=6)


@pytest.mark.parametrize(("asked", "wait"), [(30, 30), (7200, 3600)])
def test_retry_after_is_honoured_up_to_an_hour_with_jitter_on_top(asked: int, wait: int) -> None:
    answer = Answer(503, "busy", timedelta(seconds=asked))

    assert wait_after(answer, 1, chance=0) == timedelta(seconds=wait)
    assert wait_after(answer, 1, chance=0.5) == timedelta(seconds=wait * 1.1)
    assert wait_after(answer, 99, chance=0) is None


def test_an_error_is_kept_as_bounded_text() -> None:
    assert shortened("a\r\n\x00b" + "x" * 5000).startswith("a bxx")
    assert len(shortened("x" * 5000)) == 1024
