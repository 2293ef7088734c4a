"""What the commands do to a database before and beside the running service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import asyncpg

from tickets.adapters.postgres.connection.connect import CannotConnect, connected, location
from tickets.adapters.postgres.identity.token_admin import TokenAdmin, TokenEntry
from tickets.adapters.postgres.identity.token_lookup import Identity
from tickets.adapters.postgres.schema.migrations import Migration, MigrationError, Migrator
from tickets.application.auto_close import AutoClose
from tickets.bootstrap import Store, database_of
from tickets.clock import SystemClock
from tickets.demo import seed as demo
from tickets.embedded_postgres.cluster import EmbeddedPostgres
from tickets.embedded_postgres.data_folder import default_folder
from tickets.observability import logs
from tickets.settings.errors import SettingsError
from tickets.settings.settings import Settings


@contextmanager
def database(settings: Settings) -> Iterator[tuple[Settings, str]]:
    """Give the settings with a database in them, and its place in words; start our own if need be.

    Here work begins, and so logging does.
    """
    logs.configure(settings)
    if settings.database_url is not None:
        yield settings, location(settings.database_url)
        return
    folder = settings.data_folder or default_folder()
    # every process's pool, and some for commands that run beside
    connections = max(100, settings.workers * settings.database_pool_size + 20)
    with EmbeddedPostgres(folder, options=[f"max_connections={connections}"]) as postgres:
        yield replace(settings, database_url=postgres.url), f"embedded, data in {folder}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A database that the service can use: which PostgreSQL it is, and what has just been done to it."""

    postgres: str
    schema: str


async def prepare(settings: Settings, *, take_over: bool = True) -> Prepared:
    """Bring the database up to date, and make sure that callers can be identified on it.

    Without `take_over`, tickets that a platform has made are left alone, with a `MigrationError`:
    that is for an operator to begin. Raises `CannotConnect` and `SettingsError` as well.
    """
    identity = identity_of(settings)
    async with connected(_url(settings)) as connection:
        migrator = Migrator(connection)
        if not take_over and await migrator.would_take_over():
            raise MigrationError(
                f"The tickets at {location(_url(settings))} have not been taken over yet: "
                f"run `tickets migrate`, or start the service, first."
            )
        applied = await migrator.apply()
        await _check_identity(connection, identity, settings.identity)
        major, minor = connection.get_server_version()[:2]
    return Prepared(
        postgres=f"PostgreSQL {major}.{minor}",
        schema=f"migrated: {titles(applied)}" if applied else "up to date",
    )


async def _check_identity(
    connection: asyncpg.Connection[asyncpg.Record], identity: Identity, name: str
) -> None:
    """Raise `SettingsError` where the identity query does not run here, or returns no user's id."""
    try:
        statement = await connection.prepare(identity.query)
    except asyncpg.PostgresError as error:
        message = f"TICKETS_IDENTITY={name} does not fit this database: {error}."
        raise SettingsError(message) from error
    types = [column.type.name for column in statement.get_attributes()]
    if types not in (["int4"], ["int4", "float8"]):
        raise SettingsError(
            f"TICKETS_IDENTITY={name} must return the user's id, an integer, and nothing else but "
            f"the seconds for which the token is still good, double precision."
        )


async def due_migrations(settings: Settings) -> Sequence[Migration]:
    """Return the migrations that the database still needs; raise as `prepare` does."""
    async with connected(_url(settings)) as connection:
        return await Migrator(connection).due()


def titles(migrations: Sequence[Migration]) -> str:
    """Return the names of migrations, for a person."""
    return ", ".join(migration.title for migration in migrations)


def identity_of(settings: Settings) -> Identity:
    """Return how callers are identified; raise `SettingsError` where the setting names nothing."""
    try:
        return Identity.named(settings.identity)
    except (OSError, ValueError) as error:
        message = (
            f"TICKETS_IDENTITY must be tokens, sessions or the path of an SQL file; "
            f"{settings.identity!r} is none: {error}."
        )
        raise SettingsError(message) from error


async def new_token(settings: Settings, email: str) -> str:
    """Create or find the user with this address, and return a new bearer token."""
    async with database_of(settings).open() as database:
        token_admin = TokenAdmin(database, SystemClock())
        try:
            user_id = await token_admin.user(email)
        except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
            message = (
                f"{location(_url(settings))} does not take a user made of an address alone: {error}. "
                f"Add {email} through the platform that owns the users table."
            )
            raise CannotConnect(message) from error
        return await token_admin.new_token(user_id, lifetime=settings.token_lifetime)


async def tokens_of(settings: Settings, email: str) -> Sequence[TokenEntry] | None:
    """Return the tokens of the user with this address, newest first; None where there is no such user."""
    async with database_of(settings).open() as database:
        token_admin = TokenAdmin(database, SystemClock())
        user_id = await token_admin.find(email)
        return None if user_id is None else await token_admin.tokens(user_id)


async def revoke_tokens(settings: Settings, token_ids: Sequence[int]) -> Mapping[int, str | None]:
    """Take these tokens back; return whose each one was, None for those that are not there."""
    async with database_of(settings).open() as database:
        token_admin = TokenAdmin(database, SystemClock())
        return {token_id: await token_admin.revoke(token_id) for token_id in token_ids}


async def revoke_all_tokens(settings: Settings, email: str) -> int | None:
    """Take all tokens of the user with this address back; return how many, None where there is no such user."""
    async with database_of(settings).open() as database:
        token_admin = TokenAdmin(database, SystemClock())
        user_id = await token_admin.find(email)
        return None if user_id is None else await token_admin.revoke_all(user_id)


async def close_resolved(settings: Settings) -> int:
    """Apply natural close once; return how many tickets it closed."""
    async with database_of(settings).open() as database:
        return await AutoClose(Store.on(database, None).tickets, SystemClock()).close_due(
            settings.close_resolved_after
        )


async def demo_token(settings: Settings) -> str:
    """Fill the demo's database where it is empty, and return a token of its first user."""
    async with database_of(settings).open() as database:
        await demo.fill(database)
        token_admin = TokenAdmin(database, SystemClock())
        user_id = await token_admin.user(demo.SIGNED_IN_USER)
        return await token_admin.new_token(user_id, lifetime=settings.token_lifetime)


def _url(settings: Settings) -> str:
    if settings.database_url is None:
        message = "the embedded PostgreSQL has not been started"
        raise RuntimeError(message)
    return settings.database_url
