"""Clients that take their time, or try to, against the installed service with several processes."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.commands.conftest import Shell
from tests.commands.test_serve import ADMIN, start_service

HEAD = "POST /api/v1/tickets/admin/1/reply HTTP/1.1\r\nHost: tickets.test\r\n"
SIGNED_IN = f"{HEAD}X-Admin-Token: {ADMIN['X-Admin-Token']}\r\nContent-Length: 20\r\n\r\n"


def answer_to(api: str, request: str) -> str:
    """Send this much of a request and return everything that comes until the connection ends."""
    address = urlsplit(api)
    answer = b""
    with socket.create_connection((address.hostname or "", address.port or 0), 30) as client:
        client.sendall(request.encode())
        while received := client.recv(65_536):
            answer += received
    return answer.decode()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_half_a_request_is_told_so_and_who_says_nothing_is_closed(
    shell: Shell, workers: str
) -> None:
    running, api = start_service(shell, "--workers", workers, TICKETS_CLIENT_TIMEOUT="0.5")

    for half in (HEAD, SIGNED_IN, SIGNED_IN + '{"message": '):
        head, _, body = answer_to(api, half).partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 408 ")
        assert "content-type: application/problem+json" in head
        assert json.loads(body)["status"] == 408
    assert answer_to(api, "") == ""
    assert running.stop() == 0
    assert "Traceback" not in running.said
