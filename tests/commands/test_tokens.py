"""`tickets user tokens` and `tickets user revoke`: tokens are listed by id, and revoked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.commands.conftest import Shell
from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.identity.token_admin import EXPIRED_TOKEN_RETENTION, TokenAdmin
from tickets.bootstrap import application
from tickets.clock import SystemClock
from tickets.settings.settings import Settings

ROW = re.compile(r"(\d+) +(\S+Z)  (\S+Z)  (good|expired)")


class UserCommand:
    """Runs `tickets user` on one database; returns exit code, output and errors."""

    def __init__(self, shell: Shell, url: str) -> None:
        self._shell = shell
        self._url = url

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        result = self._shell.run("user", *arguments, TICKETS_DATABASE_URL=self._url)
        return result.returncode, result.stdout, result.stderr

    def ids(self, email: str) -> list[str]:
        return [row[0] for row in ROW.findall(self("tokens", email)[1])]


@pytest.fixture
def tickets_user(shell: Shell, database_url: str) -> UserCommand:
    return UserCommand(shell, database_url)


async def test_tokens_are_listed_newest_first_without_the_token(
    tickets_user: UserCommand, postgres_world: PostgresWorld, database: Database
) -> None:
    mara, dev = await postgres_world.user("mara@example.com"), await postgres_world.user()
    token_admin = postgres_world.token_admin
    tokens = [
        await token_admin.new_token(mara, lifetime=timedelta(seconds=-1)),
        await token_admin.new_token(mara, lifetime=timedelta(hours=1)),
        await token_admin.new_token(dev, lifetime=timedelta(hours=1)),
    ]
    stored = await database.fetch(
        "select id, encode(token_sha256, 'hex') as hash from ticket_tokens"
    )

    code, output, _ = tickets_user("tokens", "Mara@example.com")

    assert code == 0
    assert output.splitlines()[0].split() == ["id", "created", "expires", "state"]
    assert [row[3] for row in ROW.findall(output)] == ["good", "expired"]
    assert [int(row[0]) for row in ROW.findall(output)] == [stored[1]["id"], stored[0]["id"]]
    assert not any(token in output or token.removeprefix("tk_") in output for token in tokens)
    assert not any(row["hash"] in output for row in stored)


async def test_a_revoked_token_is_invalid_and_the_others_stay_valid(
    tickets_user: UserCommand, postgres_world: PostgresWorld
) -> None:
    mara = await postgres_world.user("mara@example.com")
    lost, stored = await postgres_world.token(mara), await postgres_world.token(mara)
    newest, oldest = tickets_user.ids("mara@example.com")

    code, output, _ = tickets_user("revoke", oldest)

    assert (code, output) == (0, f"revoked token {oldest} of mara@example.com\n")
    assert await postgres_world.token_lookup.by_token(lost) is None
    assert await postgres_world.token_lookup.by_token(stored) == mara
    assert tickets_user.ids("mara@example.com") == [newest]


async def test_revoke_all_revokes_the_tokens_of_one_user_only(
    tickets_user: UserCommand, postgres_world: PostgresWorld
) -> None:
    mara, dev = await postgres_world.user("mara@example.com"), await postgres_world.user()
    tokens = [await postgres_world.token(mara) for _ in range(3)]
    others = await postgres_world.token(dev)

    code, output, _ = tickets_user("revoke", "--all", "mara@example.com")

    assert (code, output) == (0, "revoked 3 tokens of mara@example.com\n")
    assert [await postgres_world.token_lookup.by_token(token) for token in tokens] == [None] * 3
    assert await postgres_world.token_lookup.by_token(others) == dev
    assert tickets_user("tokens", "mara@example.com")[1] == "mara@example.com has no tokens\n"


async def test_unknown_tokens_are_named_and_the_others_are_revoked(
    tickets_user: UserCommand, postgres_world: PostgresWorld
) -> None:
    token = await postgres_world.token(await postgres_world.user("mara@example.com"))
    (token_id,) = tickets_user.ids("mara@example.com")

    code, output, error = tickets_user("revoke", "99", token_id, "77")

    assert code == 1
    assert output == f"revoked token {token_id} of mara@example.com\n"
    assert "There is no token 99, 77" in error
    assert await postgres_world.token_lookup.by_token(token) is None
    for arguments in (["tokens", "no@example.com"], ["revoke", "--all", "no@example.com"]):
        code, output, error = tickets_user(*arguments)
        assert (code, output) == (1, "")
        assert "There is no user 'no@example.com'." in error


@pytest.mark.parametrize(
    "arguments", [[], ["1", "--all", "a@b.example"], ["one"], ["0"], ["tk_a-token-by-mistake"]]
)
def test_revoke_requires_either_ids_or_a_user(
    tickets_user: UserCommand, arguments: list[str]
) -> None:
    code, output, error = tickets_user("revoke", *arguments)

    assert (code, output) == (2, "")
    assert "Usage: tickets user revoke" in error


async def test_an_expired_token_is_listed_for_a_while_and_then_deleted_by_the_periodic_job(
    tickets_user: UserCommand, database: Database, database_url: str
) -> None:
    token_admin = TokenAdmin(database, SystemClock())
    mara = await token_admin.user("mara@example.com")
    for ago in (EXPIRED_TOKEN_RETENTION - timedelta(minutes=1), EXPIRED_TOKEN_RETENTION):
        await token_admin.new_token(mara, lifetime=-ago)
    await token_admin.new_token(mara, lifetime=timedelta(minutes=1))
    assert len(tickets_user.ids("mara@example.com")) == 3

    app = application(Settings(database_url=database_url, admin_token=("a-token-for-the-admins",)))
    async with app.lifespan():
        while len(await token_admin.tokens(mara)) == 3:
            await database.fetchval("select pg_sleep(0.01)")

    assert [token.good for token in await token_admin.tokens(mara)] == [True, False]
    assert await token_admin.delete_expired() == 0
