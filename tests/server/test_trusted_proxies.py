"""Trusted proxies: whose `X-Forwarded-For` sets the client's address."""

from __future__ import annotations

import pytest

from tests.server.conftest import GET, log_lines, serving
from tickets.server.run import forwarded_allow_ips, uvicorn_config
from tickets.settings.settings import Settings


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        ((), "198.51.100.7", "127.0.0.1"),
        (("10.0.0.0/8",), "198.51.100.7", "127.0.0.1"),
        (("127.0.0.1",), "198.51.100.7", "198.51.100.7"),
        (("127.0.0.0/8",), "2001:db8::7", "2001:db8::7"),
        # what comes before the last address that is not trusted may be forged
        (("127.0.0.1", "10.0.0.0/8"), "203.0.113.9, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
        (("127.0.0.1",), "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (("127.0.0.1",), "", "127.0.0.1"),
    ],
)
async def test_only_a_trusted_proxy_sets_the_clients_address(
    proxies: tuple[str, ...], forwarded: str, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    async with serving(uvicorn_config(Settings(trusted_proxies=proxies))) as server:
        caller = await server.connect()
        request = GET % b"who"
        await caller.send(request[:-2] + f"X-Forwarded-For: {forwarded}\r\n\r\n".encode())

        assert (await caller.response())[2]["client"] == client
        await caller.close()


def test_ipv4_proxies_are_trusted_as_ipv4_mapped_addresses_too() -> None:
    assert forwarded_allow_ips(["10.0.0.0/8", "192.0.2.1"])[2:] == [
        "::ffff:a00:0/104",
        "::ffff:c000:201/128",
    ]


WARNED = "which is ignored"


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "X-Forwarded-Prefix"]
)
async def test_a_forwarded_header_from_an_untrusted_peer_is_warned_of_once(
    header: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(uvicorn_config(Settings(trusted_proxies=("10.0.0.0/8",)))) as server:
        # all of them are open before the first warning
        for caller in [await server.connect() for _ in range(3)]:
            request = (GET % b"who")[:-2] + f"{header}: 198.51.100.7\r\n\r\n".encode()
            for _ in range(2):
                await caller.send(request)
                assert (await caller.response())[0] == 200
            await caller.close()

    (line,) = [text for text in log_lines(capsys) if WARNED in text]
    assert line.startswith(f"127.0.0.1 sends the header {header.lower()}, ")
    assert "TICKETS_TRUSTED_PROXIES" in line


async def test_no_warning_without_a_forwarded_header_or_from_a_trusted_proxy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for proxies, headers in (((), b""), (("127.0.0.1",), b"X-Forwarded-For: 198.51.100.7\r\n")):
        async with serving(uvicorn_config(Settings(trusted_proxies=proxies))) as server:
            caller = await server.connect()
            await caller.send((GET % b"who")[:-2] + headers + b"\r\n")
            assert (await caller.response())[0] == 200
            await caller.close()

    assert not [text for text in log_lines(capsys) if WARNED in text]
