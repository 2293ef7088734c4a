"""No token appears in output or in a response, whatever a client sends and whatever fails."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.commands.conftest import Shell, free_port
from tests.commands.test_serve import start_service
from tests.throwaway_postgres import OPTIONS
from tickets.adapters.postgres.connection.connect import connected
from tickets.adapters.postgres.schema.migrations import Migrator
from tickets.embedded_postgres.cluster import EmbeddedPostgres

# Without anything in common, so that each can be found: a token of the service, of a platform, of
# the admins, of the metrics scraper, and three invalid ones.
GOOD = "tk_" + "GoodMaraGoodMaraGoodMara" + "x" * 19
PLATFORMS = "session-of-the-platform-a8b7c6d5"
ADMIN = "admin-only-5f4e3d2c1b0a"
SCRAPER = "scraper-only-9z8y7x6w5v"
UNKNOWN = "tk_" + "NobodyNobodyNobodyNobody" + "y" * 19
CAUSES_A_503 = "boom-quoted-by-the-database-77"
WRONG_ADMIN = "no-admin-at-all-0011223344"
SECRETS = (GOOD, PLATFORMS, ADMIN, SCRAPER, UNKNOWN, CAUSES_A_503, WRONG_ADMIN)

FORM = {"category": "support", "subject": "Hello", "message": "Is anybody there?"}

# A platform's function for the identity query: it fails for one token, and quotes it.
FUNCTION = """
create function whose(token text) returns int language plpgsql as $$
begin
    if token like 'boom-%' then
        raise exception 'there is something wrong with token %', token;
    end if;
    return (select id from users
             where token like 'session-of-the-platform-%'
                or exists (select from ticket_tokens where token_sha256 = sha256(token::bytea))
             order by id limit 1);
