"""Cases of the desk in which products of this field go wrong: disabled colleagues, undo, texts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.http.conftest import Api, Caller
from tests.http.problems import problem
from tickets.domain.people import NamedAdmin


async def detail(caller: Caller, ticket_id: int) -> Any:
    """Return a ticket as an admin sees it, and leave it unread."""
    response = await caller.get(f"/admin/{ticket_id}?peek=true")
    assert response.status_code == 200, response.text
    return response.json()["ticket"]


async def in_queue(caller: Caller, name: str) -> list[int]:
    rows = (await caller.get(f"/admin/queue/{name}")).json()["tickets"]
    return [row["id"] for row in rows]


async def test_a_ticket_of_a_disabled_admin_that_is_reopened_is_waiting_and_unassigned(
    api: Api, user: Caller
) -> None:
    nadia = await api.named_admin("Nadia Berg")
    ticket = (await api.ticket(user))["id"]
    answer = {"message": "It is fixed.", "status": "resolved"}
    await nadia.post(f"/admin/{ticket}/reply", json=answer)
    await api.world.disable(NamedAdmin(nadia.user_id, "Nadia Berg"))

    await user.post(f"/{ticket}/reply", json={"message": "Still broken."})

    for name in ("waiting", "unassigned", "open"):
        assert await in_queue(api.admin, name) == [ticket]
    counts = (await api.admin.get("/admin/queues")).json()
    assert (counts["waiting"], counts["unassigned"], counts["open"]) == (1, 1, 1)
    shown = await detail(api.admin, ticket)
    assert (shown["assignee"], shown["status"]) == (None, "open")
    # the name stays in what happened
    assert [event["to"] for event in shown["events"] if event["kind"] == "assignee"] == [
        "Nadia Berg"
    ]
    assert shown["messages"][1]["sender_name"] == "Nadia Berg"


async def test_the_first_reply_assigns_and_neither_the_second_nor_the_team_takes_it_away(
    api: Api, user: Caller
) -> None:
    nadia, tom = await api.named_admin("Nadia Berg"), await api.named_admin("Tom Lind")
    ticket = (await api.ticket(user))["id"]
    path, reply = f"/admin/{ticket}/reply", {"message": "We look into it."}

    await api.admin.post(path, json=reply)
    assert (await detail(api.admin, ticket))["assignee"] is None
    for admin in (tom, nadia, api.admin):
        assert (await admin.post(path, json=reply)).status_code == 201
        assert (await detail(api.admin, ticket))["assignee"]["id"] == tom.user_id


async def test_a_disabled_admin_gets_a_401_for_a_tag_of_an_own_answer(api: Api) -> None:
    nadia = await api.named_admin("Nadia Berg")
    tag = (await nadia.get("/admin/queue/mine")).headers["ETag"]
    same = {"If-None-Match": tag}
    assert (await nadia.get("/admin/queue/mine", headers=same)).status_code == 304

    await api.world.disable(NamedAdmin(nadia.user_id, "Nadia Berg"))

    problem(await nadia.get("/admin/queue/mine", headers=same), 401)


@pytest.mark.parametrize("path", ["/admin/queue/waiting", "/admin/queues", "/admin/all"])
async def test_a_list_stays_the_same_while_only_time_passes(
    api: Api, user: Caller, path: str
) -> None:
    await api.ticket(user)
    tag = (await api.admin.get(path)).headers["ETag"]

    api.world.clock.pass_time(hours=3)

    assert (await api.admin.get(path, headers={"If-None-Match": tag})).status_code == 304


async def test_a_resolution_that_is_undone_leaves_no_date_of_closing_and_both_in_the_history(
    api: Api, user: Caller
) -> None:
    ticket = (await api.ticket(user))["id"]
    path = f"/admin/{ticket}/status"
    await api.admin.put(path, json={"status": "resolved", "was": "open"})
    assert (await detail(api.admin, ticket))["closes_at"] is not None

    undone = await api.admin.put(path, json={"status": "open", "was": "resolved"})

    assert undone.status_code == 200
    for shown in (
        await detail(api.admin, ticket),
        (await user.get(f"/{ticket}?peek=true")).json()["ticket"],
    ):
        assert shown["closes_at"] is None
        assert [(event["from"], event["to"]) for event in shown["events"]] == [
            ("open", "resolved"),
            ("resolved", "open"),
        ]


async def test_an_undo_of_several_gives_each_its_own_value_and_leaves_changed_ones_alone(
    api: Api, user: Caller
) -> None:
    before = {}
    for status in ("open", "in_progress", "closed"):
        ticket = (await api.ticket(user))["id"]
        await api.admin.put(f"/admin/{ticket}/status", json={"status": status})
        before[ticket] = status
        resolved = {"status": "resolved", "was": status}
        done = await api.admin.put(f"/admin/{ticket}/status", json=resolved)
        assert done.status_code == 200
    changed = max(before)
    await api.admin.put(f"/admin/{changed}/status", json={"status": "in_progress"})

    answers = {
        ticket: await api.admin.put(
            f"/admin/{ticket}/status", json={"status": status, "was": "resolved"}
        )
        for ticket, status in before.items()
    }

    refused = problem(answers.pop(changed), 409)
    assert refused["present"] == "in_progress"
    for ticket, answer in answers.items():
        assert answer.json()["status"] == before[ticket]
        assert (await detail(api.admin, ticket))["status"] == before[ticket]
    assert (await detail(api.admin, changed))["status"] == "in_progress"


async def test_a_second_try_of_several_repeats_nothing_that_was_done(
    api: Api, user: Caller
) -> None:
    tickets = [(await api.ticket(user))["id"] for _ in range(3)]

    async def resolve(ticket: int) -> bytes:
        response = await api.admin.put(
            f"/admin/{ticket}/status",
            json={"status": "resolved", "was": "open"},
            headers={"Idempotency-Key": f"a-bulk-{ticket}"},
        )
        assert response.status_code == 200, response.text
        return response.content

    # the connection breaks after the second
    first = [await resolve(ticket) for ticket in tickets[:2]]
    second = [await resolve(ticket) for ticket in tickets]

    assert second[:2] == first
    for ticket in tickets:
        assert len((await detail(api.admin, ticket))["events"]) == 1


async def test_priority_is_the_one_thing_among_admins_that_its_customer_sees(
    api: Api, user: Caller
) -> None:
    ticket = (await api.ticket(user))["id"]
    (before,) = (await user.get()).json()["tickets"]

    await api.admin.put(f"/admin/{ticket}/priority", json={"priority": "urgent"})

    (after,) = (await user.get()).json()["tickets"]
    assert after == before | {"priority": "urgent"}
    assert (await user.get(f"/{ticket}?peek=true")).json()["ticket"]["events"] == []


TEXTS = {
    "longest, in emoji": ("🎫" * 5000, "🎫" * 5000),
    "a line separator": ("one\u2028two", "one\ntwo"),
    "markup": ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    "placeholders": ("{{customer}} {{ticket}} {{admin}} [name]",) * 2,
    "a control character": ("a\x01b", "a\N{REPLACEMENT CHARACTER}b"),
}


@pytest.mark.parametrize("case", TEXTS)
async def test_notes_and_saved_replies_are_stored_like_messages(
    api: Api, user: Caller, case: str
) -> None:
    sent, stored = TEXTS[case]
    ticket = (await api.ticket(user))["id"]

    note = await api.admin.post(f"/admin/{ticket}/notes", json={"note": sent})
    saved = await api.admin.post("/admin/saved-replies", json={"title": "A title", "text": sent})
    message = await api.admin.post(f"/admin/{ticket}/reply", json={"message": sent})

    assert note.json()["note"]["note"] == stored
    assert saved.json()["saved_reply"]["text"] == stored
    assert message.json()["message"]["message"] == stored
    assert (await detail(api.admin, ticket))["notes"][0]["note"] == stored


@pytest.mark.parametrize("text", ["🎫" * 5001, " \u2028\n ", "\u200b", "a\x00b", "\ud800"])
async def test_notes_and_saved_replies_refuse_what_messages_refuse(
    api: Api, user: Caller, text: str
) -> None:
    ticket = (await api.ticket(user))["id"]
    for path, field in (
        (f"/admin/{ticket}/notes", "note"),
        (f"/admin/{ticket}/reply", "message"),
        ("/admin/saved-replies", "text"),
    ):
        body = {field: text} | ({"title": "A title"} if field == "text" else {})

        # half of a surrogate pair has no UTF-8, but an escape in JSON
        response = await api.admin.call("POST", path, content=json.dumps(body))

        assert [error["field"] for error in problem(response, 400)["errors"]] == [field]


async def test_a_subject_with_a_placeholder_is_never_filled_in(api: Api, user: Caller) -> None:
    subject = "What does {{ticket}} mean to {{admin}}?"
    ticket = (await api.ticket(user, subject=subject))["id"]
    await api.admin.post(f"/admin/{ticket}/reply", json={"message": "{{customer}}, hello."})

    assert (await detail(api.admin, ticket))["subject"] == subject
    shown = (await user.get(f"/{ticket}")).json()["ticket"]
    assert shown["subject"] == subject
    assert shown["messages"][1]["message"] == "{{customer}}, hello."
