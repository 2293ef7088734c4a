"""`migrate --check` says how many tickets natural close will close by the present setting."""

from __future__ import annotations

import asyncpg
import pytest

from tests.commands.conftest import Shell
from tests.postgres.take_over.platform import PLATFORM


@pytest.mark.parametrize("migrated", [False, True])
async def test_a_check_says_how_many_tickets_will_be_closed_by_the_present_setting(
    shell: Shell, empty_database_url: str, *, migrated: bool
) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(PLATFORM)
    await connection.execute(
        """insert into users (email, password_hash) values ('mara@example.com', 'x');
           insert into tickets (id, user_id, category, subject, status, updated_at)
           select n, 1, 'support', 'It stops', case n when 5 then 'open' else 'resolved' end,
                  now() - interval '200 hours'
             from generate_series(1, 5) n;
           insert into ticket_messages (ticket_id, sender_type, message, created_at)
           values (1, 'user', 'It stops.', now() - interval '300 hours'),
                  (2, 'user', 'It stops.', now() - interval '300 hours'),
                  (2, 'admin', 'Solved.', now() - interval '200 hours'),
                  -- a customer who has not been answered, and one who has just been
                  (3, 'user', 'It stops again.', now() - interval '190 hours'),
                  (4, 'admin', 'Solved.', now() - interval '1 hour')"""
    )
    await connection.close()
    settings = {"TICKETS_DATABASE_URL": empty_database_url}
    if migrated:
        assert shell.run("migrate", **settings).returncode == 0

    def check(hours: int) -> str:
        hours_after = {"TICKETS_CLOSE_RESOLVED_AFTER": f"{hours}"}
        return shell.run("migrate", "--check", **settings, **hours_after).stdout

    assert "2 resolved tickets without a change for 168 hours will be closed" in check(168)
    assert "will be closed" not in check(400)
    assert "will be closed" not in check(0)
