"""Rolling upgrade: the previous release serves while and after this one migrates its database."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from tests.commands.conftest import Running, free_port, inherited
from tests.postgres.waiting import until
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import Migrator

pytestmark = pytest.mark.command

PREVIOUS_RELEASE = "e177f01dde8ab5d1500b2d0de90a75bf45e3979a"
"""The commit of the previous release. It has the migrations up to 0008."""

PREVIOUS_MIGRATION = 8
REPOSITORY = Path(__file__).parents[3]
ADMIN = {"X-Admin-Token": "the-token-of-the-admins-in-this-test"}
USERS = 4
ENOUGH = 60
"""Writes that are waited for before, and after, the migration."""

# Tickets from before, which the migration fills: one to seven messages, each side unread or not.
FILL = """
    insert into users (email) select 'user' || n || '@example.com' from generate_series(1, 4) n;
    insert into ticket_tokens (token_sha256, user_id, expires_at)
    select sha256(convert_to('user ' || id, 'UTF8')), id, now() + interval '1 day' from users;
    insert into tickets (user_id, category, subject, status, created_at, updated_at)
    select 1 + n % 4, 'support', 'from before',
           (array['open', 'in_progress', 'resolved', 'closed'])[1 + n % 4],
           now() - interval '9 days', now() - interval '9 days'
      from generate_series(1, 3000) n;
    insert into ticket_messages (ticket_id, sender_type, sender_id, message, created_at)
    select t.id, case when n % 3 = 2 then 'admin' else 'user' end,
           case when n % 3 = 2 then null else t.user_id end,
           'from before ' || n || repeat(' and so on', t.id % 20),
           t.created_at + n * interval '1 hour'
      from tickets t
      cross join generate_series(1, 7) n
     where n <= 1 + t.id % 7;
    update tickets t
       set message_count = thread.messages,
           updated_at = thread.latest,
           last_message = case when char_length(thread.newest) > 100
                               then left(thread.newest, 100) || '…' else thread.newest end,
           user_unread = thread.by_admin and t.id % 2 = 0,
           admin_unread = not thread.by_admin and t.id % 5 <> 0
      from (select ticket_id, count(*) as messages, max(created_at) as latest,
                   (array_agg(message order by id desc))[1] as newest,
                   (array_agg(sender_type order by id desc))[1] = 'admin' as by_admin
              from ticket_messages group by ticket_id) thread
     where thread.ticket_id = t.id
