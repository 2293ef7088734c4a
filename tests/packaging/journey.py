"""What both kinds of installation are asked to do: a user and an admin talk through a ticket over HTTP."""

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
    """Return a port of this machine on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Caller:
    """One side's calls to a service: what is not a success fails the test, with the body."""

    def __init__(self, url: str, credentials: Mapping[str, str]) -> None:
        self._client = httpx.Client(
            base_url=f"{url}/api/v1/tickets",
            headers=credentials,
            timeout=30,
            trust_env=False,  # a proxy has no part in calls to this machine
        )

    def get(self, path: str) -> Any:
        """Return what this path answers."""
        return self._body(self._client.get(path))

    def post(self, path: str, body: Mapping[str, str]) -> Any:
        """Return what is answered to this body."""
        return self._body(self._client.post(path, json=body))

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    @staticmethod
    def _body(response: httpx.Response) -> Any:
        assert response.is_success, f"{response.status_code} {response.text}"
        return response.json()


def user_of(url: str, token: str) -> Caller:
    """Return the caller who holds this bearer token."""
    return Caller(url, {"Authorization": f"Bearer {token}"})


def admin_of(url: str) -> Caller:
    """Return the admin side."""
    return Caller(url, {"X-Admin-Token": ADMIN_TOKEN})


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    seconds: float = 120,
) -> str:
    """Return what a command prints on standard output; fail with everything it said where it fails."""
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
    said = f"{command} returned {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, said
    return done.stdout


def wait_until(
    condition: Callable[[], bool], *, seconds: float, otherwise: Callable[[], str]
) -> None:
    """Return as soon as the condition holds; fail with the reason where it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.1)
