"""The journey of delivery: a running service mails, posts webhooks, and ends mails by one click."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import msgspec

from tests.commands.conftest import Shell, free_port
from tests.delivery.mail_server import MailServer, a_mail_server
from tests.delivery.receiver import Receiver, a_receiver
from tests.http.conftest import API, NEW_TICKET
from tests.world import PostgresWorld

ADMIN = {"X-Admin-Token": "the-token-of-the-admins"}
PATIENCE = 60


async def until_mailed(server: MailServer, count: int) -> None:
    """Wait until so many mails were accepted."""
    async with asyncio.timeout(PATIENCE):
        while len(server.envelopes) < count:  # noqa: ASYNC110 - another process sends them
            await asyncio.sleep(0.05)


async def until_posted(receiver: Receiver, *events: str) -> list[dict[str, Any]]:
    """Wait until these events were posted; return the bodies."""
    async with asyncio.timeout(PATIENCE):
        while True:
            bodies = [msgspec.json.decode(each.body) for each in receiver.received]
            if {body["type"] for body in bodies} >= set(events):
                return bodies
            receiver.arrived.clear()
            await receiver.arrived.wait()


async def test_a_running_service_tells_people_and_programs(
    shell: Shell, database_url: str, postgres_world: PostgresWorld
) -> None:
    user_id = await postgres_world.user("mara@example.net")
    user = {"Authorization": f"Bearer {await postgres_world.token(user_id)}"}
    async with a_mail_server() as mails, a_receiver(None) as receiver:
        port = free_port()
        settings = {
            "TICKETS_DATABASE_URL": database_url,
            "TICKETS_ADMIN_TOKEN": ADMIN["X-Admin-Token"],
            "TICKETS_PORT": str(port),
            "TICKETS_SMTP_URL": f"smtp://127.0.0.1:{mails.port}",
            "TICKETS_MAIL_FROM": "Support <support@example.com>",
            "TICKETS_MAIL_ADMINS": "team@example.org",
            "TICKETS_MAIL_AFTER": "0",
            "TICKETS_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "TICKETS_WEBHOOK_ALLOW": "127.0.0.0/8",
        }
        hook = f"http://127.0.0.1:{receiver.port}/hook"
        await asyncio.to_thread(shell.run, "webhook", "add", hook, **settings)
        running = shell.start("serve", **settings)
        await asyncio.to_thread(running.wait_for, "signs in by")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as api:
            await _until_mail_is_on(postgres_world)
            opened = await api.post(API, headers=user, json=NEW_TICKET)
            assert opened.status_code == 201
            ticket_id = opened.json()["ticket"]["id"]
            await until_mailed(mails, 1)
            reply = {"message": "It is repaired.", "status": "resolved"}
            answered = await api.post(f"{API}/admin/{ticket_id}/reply", headers=ADMIN, json=reply)
            assert answered.status_code == 201
            await until_mailed(mails, 2)
            bodies = await until_posted(
                receiver, "ticket.created", "message.created", "ticket.status_changed"
            )
            to_team, to_customer = mails.mails
            link = re.search(r"<http://[^/]+(/\S+)>", to_customer["List-Unsubscribe"])
            assert link is not None
            ended = await api.post(link[1], data={"List-Unsubscribe": "One-Click"})
        code = await asyncio.to_thread(running.stop)

    assert to_team["To"] == "team@example.org"
    assert to_customer["To"] == "mara@example.net"
    assert to_team["Subject"] == to_customer["Subject"] == f"[#{ticket_id}] {NEW_TICKET['subject']}"
    assert ended.status_code == 200
    assert not await postgres_world.mailbook.is_subscribed(user_id)
    assert len({each.headers["webhook-id"] for each in receiver.received}) == len(bodies) == 3
    assert code in (0, -15, 143)
    assert "Traceback" not in running.output


async def _until_mail_is_on(world: PostgresWorld) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await world.mailbook.key():
            await asyncio.sleep(0.05)
            world.mailbook = type(world.mailbook)(world.database)  # type: ignore[call-arg]