"""

# Each query finds tickets whose derived columns are not what their messages say.
WRONG = {
    "ordinals": """
        select ticket_id
          from (select ticket_id, ordinal,
                       row_number() over (partition by ticket_id order by ordinal) as place
                  from ticket_messages) m
         where ordinal is distinct from place""",
    "order": """
        select later.ticket_id
          from ticket_messages earlier
          join ticket_messages later on later.ticket_id = earlier.ticket_id
                                    and later.ordinal = earlier.ordinal + 1
         where earlier.id > later.id and earlier.message like 'from before%'""",
    "last_ordinal": """
        select t.id
          from tickets t
         where last_ordinal <> (select max(ordinal) from ticket_messages where ticket_id = t.id)""",
    "message_count": """
        select t.id
          from tickets t
         where message_count <> (select count(*) from ticket_messages where ticket_id = t.id)""",
    "last_message": """
        select t.id
          from tickets t
          join ticket_messages m on m.ticket_id = t.id and m.ordinal = t.last_ordinal
         where last_message <> case when char_length(m.message) > 100
                                    then left(m.message, 100) || '…' else m.message end""",
    "user_seen": """
        select t.id
          from tickets t
         where user_seen > last_ordinal
            or user_unread and not exists (
                   select from ticket_messages
                    where ticket_id = t.id and sender_type = 'admin' and ordinal > user_seen)
               and not exists (
                   select from ticket_messages
                    where ticket_id = t.id and sender_type = 'user' and ordinal = user_seen)""",
    "admin_seen": """
        select t.id
          from tickets t
         where admin_seen > last_ordinal
            or admin_unread and not exists (
                   select from ticket_messages
                    where ticket_id = t.id and sender_type = 'user' and ordinal > admin_seen)
               -- who has replied below a message is taken to have seen it
               and not exists (
                   select from ticket_messages
                    where ticket_id = t.id and sender_type = 'admin' and ordinal = admin_seen)""",
    "waiting_since": """
        select t.id
          from tickets t
         where status <> 'resolved'
           and waiting_since is distinct from case when status <> 'closed' then (
                   select m.created_at
                     from ticket_messages m
                    where m.ticket_id = t.id and m.sender_type = 'user'
                      and m.ordinal > (select coalesce(max(ordinal), 0) from ticket_messages
                                        where ticket_id = t.id and sender_type = 'admin')
                    order by m.ordinal
                    limit 1) end""",
    "last_sender": """
        select t.id
          from tickets t
          join ticket_messages m on m.ticket_id = t.id and m.ordinal = t.last_ordinal
         where last_sender <> m.sender_type""",
    "opened_by": "select id from tickets where opened_by <> 'user'",
    "first_replied_at": """
        select t.id
          from tickets t
         where first_replied_at is distinct from (
                   select m.created_at
                     from ticket_messages m
                    where m.ticket_id = t.id and m.sender_type = 'admin'
                    order by m.ordinal
                    limit 1)""",
    "resolved_at": """
        select id
          from tickets
         where resolved_at is not null and status in ('open', 'in_progress')""",
    "created events": """
        select t.id
          from tickets t
         where 1 <> (select count(*) from ticket_events e
                      where e.ticket_id = t.id and e.kind = 'created')""",
    # since the triggers exist, which is before the first of these events
    "message events": """
        select m.id
          from ticket_messages m
         where id >= (select min(message_id) from ticket_events where kind = 'message')
           and 1 <> (select count(*) from ticket_events e
                      where e.ticket_id = m.ticket_id and e.message_id = m.id
                        and e.kind = 'message' and e.by = m.sender_type and e.at = m.created_at)""",
    "status and waiting events": """
        select t.id
          from tickets t
         cross join lateral (
                   select distinct on (kind) kind, after
                     from ticket_events
                    where ticket_id = t.id and kind in ('status', 'waiting')
                    order by kind, id desc
               ) as last
         where last.after <> case
                   when kind = 'status' then t.status
                   when t.waiting_since is null then 'ended'
                   else 'began' end""",
    "no events": """
        select kind
          from unnest(array['created', 'message', 'status', 'waiting']) as kind
         where not exists (select from ticket_events e where e.kind = kind)""",
    "counts": """
        select status, category
          from (select status, category, total, admin_unread from ticket_counts
                union all
                select status, category, -1, case when admin_unread then -1 else 0 end
                  from tickets) c
         group by status, category
        having sum(total) <> 0 or sum(admin_unread) <> 0""",
}


@dataclass
class Load:
    """What the clients of the previous release have sent, and what they got."""

    address: str
    stored: list[str] = field(default_factory=list)
    unexpected: Counter[str] = field(default_factory=Counter)
    done: bool = False

    async def user(self, number: int) -> None:
        """Open tickets, reply, list and read until the load is done."""
        chance = random.Random(number)  # noqa: S311 - only varies the load
        headers = {"Authorization": f"Bearer user {number}"}
        opened: list[int] = []
        async with httpx.AsyncClient(base_url=self.address, headers=headers, timeout=60) as client:
            while not self.done:
                listed = await self._call(client, "GET", "?limit=50")
                rows = listed.json().get("tickets", [])
                some = [row["id"] for row in rows if row["status"] in ("open", "in_progress")]
                text = f"user {number}: {len(self.stored)} {chance.random()}"
                if not opened or chance.random() < 0.2:
                    form = {"category": "billing", "subject": "Hello", "message": text}
                    response = await self._call(client, "POST", "", text, json=form)
                    if response.status_code == 201:
                        opened.append(response.json()["ticket"]["id"])
                else:
                    ticket = chance.choice(some or opened)
                    await self._call(
                        client, "POST", f"/{ticket}/reply", text, json={"message": text}
                    )
                await self._call(client, "GET", f"/{chance.choice(opened)}")

    async def admin(self, number: int) -> None:
        """List, read, reply and change statuses until the load is done."""
        chance = random.Random(100 + number)  # noqa: S311 - only varies the load
        async with httpx.AsyncClient(base_url=self.address, headers=ADMIN, timeout=60) as client:
            while not self.done:
                rows = (await self._call(client, "GET", "/admin/all?limit=50")).json()
                some = [row["id"] for row in rows["tickets"] if row["status"] != "closed"]
                if not some:
                    continue
                ticket = chance.choice(some)
                if chance.random() < 0.5:
                    await self._call(client, "GET", f"/admin/{ticket}")
                if chance.random() < 0.7:
                    text = f"admin {number}: {len(self.stored)} {chance.random()}"
                    body = {"message": text}
                    await self._call(client, "POST", f"/admin/{ticket}/reply", text, json=body)
                elif number == 0:
                    # One admin alone, so that none is opened again: whether its customer waits
                    # is then a matter of history.
                    status = chance.choice(["in_progress", "in_progress", "closed"])
                    body = {"status": status}
                    await self._call(client, "PUT", f"/admin/{ticket}/status", json=body)

    async def _call(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        text: str | None = None,
        json: dict[str, str] | None = None,
    ) -> httpx.Response:
        response = await client.request(method, path, json=json)
        if response.is_success:
            if text is not None:
                self.stored.append(text)
        # a closed ticket takes no replies, and two changes at once may be one too many
        elif response.status_code not in (400, 409):
            self.unexpected[f"{method} {response.status_code}: {response.text}"] += 1
        return response

    async def until_more_is_stored(self) -> None:
        before = len(self.stored)
        await until(lambda: len(self.stored) >= before + ENOUGH or bool(self.unexpected))


@pytest.fixture
def previous_release(tmp_path: Path) -> Path:
    """Return a checkout of the previous release, from this repository's history."""
    archive = subprocess.run(
        ["git", "-C", REPOSITORY, "archive", PREVIOUS_RELEASE, "src", "sql"],
        check=False,
        capture_output=True,
    )
    if archive.returncode:
        pytest.skip(f"the previous release is not in this history: {archive.stderr.decode()}")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.fixture
