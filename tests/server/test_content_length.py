"""`Content-Length` written in every odd way: refused, and the connection is closed."""

from __future__ import annotations

import pytest

from tests.server.conftest import PATIENT, ConfigWith, log_lines, serving

REQUEST = b"POST /form HTTP/1.1\r\nHost: tickets.test\r\n%s\r\n0123456789"


@pytest.mark.parametrize(
    "lengths",
    [
        [b"+10"],
        [b"-10"],
        [b"1_0"],
        [b"0xA"],
        [b"1e1"],
        [b"10.0"],
        [b"1 0"],
        [b"ten"],
        ["\u0661\u0660".encode()],
        [b"9" * 25],
        [b"9" * 5000],
        [b"10", b"11"],
    ],
    ids=lambda lengths: repr(lengths)[:20],
)
async def test_an_odd_content_length_is_a_400_that_closes_the_connection(
    config: ConfigWith, lengths: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(config(PATIENT)) as server:
        client = await server.connect()
        await client.send(REQUEST % b"".join(b"Content-Length: %s\r\n" % n for n in lengths))

        await client.problem(400)
        await client.close()
        await server.until_no_connections()
    assert {*log_lines(capsys)} <= {"Invalid HTTP request received."}
