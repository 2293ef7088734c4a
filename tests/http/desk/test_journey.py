"""The desk's journey: one ticket from its first message to the report, over the HTTP API.

It runs in process on both adapters, and over a socket against `tickets serve` on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.http.conftest import Api, Caller, client_of, shared_application_on
from tests.http.serving import as_a_command
from tests.world import START, PostgresWorld, World
from tickets.adapters.postgres.connection.database import Database
from tickets.clock import SystemClock

NOTE = "Escalated: a zeppelin of a customer."
SECRETS = ("zeppelin", "escalated", "note")
"""Words that are in the note, or that would name it."""

SAVED_REPLY = {"title": "Known fault", "text": "We have repaired the export. Please try again."}


@pytest.fixture
async def in_process(world: World) -> AsyncIterator[Api]:
    """Return the API in this process, over each adapter."""
    await world.events_recorded_since(START - timedelta(days=2))
    async with client_of(shared_application_on(world)) as client:
        yield Api(world, client)


@pytest.fixture
async def served(database: Database, database_url: str) -> AsyncIterator[Api]:
    """Return the API of `tickets serve`, with its caches and its listener."""
    world = PostgresWorld(database)
    await world.events_recorded_since(SystemClock().now() - timedelta(days=2))
    with as_a_command(database_url, TICKETS_CLOSE_RESOLVED_AFTER="168") as service:
        async with httpx.AsyncClient(base_url=service.root, timeout=60, trust_env=False) as client:
            yield Api(world, client)


async def ok(response: httpx.Response, status: int = 200) -> Any:
    """Return the body of a response with this status."""
    assert response.status_code == status, response.text
    return response.json()


async def queue(admin: Caller, name: str) -> list[dict[str, Any]]:
    """Return the rows of a queue."""
    rows: list[dict[str, Any]] = (await ok(await admin.get(f"/admin/queue/{name}")))["tickets"]
    return rows


async def detail(caller: Caller, path: str) -> dict[str, Any]:
    """Return a ticket without marking it read."""
    shown: dict[str, Any] = (await ok(await caller.get(f"{path}?peek=true")))["ticket"]
    return shown


async def found(admin: Caller, q: str) -> dict[int, str]:
    """Return what a search finds: the field of the match by the ticket's id."""
    body = await ok(await admin.get("/admin/search", params={"q": q}))
    return {row["id"]: row["match"]["field"] for row in body["tickets"]}


async def answers_to(user: Caller, ticket_id: int) -> list[httpx.Response]:
    """Return the answer of each route by which a customer reads."""
    paths = ["", "?status=open", "/unread", f"/{ticket_id}", f"/{ticket_id}?peek=true&limit=1"]
    paths += [f"/search?q={word}" for word in ("export", "zeppelin", "escalated")]
    return [await user.get(path) for path in paths]


