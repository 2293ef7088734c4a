"""Rate limits by setting, over several worker processes and a restart."""

from __future__ import annotations

import asyncio

import httpx

from tests.commands.conftest import Shell
from tests.commands.test_serve import ADMIN, start_service

FORM = {"category": "support", "subject": "Again", "message": "And once more, with feeling."}
LIMITS = {"TICKETS_RATE_CREATES": "10/hour", "TICKETS_RATE_FAILED_SIGN_INS": "5/hour"}


async def open_tickets(api: str, user: dict[str, str], number: int) -> list[int]:
    """Open tickets at once, each over a connection of its own; return the sorted status codes."""

    async def one() -> int:
        async with httpx.AsyncClient(timeout=60) as client:
            return (await client.post(api, headers=user, json=FORM)).status_code

    return sorted(await asyncio.gather(*(one() for _ in range(number))))


def test_rate_limits_count_over_all_processes_and_over_a_restart(shell: Shell) -> None:
    running, api = start_service(shell, "--workers", "2", **LIMITS)
    token = shell.run("user", "add", "mara@example.com").stdout.strip()
    user = {"Authorization": f"Bearer {token}"}

    assert asyncio.run(open_tickets(api, user, 50)) == [201] * 10 + [429] * 40
    running.stop()
    running, api = start_service(shell, "--workers", "2", **LIMITS)

    assert asyncio.run(open_tickets(api, user, 4)) == [429] * 4
    assert httpx.get(f"{api}/admin/stats", headers=ADMIN).json()["total_count"] == 10
    # each process reads the shared limit at its first failure
    guesses = [
        httpx.get(api, headers={"Authorization": f"Bearer guess-{n}"}).status_code
        for n in range(20)
    ]
    assert guesses == [401] * 5 + [429] * 15
    running.stop()
    assert "Traceback" not in running.output


def test_a_rate_limit_of_0_is_no_limit(shell: Shell) -> None:
    running, api = start_service(shell, TICKETS_RATE_CREATES="0")
    token = shell.run("user", "add", "mara@example.com").stdout.strip()

    statuses = asyncio.run(open_tickets(api, {"Authorization": f"Bearer {token}"}, 70))

    assert statuses == [201] * 70
    running.stop()
