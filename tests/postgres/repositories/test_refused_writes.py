"""Rules of the platform's: a trigger or a constraint that refuses a write is a 400, never a 500."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.http.conftest import ADMIN_TOKENS, API, NEW_TICKET, application_on, client_of
from tests.http.problems import problem
from tests.world import PostgresWorld

ADMIN = {"X-Admin-Token": ADMIN_TOKENS[0]}

RAISING = """
    create function house_rules() returns trigger language plpgsql as $$
    begin
        {statement};
    end
    $$
"""
ON_MESSAGES = """
    create trigger house_rules before insert on ticket_messages
       for each row execute function house_rules()
"""
ON_TICKETS = """
    create trigger house_rules before update on tickets
       for each row execute function house_rules()
"""


async def install(world: PostgresWorld, statement: str, trigger: str) -> None:
    await world.database.fetch(RAISING.format(statement=statement))
    await world.database.fetch(trigger)


async def signed_in(world: PostgresWorld) -> dict[str, str]:
    token = await world.token(await world.user())
    return {"Authorization": f"Bearer {token}"}


def refused(response: httpx.Response) -> None:
    assert problem(response, 400)["type"] == "urn:tickets:problem:write-refused"
    assert "house" not in response.text


@pytest.mark.parametrize(
    "statement",
    [
        "raise exception 'no links in this house'",
        "raise exception 'house' using errcode = 'check_violation'",
        "raise exception 'house' using errcode = 'HS001'",
        "insert into audit_of_the_house values (null)",
        "assert false, 'house'",
    ],
)
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "once"}], ids=["no key", "key"])
async def test_a_trigger_that_refuses_a_message_is_a_400_and_stores_nothing(
    postgres_world: PostgresWorld,
    caplog: pytest.LogCaptureFixture,
    statement: str,
    key: dict[str, str],
) -> None:
    user = await signed_in(postgres_world)
    async with client_of(application_on(postgres_world)) as client:
        opened = await client.post(API, headers=user, json=NEW_TICKET)
        ticket = f"{API}/{opened.json()['ticket']['id']}"
        await postgres_world.database.fetch("create table audit_of_the_house (id int not null)")
        await install(postgres_world, statement, ON_MESSAGES)

        refused(await client.post(API, headers=user | key, json=NEW_TICKET))
        refused(await client.post(f"{ticket}/reply", headers=user | key, json={"message": "No."}))
        # with the same key, once it is allowed
        await postgres_world.database.fetch("drop trigger house_rules on ticket_messages")
        answer = await client.post(f"{ticket}/reply", headers=user | key, json={"message": "No."})
        shown = (await client.get(ticket, headers=user)).json()["ticket"]
        tickets = (await client.get(API, headers=user)).json()["tickets"]

    assert answer.status_code == 201
    assert [message["ordinal"] for message in shown["messages"]] == [1, 2]
    assert len(tickets) == 1
    assert "responded 400, the platform refused" in caplog.text
    assert "unhandled exception" not in caplog.text


async def test_a_trigger_that_refuses_every_change_of_a_ticket_leaves_it_readable(
    postgres_world: PostgresWorld, caplog: pytest.LogCaptureFixture
) -> None:
    user = await signed_in(postgres_world)
    async with client_of(application_on(postgres_world)) as client:
        opened = await client.post(API, headers=user, json=NEW_TICKET)
        number = opened.json()["ticket"]["id"]
        mine, theirs = f"{API}/{number}", f"{API}/admin/{number}"
        await install(postgres_world, "raise exception 'house'", ON_TICKETS)

        calls: list[tuple[str, str, dict[str, str], Any]] = [
            ("PUT", f"{theirs}/status", ADMIN, {"status": "resolved"}),
            ("POST", f"{theirs}/reply", ADMIN, {"message": "Hello."}),
            ("POST", f"{theirs}/read", ADMIN, {"seen": 1}),
            ("POST", f"{mine}/unread", user, None),
            ("POST", f"{mine}/close", user, None),
        ]
        for method, path, headers, body in calls:
            refused(await client.request(method, path, headers=headers, json=body))
        shown = await client.get(theirs, headers=ADMIN)
        unread = await client.get(f"{API}/admin/unread", headers=ADMIN)

    assert len(shown.json()["ticket"]["messages"]) == 1
    assert unread.json() == {"unread": 1}
    assert "shown, but stays unread" in caplog.text


async def test_a_constraint_of_the_platforms_is_a_400_and_the_row_is_not_logged(
    postgres_world: PostgresWorld, caplog: pytest.LogCaptureFixture
) -> None:
    user = await signed_in(postgres_world)
    await postgres_world.database.fetch(
        "alter table tickets add constraint house_rules check (subject not like '%!%')"
    )
    await postgres_world.database.fetch(
        "alter table ticket_messages add constraint house_rules check (length(message) < 100)"
    )
    async with client_of(application_on(postgres_world)) as client:
        refused(await client.post(API, headers=user, json=NEW_TICKET | {"subject": "Help!"}))
        refused(await client.post(API, headers=user, json=NEW_TICKET | {"message": "x" * 100}))
        accepted = await client.post(API, headers=user, json=NEW_TICKET)

    assert accepted.status_code == 201
    assert "violates check constraint" in caplog.text
    assert "Failing row" not in caplog.text


@pytest.mark.parametrize("statement", ["select 1 / 0", "perform nowhere()", "new.nothing := 1"])
async def test_a_broken_trigger_of_the_platforms_is_a_503(
    postgres_world: PostgresWorld, caplog: pytest.LogCaptureFixture, statement: str
) -> None:
    user = await signed_in(postgres_world)
    await install(postgres_world, statement.replace("select", "perform"), ON_MESSAGES)
    async with client_of(application_on(postgres_world)) as client:
        response = await client.post(API, headers=user, json=NEW_TICKET)

    assert problem(response, 503)["type"] == "urn:tickets:problem:store-unavailable"
    assert "responded 503" in caplog.text


@pytest.mark.parametrize(
    "statement",
    [
        "drop table ticket_messages cascade",
        "alter table tickets drop column waiting_since cascade",
        "drop function ticket_message_preview(text) cascade",
        "drop table ticket_rates",
    ],
)
async def test_an_incomplete_schema_is_a_503(postgres_world: PostgresWorld, statement: str) -> None:
    """As while an older backup is restored under a running service."""
    user = await signed_in(postgres_world)
    async with client_of(application_on(postgres_world)) as client:
        opened = await client.post(API, headers=user, json=NEW_TICKET)
        ticket = f"{API}/admin/{opened.json()['ticket']['id']}"
        await postgres_world.database.fetch(statement)
        responses = [
            await client.post(API, headers=user, json=NEW_TICKET),
            await client.post(f"{ticket}/reply", headers=ADMIN, json={"message": "Hello."}),
            await client.get(ticket, headers=ADMIN),
            await client.get(API, headers=user),
            await client.get(f"{API}/admin/stats", headers=ADMIN),
        ]

    assert [response.status_code for response in responses if response.status_code >= 500] == [
        503 for response in responses if response.status_code >= 500
    ]


LAST = "update tickets set {column} = 2147483647, user_unread = true"


@pytest.mark.parametrize("column", ["last_ordinal", "message_count", "version", "user_seen"])
async def test_a_number_of_a_ticket_at_the_end_of_its_column_is_answered_in_words(
    postgres_world: PostgresWorld, column: str
) -> None:
    user = await signed_in(postgres_world)
    async with client_of(application_on(postgres_world)) as client:
        opened = await client.post(API, headers=user, json=NEW_TICKET)
        number = opened.json()["ticket"]["id"]
        mine, theirs = f"{API}/{number}", f"{API}/admin/{number}"
        await postgres_world.database.fetch(LAST.format(column=column))

        message = {"message": "Hello."}
        responses = [
            await client.get(API, headers=user),
            await client.get(mine, headers=user),
            await client.post(f"{mine}/reply", headers=user, json=message),
            await client.post(f"{theirs}/reply", headers=ADMIN, json=message),
            await client.post(f"{theirs}/reply", headers=ADMIN, json=message | {"seen": 1}),
            await client.put(f"{theirs}/status", headers=ADMIN, json={"status": "resolved"}),
            await client.post(f"{mine}/close", headers=user),
            await client.get(mine, headers=user),
        ]

    statuses = [response.status_code for response in responses]
    assert not {500} & set(statuses)
    assert statuses[0] == statuses[1] == statuses[-1] == 200
    if column in ("last_ordinal", "message_count"):
        assert problem(responses[2], 400)["type"] == "urn:tickets:problem:thread-full"