async def journey(api: Api) -> None:
    """Take one ticket through the desk, as the issue describes it."""
    team = api.admin
    nadia = await api.named_admin("Nadia Berg", "nadia@team.example")
    omar = await api.named_admin("Omar Said", "omar@team.example")
    mara, other = await api.user("mara.lind@example.com"), await api.user("other@example.com")

    # a customer opens a ticket: it waits longest
    ticket = await api.ticket(mara, category="billing", subject="The export stops")
    ticket_id, path = ticket["id"], f"/admin/{ticket['id']}"
    later = await api.ticket(other)
    waiting = await queue(nadia, "waiting")
    assert [row["id"] for row in waiting] == [ticket_id, later["id"]]
    assert waiting[0]["waiting_since"] == ticket["created_at"]

    # an admin takes it and leaves a note
    taken = await nadia.put(f"{path}/assignee", {"assignee": nadia.user_id, "was": None})
    assert (await ok(taken))["assignee"] == {"id": nadia.user_id, "name": "Nadia Berg"}
    await ok(await nadia.post(f"{path}/notes", {"note": NOTE}), 201)
    assert [row["id"] for row in await queue(nadia, "mine")] == [ticket_id]
    assert [row["id"] for row in await queue(nadia, "unassigned")] == [later["id"]]

    # she answers with a saved reply and resolves, in one call
    await ok(await team.post("/admin/saved-replies", SAVED_REPLY), 201)
    (saved,) = (await ok(await nadia.get("/admin/saved-replies")))["saved_replies"]
    reply = {"message": saved["text"], "seen": 1, "status": "resolved"}
    answer = (await ok(await nadia.post(f"{path}/reply", reply), 201))["message"]
    assert (answer["sender_name"], answer["message"]) == ("Nadia Berg", SAVED_REPLY["text"])
    resolved = await detail(nadia, path)
    assert (resolved["status"], resolved["waiting_since"]) == ("resolved", None)
    assert resolved["closes_at"] is not None
    assert [row["id"] for row in await queue(nadia, "waiting")] == [later["id"]]
    assert [(row["id"], row["status"]) for row in await queue(nadia, "mine")] == [
        (ticket_id, "resolved")
    ]

    # "still broken": it is open again, and waits since that moment, in her queue
    shown = (await ok(await mara.get(f"/{ticket_id}")))["ticket"]
    assert [message["sender_name"] for message in shown["messages"]] == [None, "Nadia Berg"]
    broken = {"message": "Still broken, and with the wallaby file as well.", "seen": 2}
    second = (await ok(await mara.post(f"/{ticket_id}/reply", broken), 201))["message"]
    (mine,) = await queue(nadia, "mine")
    assert (mine["id"], mine["status"]) == (ticket_id, "open")
    assert (mine["waiting_since"], mine["last_sender"]) == (second["created_at"], "user")
    assert (await queue(nadia, "waiting"))[-1]["id"] == ticket_id

    # a second admin finds it by a word of the second message, its number, the address
    assert (await queue(omar, "mine")) == []
    assert await found(omar, "wallaby") == {ticket_id: "message"}
    assert (await found(omar, f"#{ticket_id}"))[ticket_id] == "number"
    assert await found(omar, "mara.lin") == {ticket_id: "email"}
    assert await found(omar, "zeppelin") == {ticket_id: "note"}

    # no trace of the note in any answer to the customer
    for response in await answers_to(mara, ticket_id):
        assert response.status_code == 200, response.text
        text = response.text.lower()
        assert not [word for word in SECRETS if word in text], response.text

    # the history shows who did what
    history = (await detail(omar, path))["events"]
    assert [
        (event["kind"], event["by"], event["name"], event["from"], event["to"]) for event in history
    ] == [
        ("assignee", "admin", "Nadia Berg", None, "Nadia Berg"),
        ("status", "admin", "Nadia Berg", "open", "resolved"),
        ("status", "user", None, "resolved", "open"),
    ]
    assert [event["id"] for event in history] == sorted(event["id"] for event in history)
    assert [
        (event["kind"], event["by"]) for event in (await detail(mara, f"/{ticket_id}"))["events"]
    ] == [("status", "admin"), ("status", "user")]

    # the report counts it
    first_day, last_day = ticket["created_at"][:10], second["created_at"][:10]
    report = await ok(await omar.get(f"/admin/reports?from={first_day}&to={last_day}"))
    days = report["days"]
    assert sum(day["opened"] for day in days) == 2
    assert sum(day["resolved"] for day in days) == 1
    assert days[-1]["waiting"] == 2
    assert report["first_reply"]["tickets"] == 1
    assert report["resolution"]["tickets"] == 0, "open again, it has no time of resolution"
    opened = {row["category"]: row["opened"] for row in report["categories"]}
    assert (opened["billing"], opened["support"]) == (1, 1)
    counts = await ok(await nadia.get("/admin/queues"))
    assert (counts["waiting"], counts["mine"], counts["unassigned"]) == (2, 1, 1)
    assert counts["waiting_longest_since"] == later["created_at"]


async def test_a_ticket_goes_through_the_desk(in_process: Api) -> None:
    await journey(in_process)


async def test_a_ticket_goes_through_the_desk_of_a_served_process(served: Api) -> None:
    await journey(served)