def address(previous_release: Path, empty_database_url: str) -> Iterator[str]:
    """Run the previous release on a database of its own; return the address of its API."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", "from tickets.cli.main import main; main(['serve'])"],
        env={
            **inherited(),
            "HOME": f"{previous_release}",
            "PYTHONPATH": f"{previous_release / 'src'}",
            "TICKETS_DATABASE_URL": empty_database_url,
            "TICKETS_ADMIN_TOKEN": ADMIN["X-Admin-Token"],
            "TICKETS_PORT": f"{port}",
            "TICKETS_RATE_CREATES": "0",
            "TICKETS_RATE_REPLIES": "0",
            "TICKETS_LOG_FORMAT": "text",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    running = Running(process)
    try:
        running.wait_for(r"Ctrl-C")
        yield f"http://127.0.0.1:{port}/api/v1/tickets"
    finally:
        running.kill()


async def test_the_previous_release_serves_while_and_after_its_database_is_migrated(
    address: str, empty_database_url: str
) -> None:
    async with connected(empty_database_url) as connection:
        migrated = "select max(number) from ticket_migrations"
        assert await connection.fetchval(migrated) == PREVIOUS_MIGRATION
        await connection.execute(FILL)
        load = Load(address)
        async with asyncio.TaskGroup() as clients:
            for number in range(1, USERS + 1):
                clients.create_task(load.user(number))
            for number in range(2):
                clients.create_task(load.admin(number))
            try:
                await load.until_more_is_stored()
                applied = await Migrator(connection).apply()
                await load.until_more_is_stored()
            finally:
                load.done = True

        assert applied[0].number == PREVIOUS_MIGRATION + 1
        assert load.unexpected == {}
        messages = [
            row["message"]
            for row in await connection.fetch(
                "select message from ticket_messages where message not like 'from before%'"
            )
        ]
        assert Counter(messages) == Counter(load.stored)
        assert {
            column: [tuple(row) for row in rows[:5]]
            for column, query in WRONG.items()
            if (rows := await connection.fetch(query))
        } == {}
