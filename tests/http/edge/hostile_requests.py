"""Hostile requests, with the status that each must get."""

from __future__ import annotations

import json
from typing import NamedTuple

from tests.http.conftest import API

TICKET = json.dumps(
    {"category": "support", "subject": "The export stops", "message": "It stops half-way."}
).encode()


DUPLICATE_FIELD = TICKET.replace(b'"subject"', b'"subject": "The first one", "subject"')


JSON = b"Content-Type: application/json"


class Case(NamedTuple):
    """A request besides its credentials, and the expected status."""

    status: int
    method: str = "GET"
    path: str | bytes = API
    headers: tuple[bytes, ...] = ()
    body: bytes = b""


def create(status: int, *headers: bytes, body: bytes = TICKET) -> Case:
    return Case(status, "POST", API, headers, body)


def content_length(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


LENGTH = content_length(TICKET)


CHUNKED = b"Transfer-Encoding: chunked"


SMUGGLED = chunked(TICKET)


CASES = {
    # repeated headers and fields
    "two content types": create(415, JSON, b"Content-Type: text/plain", LENGTH),
    "two content types, turned round": create(415, b"Content-Type: text/plain", JSON, LENGTH),
    "two equal content types": create(415, JSON, JSON, LENGTH),
    "two lengths": create(400, JSON, LENGTH, b"Content-Length: 5"),
    "two equal lengths": create(400, JSON, LENGTH, LENGTH),
    "a list of lengths": create(400, JSON, b"Content-Length: 5, 5"),
    "two credentials": Case(401, headers=(b"Authorization: Bearer x",)),
    "two keys": create(400, JSON, b"Idempotency-Key: a", b"Idempotency-Key: b", LENGTH),
    "two equal keys": create(400, JSON, b"Idempotency-Key: a", b"Idempotency-Key: a", LENGTH),
    "two fields of one name": create(
        201, JSON, content_length(DUPLICATE_FIELD), body=DUPLICATE_FIELD
    ),
    "two limits": Case(400, path=f"{API}?limit=1&limit=2"),
    # invalid lengths
    "a negative length": create(400, JSON, b"Content-Length: -1"),
    "a length with a sign": create(400, JSON, b"Content-Length: +5"),
    "a hexadecimal length": create(400, JSON, b"Content-Length: 0x10"),
    "a length beyond 64 bit": create(400, JSON, b"Content-Length: 99999999999999999999999"),
    "a length of 63 bit": create(413, JSON, b"Content-Length: 9223372036854775807"),
    "a length of ten gigabytes": create(413, JSON, b"Content-Length: 10000000000"),
    "a length and chunks": create(400, JSON, LENGTH, CHUNKED, body=SMUGGLED),
    "two transfer encodings": create(400, JSON, CHUNKED, b"Transfer-Encoding: identity"),
    "an unknown transfer encoding": create(400, JSON, b"Transfer-Encoding: gzip"),
    "a chunk size that is not a number": create(400, JSON, CHUNKED, body=b"zz\r\n"),
    "a negative chunk size": create(400, JSON, CHUNKED, body=b"-1\r\n"),
    "a chunk size beyond 64 bit": create(400, JSON, CHUNKED, body=b"FFFFFFFFFFFFFFFFFF\r\n"),
    "valid chunks": create(201, JSON, CHUNKED, body=SMUGGLED),
    # invalid content types
    "a content type that is not ASCII": create(415, b"Content-Type: \xff;;;=", LENGTH),
    "a multipart type without a boundary": create(
        415, b"Content-Type: multipart/form-data", LENGTH
    ),
    "MessagePack": create(415, b"Content-Type: application/msgpack", LENGTH),
    "a wrong charset": create(201, JSON + b"; charset=utf-16", LENGTH),
    # invalid idempotency keys
    "a key with a NUL": create(400, JSON, b"Idempotency-Key: a\0b", LENGTH),
    "a key that is not ASCII": create(400, JSON, b"Idempotency-Key: \xe9", LENGTH),
    "an empty key": create(400, JSON, b"Idempotency-Key: ", LENGTH),
    "a very long key": create(400, JSON, b"Idempotency-Key: " + b"k" * 10_000, LENGTH),
    # invalid and misleading headers
    "a header with a NUL": Case(400, headers=(b"X-A: a\0b",)),
    "a control character in a header name": Case(400, headers=(b"X\x01A: a",)),
    "a space before the colon": Case(400, headers=(b"X-A : a",)),
    "a folded header": Case(400, headers=(b"X-A: a\r\n b",)),
    "a header without a colon": Case(400, headers=(b"nonsense",)),
    "a header that is not ASCII": Case(200, headers=(b"X-A: \xff\xfe",)),
    "two hosts": Case(200, headers=(b"Host: elsewhere.test",)),
    "two thousand headers": Case(431, headers=tuple(b"X-%d: y" % n for n in range(2000))),
    "broken cookies": Case(200, headers=(b"Cookie: ;;;=\xff;a=;=b",)),
    "a broken Accept header": Case(200, headers=(b"Accept: \xff/\x80;q=nan, */*;q=1e999",)),
    "forged proxy headers": Case(
        200, headers=(b"X-Forwarded-For: \xff, ::::1", b"X-Forwarded-Proto: javascript")
    ),
    "an origin that is not ASCII": Case(200, headers=(b"Origin: \xff\xff",)),
    "an upgrade to HTTP/2": Case(
        200, headers=(b"Connection: Upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
    ),
    "an upgrade to a WebSocket": Case(
        200,
        headers=(
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            b"Sec-WebSocket-Version: 13",
        ),
    ),
    "an unknown expectation": create(201, JSON, LENGTH, b"Expect: something"),
    # paths and queries
    "a NUL in the path": Case(400, path=f"{API}/%00"),
    "a bare NUL in the path": Case(400, path=f"{API}/".encode() + b"\0"),
    "invalid UTF-8 in the path": Case(400, path=f"{API}/%ff%fe"),
    "bare bytes in the path": Case(400, path=f"{API}/".encode() + b"\xff"),
    "a lone surrogate in the path": Case(400, path=f"{API}/%ed%a0%80"),
    "dot segments": Case(404, path=f"{API}/../../../health/live"),
    "escaped dot segments": Case(404, path="/static/x/%2e%2e/%2e%2e/%2e%2e/etc/passwd"),
    "an escaped slash": Case(405, path=f"{API}/1%2freply"),
    "backslashes": Case(400, path=f"{API}/..\\admin\\all"),
    "an absolute URL of another host": Case(200, path=f"http://elsewhere.test{API}"),
    "OPTIONS *": Case(404, "OPTIONS", "*"),
    "CONNECT to another host": Case(400, "CONNECT", "elsewhere.test:443"),
    "a very long URL": Case(400, path=f"{API}?cursor={'x' * 70_000}"),
    "invalid UTF-8 in the query": Case(400, path=f"{API}?status=%ff"),
    "bare bytes in the query": Case(400, path=f"{API}?status=".encode() + b"\xff\xfe"),
    "five thousand parameters": Case(
        414, path=f"{API}?" + "&".join(f"a{n}=1" for n in range(5000))
    ),
    "a semicolon as separator": Case(400, path=f"{API}?limit=1;limit=2"),
    # methods
    "TRACE": Case(405, "TRACE"),
    "an unknown method": Case(400, "BREW"),
    "a method in lower case": Case(400, "get"),
    "a very long method": Case(400, "G" * 5000),
    "a body on GET": Case(200, "GET", API, (LENGTH,), TICKET),
}