end
$$;
"""


@pytest.fixture
def cluster() -> Iterator[EmbeddedPostgres]:
    """Return a cluster that only this test uses, not running."""
    folder = Path(tempfile.mkdtemp(prefix="tickets-secrets-"))
    folder.chmod(0o711)
    yield EmbeddedPostgres(folder / "cluster", options=OPTIONS)
    shutil.rmtree(folder, ignore_errors=True)


async def prepare(url: str) -> None:
    async with connected(url) as migrating:
        await Migrator(migrating).apply()
    connection = await asyncpg.connect(url)
    await connection.execute("insert into users (email) values ('mara@example.com')")
    await connection.execute(
        """insert into ticket_tokens (token_sha256, user_id, expires_at)
           values ($1, 1, now() + interval '1 hour')""",
        hashlib.sha256(GOOD.encode()).digest(),
    )
    await connection.execute(FUNCTION)
    await connection.close()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def as_text(responses: list[httpx.Response]) -> str:
    return "\n".join(
        f"{response.status_code} {response.headers} {response.text}" for response in responses
    )


@pytest.mark.parametrize("log_format", ["json", "text"])
async def test_no_token_is_in_the_output_or_in_a_response(
    shell: Shell, cluster: EmbeddedPostgres, log_format: str
) -> None:
    identity = shell.folder / "identity.sql"
    identity.write_text("-- name: user_by_token\n-- Ours.\nselect whose($1);\n")
    responses: list[httpx.Response] = []
    with contextlib.ExitStack() as database:
        database.enter_context(cluster)
        await prepare(cluster.url)
        running, api = start_service(
            shell,
            TICKETS_DATABASE_URL=cluster.url,
            TICKETS_IDENTITY=str(identity),
            TICKETS_ADMIN_TOKEN=f"{ADMIN},another-admin-token",
            TICKETS_METRICS_TOKEN=SCRAPER,
            TICKETS_LOG_FORMAT=log_format,
            TICKETS_LOG_LEVEL="debug",
            TICKETS_ACCESS_LOG="on",
        )
        root = api.removesuffix("/api/v1/tickets")

        with httpx.Client(timeout=30) as client:

            def call(method: str, url: str, **more: Any) -> int:
                responses.append(client.request(method, url, **more))
                return responses[-1].status_code

            # valid tokens
            assert call("POST", api, headers=bearer(GOOD), json=FORM) == 201
            assert call("GET", f"{api}/1", headers=bearer(PLATFORMS)) == 200
            assert call("GET", f"{api}/admin/1", headers={"X-Admin-Token": ADMIN}) == 200
            assert call("GET", f"{root}/metrics", headers=bearer(SCRAPER)) == 200
            # invalid tokens
            assert call("GET", api, headers=bearer(UNKNOWN)) == 401
            assert call("GET", f"{api}/admin/all", headers={"X-Admin-Token": WRONG_ADMIN}) == 401
            assert call("GET", f"{root}/metrics", headers=bearer(UNKNOWN)) == 401
            # the database's function fails for this one, and quotes it
            assert call("GET", api, headers=bearer(CAUSES_A_503)) == 503
            # tokens in every place where they do not belong
            for token in SECRETS:
                call("GET", api, headers={"Authorization": f"Basic {token}"})
                call("GET", api, headers={"Authorization": token})
                call("GET", api, headers={"X-Admin-Token": token, "Cookie": f"token={token}"})
                call("GET", f"{api}/admin/all", headers=bearer(token))
                call(
                    "GET",
                    f"{api}?token={token}&cursor={token}&status={token}&limit={token}",
                    headers=bearer(GOOD),
                )
                call("GET", f"{api}/{token}", headers=bearer(GOOD))
                call(
                    "GET",
                    f"{root}/{token}/{token}?{token}",
                    headers={"Referer": token, "User-Agent": token},
                )
                call("GET", f"{root}/static/{token}/{token}.js")
                call("GET", f"{root}/schema/{token}")
                call("GET", f"{root}/admin/?token={token}")
                call(
                    "POST",
                    f"{api}/1/reply",
                    headers=bearer(GOOD),
                    json={"message": 7, "seen": token},
                )
                call(
                    "POST", f"{api}/1/reply", headers=bearer(GOOD), content=f'{{"message": "{token}'
                )
                call("DELETE", f"{api}?{token}", headers=bearer(GOOD))
            for token in (GOOD, UNKNOWN):
                call("GET", api, headers=bearer(GOOD) | {"X-Request-ID": token})
            garbage = f"GET /{GOOD} HTTP/1.1\r\nAuthorization: Bearer {GOOD}\r\nno header\r\n\r\n"
            raw_response = raw(root, garbage.encode())
            # with the database stopped
            database.close()
            assert call("GET", api, headers=bearer(GOOD)) == 503
            assert call("GET", f"{api}/admin/all?{ADMIN}", headers={"X-Admin-Token": ADMIN}) == 503
            assert call("GET", f"{root}/health/ready?{GOOD}") == 503
            assert call("GET", f"{root}/metrics", headers=bearer(SCRAPER)) == 200
            assert "tickets_database_up 0.0" in responses[-1].text
        running.stop()

    output = running.output
    assert "there is something wrong with token [secret]" in output
    assert "Invalid HTTP request" in output
    assert output.count("503") >= 3
    assert len(responses) > 90
    for secret in SECRETS:
        shortest = secret.removeprefix("tk_")
        assert shortest not in output
        assert shortest not in as_text(responses)
        assert shortest not in raw_response
        hashed = hashlib.sha256(secret.encode()).hexdigest()
        assert hashed not in output


def raw(root: str, request: bytes) -> str:
    """Send these bytes, and return everything received until the connection is closed."""
    host, _, port = root.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        response = b""
        while part := connection.recv(65_536):
            response += part
    return response.decode("latin-1")


def test_commands_do_not_print_the_secrets_in_their_settings(shell: Shell) -> None:
    url = f"postgresql://tickets:secret-of-the-database@127.0.0.1:{free_port()}/tickets"
    for command in (["migrate", "--check"], ["user", "tokens", "a@b.example"], ["serve"]):
        result = shell.run(
            *command,
            TICKETS_DATABASE_URL=url,
            TICKETS_ADMIN_TOKEN=ADMIN,
            TICKETS_PORT=f"{free_port()}",
            TICKETS_METRICS_TOKEN=SCRAPER,
        )
        assert result.returncode != 0
        for secret in ("secret-of-the-database", ADMIN, SCRAPER):
            assert secret not in result.stdout + result.stderr
