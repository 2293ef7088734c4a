"""Slow clients against the installed service: incomplete requests end in 408."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.commands.conftest import Shell
from tests.commands.test_serve import ADMIN, start_service

HEAD = "POST /api/v1/tickets/admin/1/reply HTTP/1.1\r\nHost: tickets.test\r\n"
SIGNED_IN = f"{HEAD}X-Admin-Token: {ADMIN['X-Admin-Token']}\r\nContent-Length: 20\r\n\r\n"


def response_to(api: str, request: str) -> str:
    """Send a part of a request, and return everything received until the connection is closed."""
    address = urlsplit(api)
    response = b""
    with socket.create_connection((address.hostname or "", address.port or 0), 30) as client:
        client.sendall(request.encode())
        while received := client.recv(65_536):
            response += received
    return response.decode()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_half_a_request_is_a_408_and_an_idle_connection_is_closed(
    shell: Shell, workers: str
) -> None:
    running, api = start_service(shell, "--workers", workers, TICKETS_CLIENT_TIMEOUT="0.5")

    for part in (HEAD, SIGNED_IN, SIGNED_IN + '{"message": '):
        head, _, body = response_to(api, part).partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 408 ")
        assert "content-type: application/problem+json" in head
        assert json.loads(body)["status"] == 408
    assert response_to(api, "") == ""
    assert running.stop() == 0
    assert "Traceback" not in running.output
