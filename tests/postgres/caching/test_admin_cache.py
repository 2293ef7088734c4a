"""The cache of admins' tokens in several processes: disabling ends sessions within a second."""

from __future__ import annotations

import pytest

from tests.postgres.processes import Process
from tests.postgres.waiting import until, until_returns
from tests.world import ADMIN
from tickets.adapters.postgres.connection.listener import CAUGHT_UP_SECONDS
from tickets.domain.people import Actor, NamedAdmin


async def signed_in(here: Process, there: Process) -> tuple[NamedAdmin, str]:
    """Return an admin whose token the second process has cached."""
    admin, token = await here.admin_with_token("Nadia", "nadia@example.com")
    assert await there.admin_lookup.by_token(token) == admin
    assert await there.statements_of(there.admin_lookup.by_token(token)) == 0
    assert there.admin_lookup.cached(token) == admin
    return admin, token


async def test_an_admin_is_cached_until_any_process_disables_the_admin(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    admin, token = await signed_in(here, there)

    await here.disable(admin)

    await until_returns(lambda: there.admin_lookup.by_token(token), None)
    assert there.admin_lookup.cached(token) is None


async def test_a_new_token_ends_the_cached_one(processes: tuple[Process, Process]) -> None:
    here, there = processes
    admin, old = await signed_in(here, there)

    new = await here.admin_accounts.new_token(admin.id)

    assert new is not None
    await until_returns(lambda: there.admin_lookup.by_token(old), None)
    assert await there.admin_lookup.by_token(new) == admin


@pytest.mark.parametrize(
    "change",
    [
        "update ticket_admins set disabled_at = now()",
        "delete from ticket_admins",
        "truncate ticket_admins",
    ],
)
async def test_a_change_by_hand_ends_a_session_as_well(
    processes: tuple[Process, Process], change: str
) -> None:
    here, there = processes
    _, token = await signed_in(here, there)

    await here.database.fetch(change)

    await until_returns(lambda: there.admin_lookup.by_token(token), None)


async def test_a_new_name_is_seen_by_the_other_process(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    admin, token = await signed_in(here, there)

    await here.database.fetch("update ticket_admins set name = 'Nadia Berg'")

    renamed = NamedAdmin(admin.id, "Nadia Berg")
    await until_returns(lambda: there.admin_lookup.by_token(token), renamed)


async def test_a_cached_admin_is_not_used_while_the_listener_is_behind(process: Process) -> None:
    _, token = await process.admin_with_token("Nadia")
    await process.admin_lookup.by_token(token)
    assert await process.statements_of(process.admin_lookup.by_token(token)) == 0

    # whatever stops: without a heartbeat for a second an entry is looked up again
    process.time.seconds += CAUGHT_UP_SECONDS

    assert process.admin_lookup.cached(token) is None
    assert await process.statements_of(process.admin_lookup.by_token(token)) == 1


async def test_a_token_of_a_user_and_of_an_admin_are_invalidated_apart(process: Process) -> None:
    _, token = await process.admin_with_token("Nadia")
    user_id = await process.user()
    users = await process.token(user_id)
    await process.admin_lookup.by_token(token)
    await process.token_lookup.by_token(users)

    await process.revoke(users)

    await until_returns(lambda: process.token_lookup.by_token(users), None)
    assert process.admin_lookup.cached(token) is not None


async def test_a_cached_ticket_loses_an_assignee_who_is_disabled(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    admin = await here.admin("Nadia")
    ticket = await here.ticket()
    await here.reply(ticket.id, Actor.named(admin), "On it.")
    assert (await there.tickets.get(ticket.id)).assignee == admin
    cached = there.ticket_cache.get(ticket.id)
    assert cached is not None
    assert cached.assignee == admin

    await here.disable(admin)

    await until(lambda: there.ticket_cache.get(ticket.id) is None)
    assert (await there.tickets.get(ticket.id)).assignee is None
    await there.reply(ticket.id, ADMIN, "The team goes on.")
