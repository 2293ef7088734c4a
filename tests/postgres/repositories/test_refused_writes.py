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


OF_THE_DESK = ("ticket_notes", "ticket_saved_replies", "ticket_events", "ticket_idempotency_keys")

HOUSE_RULES = {
    "a check": "alter table {table} add constraint house_rules check ({column} is null) not valid",
    "a column": "alter table {table} add column house text not null default 'house'; "
    "alter table {table} alter column house drop default",
    "a trigger": "create trigger house_rules before insert or update or delete on {table} "
    "for each row execute function house_rules()",
    "a trigger of another state": "create trigger house_rules before insert or update or delete "
    "on {table} for each row execute function house_rules_of_its_own()",
    "a unique index": "create unique index house_rules on {table} ((true))",
}

COLUMNS = {
    "ticket_notes": "created_at",
    "ticket_saved_replies": "title",
    "ticket_events": "at",
    "ticket_idempotency_keys": "recorded_at",
}


@pytest.mark.parametrize(
    ("table", "rule"),
    [
        (table, rule)
        for table in OF_THE_DESK
        for rule in HOUSE_RULES
        # there are several events already
        if (table, rule) != ("ticket_events", "a unique index")
    ],
)
async def test_a_rule_of_the_platforms_on_a_table_of_the_desk_is_a_400(
    postgres_world: PostgresWorld, caplog: pytest.LogCaptureFixture, table: str, rule: str
) -> None:
    user = await signed_in(postgres_world)
    admin = await postgres_world.admin()
    async with client_of(application_on(postgres_world)) as client:
        opened = await client.post(API, headers=user, json=NEW_TICKET)
        theirs = f"{API}/admin/{opened.json()['ticket']['id']}"
        saved = f"{API}/admin/saved-replies"
        reply = {"title": "Refund", "text": "It is on its way."}
        key = {"Idempotency-Key": "before"}
        stored = await client.post(saved, headers=ADMIN | key, json=reply)
        one = f"{saved}/{stored.json()['saved_reply']['id']}"
        await client.post(f"{theirs}/notes", headers=ADMIN, json={"note": "Called them."})
        await postgres_world.database.fetch(
            RAISING.format(statement="raise exception 'house' using errcode = 'check_violation'")
        )
        await postgres_world.database.fetch(
            RAISING.replace("house_rules", "house_rules_of_its_own").format(
                statement="raise exception 'house' using errcode = 'HS001'"
            )
        )
        for statement in HOUSE_RULES[rule].format(table=table, column=COLUMNS[table]).split("; "):
            await postgres_world.database.fetch(statement)

        calls: list[tuple[str, str, Any]] = [
            ("POST", f"{theirs}/notes", {"note": "Wrote to them."}),
            ("POST", saved, reply),
            ("PUT", one, reply | {"title": "Money back"}),
            ("PUT", f"{theirs}/assignee", {"assignee": admin.id}),
            ("PUT", f"{theirs}/priority", {"priority": "urgent"}),
            ("POST", f"{theirs}/handled", {"seen": 1}),
            ("POST", f"{theirs}/reply", {"message": "Done.", "status": "resolved"}),
            ("DELETE", one, None),
        ]
        responses = [
            await client.request(method, path, headers=ADMIN | key, json=body)
            for number, (method, path, body) in enumerate(calls)
            for key in ({"Idempotency-Key": f"key-{number}"}, {})
        ]
        shown = await client.get(theirs, headers=ADMIN)

    # the second deletion finds nothing, where deleting is allowed
    refusals = [each for each in responses if not each.is_success and each.status_code != 404]
    assert refusals
    for response in refusals:
        refused(response)
    assert shown.status_code == 200
    assert "unhandled exception" not in caplog.text
    if table == "ticket_events":
        # nothing is changed without its event
        assert shown.json()["ticket"]["events"] == []
        assert shown.json()["ticket"]["assignee"] is None


async def test_a_foreign_key_of_the_platforms_is_a_400_and_signs_nobody_out(
    postgres_world: PostgresWorld,
) -> None:
    user = await signed_in(postgres_world)
    await postgres_world.database.fetch("create table channels (name text primary key)")
    await postgres_world.database.fetch(
        "alter table tickets add foreign key (category) references channels"
    )
    async with client_of(application_on(postgres_world)) as client:
        refused(await client.post(API, headers=user, json=NEW_TICKET))
