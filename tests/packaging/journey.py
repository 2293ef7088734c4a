"""Helpers for the tests of both installations: HTTP clients, commands, and a ticket to open."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

CHECKOUT = Path(__file__).parents[2]
ADMIN_TOKEN = "the-admin-token-of-a-test"
TICKET = {
    "category": "other",
    "other_category": "Größe",
    "subject": "Does it fit?",
    "message": "I need “XL”.",
}


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Caller:
    """An HTTP client of one side; a response that is no success fails the test, with its body."""

    def __init__(self, url: str, credentials: Mapping[str, str]) -> None:
        self._client = httpx.Client(
            base_url=f"{url}/api/v1/tickets",
            headers=credentials,
            timeout=30,
            trust_env=False,  # no proxy for calls to this machine
        )

    def get(self, path: str) -> Any:
        """Return the response's body."""
        return self._body(self._client.get(path))

    def post(self, path: str, body: Mapping[str, str]) -> Any:
        """Send this body and return the response's."""
        return self._body(self._client.post(path, json=body))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @staticmethod
    def _body(response: httpx.Response) -> Any:
        assert response.is_success, f"{response.status_code} {response.text}"
        return response.json()


def user_of(url: str, token: str) -> Caller:
    """Return a client of the user with this bearer token."""
    return Caller(url, {"Authorization": f"Bearer {token}"})


def admin_of(url: str) -> Caller:
    """Return a client of the admins."""
    return Caller(url, {"X-Admin-Token": ADMIN_TOKEN})


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    seconds: float = 120,
) -> str:
    """Run a command and return its standard output; fail with all output if the command fails."""
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    output = f"{command} returned {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, output
    return done.stdout


def wait_until(
    condition: Callable[[], bool], *, seconds: float, otherwise: Callable[[], str]
) -> None:
    """Wait until the condition is true; fail with the text of `otherwise` after a time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.1)
