"""`tickets serve` with signed identity: no shared admin token is needed, and people get rows."""

from __future__ import annotations

import httpx

from tests.commands.conftest import Shell, free_port
from tests.http.access.hosts import HMAC, SECRET
from tests.http.conftest import API, NEW_TICKET


def test_serve_admits_signed_users_and_admins(shell: Shell, database_url: str) -> None:
    port = free_port()
    running = shell.start(
        *("serve", "--port", str(port)),
        TICKETS_DATABASE_URL=database_url,
        TICKETS_IDENTITY="signed",
        TICKETS_IDENTITY_SECRET=SECRET,
    )
    running.wait_for("Stop with Ctrl-C")
    running.wait_for("signed tokens of users and admins")
    user = {"Authorization": f"Bearer {HMAC.token(42, email='mara@example.com')}"}
    admin = {"X-Admin-Token": HMAC.token("a-1", "tickets-admin", name="Nadia Berg")}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        assert client.get(API, headers=user).json()["tickets"] == []
        opened = client.post(API, headers=user, json=NEW_TICKET)
        assert opened.status_code == 201, opened.text
        ticket = opened.json()["ticket"]["id"]
        message = {"message": "We are on it, please wait."}
        replied = client.post(f"{API}/admin/{ticket}/reply", headers=admin, json=message)
        assert replied.json()["message"]["sender_name"] == "Nadia Berg"
        (row,) = client.get(f"{API}/admin/all", headers=admin).json()["tickets"]
        assert row["user_email"] == "mara@example.com"
        assert client.get(API, headers={"Authorization": "Bearer x"}).status_code == 401
    assert "Traceback" not in running.output
    assert running.stop() == 0


def test_signed_identity_needs_a_secret_or_keys(shell: Shell, database_url: str) -> None:
    for settings, expected in (
        ({}, "TICKETS_IDENTITY=signed needs"),
        ({"TICKETS_IDENTITY_SECRET": "too short"}, "at least 32 characters"),
    ):
        done = shell.run(
            "serve", TICKETS_DATABASE_URL=database_url, TICKETS_IDENTITY="signed", **settings
        )
        assert done.returncode == 1
        assert expected in done.stderr
        assert "too short" not in done.stderr
