"""Posting to a real receiver over TLS: bounded, and to the address that was checked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import trustme

from tests.delivery.names import resolving
from tests.delivery.receiver import NAME, Receiver, a_receiver, answer
from tests.world import FakeClock
from tickets.adapters.webhooks.addresses import AddressPolicy
from tickets.adapters.webhooks.poster import MAX_RESPONSE, HttpPoster
from tickets.domain.webhooks import PostFailed

ALLOWED = AddressPolicy(["127.0.0.0/8"])


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def poster(tls: ssl.SSLContext) -> HttpPoster:
    return HttpPoster(ALLOWED, FakeClock(), tls=tls)


@pytest.fixture
async def receiver(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Receiver]:
    resolving(monkeypatch, [["127.0.0.1"]])
    async with a_receiver(authority) as receiver:
        yield receiver


async def test_a_request_arrives_with_the_name_in_tls_and_host(
    poster: HttpPoster, receiver: Receiver
) -> None:
    receiver.responses = [answer(200, "thanks")]

    result = await poster.post(receiver.url, {"webhook-id": "msg_1"}, '{"ü":1}'.encode())

    assert (result.status, result.text, result.retry_after) == (200, "thanks", None)
    (request,) = receiver.received
    assert request.line == "POST /hook?desk=1 HTTP/1.1"
    assert request.headers["host"] == f"{NAME}:{receiver.port}"
    assert request.headers["webhook-id"] == "msg_1"
    assert request.headers["content-type"] == "application/json"
    assert request.body == '{"ü":1}'.encode()


async def test_a_certificate_of_an_unknown_authority_is_refused(receiver: Receiver) -> None:
    with pytest.raises(PostFailed, match="certificate"):
        await HttpPoster(ALLOWED, FakeClock()).post(receiver.url, {}, b"{}")

    assert receiver.received == []


async def test_a_name_that_changes_after_the_check_is_not_asked_again(
    poster: HttpPoster, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: one lookup, whose address is connected to."""
    asked = resolving(monkeypatch, [["127.0.0.1"], ["10.0.0.1"]])

    assert (await poster.post(receiver.url, {}, b"{}")).status == 204
    assert asked == [NAME]
    with pytest.raises(PostFailed, match="not public"):
        await poster.post(receiver.url, {}, b"{}")
    assert receiver.connections == 1


async def test_a_private_address_is_refused_at_connection_time(
    tls: ssl.SSLContext, receiver: Receiver
) -> None:
    with pytest.raises(PostFailed, match="not public"):
        await HttpPoster(AddressPolicy(), FakeClock(), tls=tls).post(receiver.url, {}, b"{}")

    assert receiver.connections == 0


async def test_a_redirect_is_an_answer_and_is_not_followed(
    poster: HttpPoster, receiver: Receiver
) -> None:
    receiver.responses = [answer(307, location=receiver.url)]

    assert (await poster.post(receiver.url, {}, b"{}")).status == 307
    assert receiver.connections == 1


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_ignored(
    poster: HttpPoster, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:9")

    assert (await poster.post(receiver.url, {}, b"{}")).status == 204


async def test_an_endless_response_is_cut_off(poster: HttpPoster, receiver: Receiver) -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 1024)
            sent += 1024
            await writer.drain()

    receiver.responses = [endless]
    result = await poster.post(receiver.url, {}, b"{}")

    assert result.status == 200
    assert result.text == "x" * 1024
    assert sent < 10_000 * MAX_RESPONSE


async def test_a_head_that_does_not_end_is_cut_off(poster: HttpPoster, receiver: Receiver) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Header: " + b"x" * 1000 + b"\r\n")
            await writer.drain()

    receiver.responses = [endless]

    with pytest.raises(PostFailed):
        await poster.post(receiver.url, {}, b"{}")


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
async def test_the_time_includes_the_body(
    tls: ssl.SSLContext, receiver: Receiver, head: bytes
) -> None:
    held = asyncio.Event()

    async def slow(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await held.wait()

    receiver.responses = [slow]
    poster = HttpPoster(ALLOWED, FakeClock(), tls=tls, timeout=0.3)
    with pytest.raises(PostFailed, match=r"no answer within 0\.3 seconds"):
        await poster.post(receiver.url, {}, b"{}")
    held.set()


@pytest.mark.parametrize("garbage", [b"", b"hello\r\n\r\n", b"HTTP/1.1 999999 x\r\n\r\n"])
async def test_an_answer_that_is_not_http_is_a_failure(
    poster: HttpPoster, receiver: Receiver, garbage: bytes
) -> None:
    async def respond(writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)
        await writer.drain()

    receiver.responses = [respond]
    with pytest.raises(PostFailed):
        await poster.post(receiver.url, {}, b"{}")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("Tue, 03 Feb 2026 10:01:01 GMT", 60),
        ("Tue, 03 Feb 2026 09:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
    ],
)
async def test_retry_after_is_seconds_or_a_date(
    poster: HttpPoster, receiver: Receiver, value: str, seconds: int | None
) -> None:
    receiver.responses = [answer(503, retry_after=value)]

    result = await poster.post(receiver.url, {}, b"{}")

    assert result.retry_after == (None if seconds is None else timedelta(seconds=seconds))


async def test_nothing_listens(poster: HttpPoster, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, [["127.0.0.1"]])

    with pytest.raises(PostFailed, match="Connect"):
        await poster.post(f"https://{NAME}:9999/", {}, b"{}")
