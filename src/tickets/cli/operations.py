"""Operations of the commands on a database: start, migrate, tokens, auto-close, demo data."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta

import asyncpg

from tickets.adapters.postgres.connection.connect import CannotConnect, connected, location
from tickets.adapters.postgres.identity.token_admin import TokenAdmin, TokenEntry
from tickets.adapters.postgres.identity.token_lookup import Identity
from tickets.adapters.postgres.schema.migrations import (
    HalfDone,
    Migration,
    MigrationError,
    Migrator,
)
from tickets.adapters.postgres.schema.overdue_tickets import count_overdue
from tickets.application.auto_close import AutoClose
from tickets.bootstrap import Store, address_of, database_of
from tickets.clock import SystemClock
from tickets.domain.errors import StoreUnavailable
from tickets.embedded_postgres.cluster import EmbeddedPostgres
from tickets.embedded_postgres.layout import cluster_in, default_folder, demo_cluster_in
from tickets.observability import logs
from tickets.settings.errors import SettingsError
from tickets.settings.settings import Settings
from tickets.sign_in import SIGNED, check_signed

logger = logging.getLogger("tickets")

_TIME_OUT = "statement_timeout"

RESERVED_CONNECTIONS = 20
"""Connections of the embedded PostgreSQL beyond the pools: for listeners and for commands."""


@dataclass(frozen=True, slots=True)
class TargetDatabase:
    """A database that is running: the settings with its URL, and where it is."""

    settings: Settings
    location: str


@contextmanager
def database(
    settings: Settings, *, serves: bool = False, is_demo: bool = False
) -> Iterator[TargetDatabase]:
    """Return the database of these settings; start the embedded one if they name none.

    The demo has an embedded one of its own. If the command serves, the embedded one is started
    again whenever it dies. This also configures logging, as every command begins here.
    """
    logs.configure(settings)
    if settings.database_url is not None:
        yield TargetDatabase(settings, location(settings.database_url))
        return
    folder = settings.data_folder or default_folder()
    cluster = demo_cluster_in(folder) if is_demo else cluster_in(folder)
    connections = max(100, settings.workers * settings.database_pool_size + RESERVED_CONNECTIONS)
    with (
        EmbeddedPostgres(cluster, options=[f"max_connections={connections}"]) as postgres,
        postgres.kept_running() if serves else nullcontext(),
    ):
        yield TargetDatabase(
            replace(settings, database_url=postgres.url), f"embedded, data in {cluster}"
        )


@dataclass(frozen=True, slots=True)
class SchemaState:
    """A database that the service can use: the server's version, and what the migration did."""

    server: str
    outcome: str


async def migrate(settings: Settings, *, take_over: bool = True) -> SchemaState:
    """Apply the migrations that are due, and check that the identity query runs.

    With `take_over=False`, a platform's own tickets raise `MigrationError` instead: to take them
    over is a decision for `tickets migrate` or `tickets serve`. Raises `CannotConnect` and
    `SettingsError` as well.
    """
    identity = identity_of(settings)
    async with connected(url_of(settings)) as connection:
        await _check_pool(settings)
        migrator = Migrator(connection)
        if not take_over and await migrator.would_take_over():
            raise MigrationError(
                f"The tickets at {location(url_of(settings))} have not been taken over yet: "
                f"run `tickets migrate`, or start the service, first."
            )
        applied = await migrator.apply()
        await _check_identity(connection, identity, settings.identity)
        server_version = connection.get_settings().server_version
    return SchemaState(
        server=server_name(server_version),
        outcome=f"migrated: {titles(applied)}" if applied else "up to date",
    )


def server_name(version: str) -> str:
    """Return name and version of the server, from its setting `server_version`.

    A distribution adds its own version, as in `15.20 (Debian 15.20-0+deb12u1)`. The driver's tuple
    of numbers is not used: it has the minor version in its third place.
    """
    return f"PostgreSQL {version.split(maxsplit=1)[0]}"


async def _check_pool(settings: Settings) -> None:
    """Raise `CannotConnect` if a connection pooler refuses what the service's connections need."""
    async with database_of(settings).open() as database:
        try:
            statement_timeout = await database.fetchval("select current_setting($1)", _TIME_OUT)
        except StoreUnavailable as error:
            raise CannotConnect(
                f"The database at {location(url_of(settings))} cannot be used: {error.__cause__}."
            ) from error
    if statement_timeout == "0":
        logger.warning(
            "the connections of the service have no %s, which PgBouncer does not pass on: set the "
            "time-outs on the role (docs/limits.md, The database)",
            _TIME_OUT,
        )


async def _check_identity(
    connection: asyncpg.Connection[asyncpg.Record], identity: Identity, name: str
) -> None:
    """Raise `SettingsError` if the identity query does not run here, or returns other columns."""
    try:
        statement = await connection.prepare(identity.query)
    except asyncpg.PostgresError as error:
        raise SettingsError(
            f"TICKETS_IDENTITY={name} does not fit this database: {error}."
        ) from error
    types = [column.type.name for column in statement.get_attributes()]
    if types not in (["int4"], ["int4", "float8"]):
        raise SettingsError(
            f"TICKETS_IDENTITY={name} must return the user's id, an integer, and optionally the "
            f"seconds for which the token is still valid, double precision."
        )


@dataclass(frozen=True, slots=True)
class DueMigrations:
    """What `tickets migrate` would do: the migrations that are due, and the one that has begun.

    `is_unused` says that no release has used the database yet, `takes_over` that it has tickets of
    a platform. `overdue` is the number of tickets that the service will close next, after
    `quiet_for`.
    """

    migrations: Sequence[Migration]
    half_done: HalfDone | None
    is_unused: bool
    takes_over: bool
    overdue: int = 0
    quiet_for: timedelta = timedelta()

    def sentences(self) -> Sequence[str]:
        """Return what an operator should know before the migration."""
        lines = []
        if self.takes_over:
            lines.append("The tickets that are there will be taken over (docs/take-over.md).")
        if self.half_done is not None:
            steps = ", ".join(step.name for step in self.half_done.remaining) or "to record it"
            lines.append(
                f"{self.half_done.migration.title} is half done; remaining steps: {steps}."
            )
        for migration in self.migrations:
            if migration.previous_release_may_serve is not None and not self.is_unused:
                may = "may serve" if migration.previous_release_may_serve else "must be stopped"
                lines.append(f"{migration.title}: the previous release {may} meanwhile.")
        if self.overdue:
            hours = self.quiet_for // timedelta(hours=1)
            lines.append(
                f"{self.overdue} resolved ticket{'' if self.overdue == 1 else 's'} without a "
                f"change for {hours} hours will be closed (TICKETS_CLOSE_RESOLVED_AFTER)."
            )
        return lines


async def due_migrations(settings: Settings) -> DueMigrations:
    """Return the migrations that are due.

    Raises as `migrate` does, and where the database is read-only or the role may not create tables.
    """
    async with connected(url_of(settings)) as connection:
        migrator, overdue = Migrator(connection), 0
        if due := await migrator.due():
            await migrator.check_can_begin()
        if quiet_for := settings.close_resolved_after:
            overdue = await count_overdue(connection, SystemClock().now() - quiet_for)
        return DueMigrations(
            due,
            await migrator.half_done(),
            is_unused=await migrator.is_unused(),
            takes_over=await migrator.would_take_over(),
            overdue=overdue,
            quiet_for=quiet_for,
        )


def titles(migrations: Sequence[Migration]) -> str:
    """Return the titles of migrations, comma-separated."""
    return ", ".join(migration.title for migration in migrations)


def identity_of(settings: Settings) -> Identity:
    """Return the identity query; raise `SettingsError` if the setting does not name one."""
    if settings.identity == SIGNED:
        check_signed(settings)
        # signed tokens need no query; the verification tries this one
        return Identity.named("tokens")
    try:
        return Identity.named(settings.identity)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"TICKETS_IDENTITY must be tokens, sessions, signed or the path of an SQL file, "
            f"not {settings.identity!r}: {error}."
        ) from error


async def new_token(settings: Settings, email: str) -> str:
    """Find or create the user with this e-mail address, and return a new bearer token."""
    async with database_of(settings).open() as database:
        token_admin = TokenAdmin(database, SystemClock())
        try:
            user_id = await token_admin.user(email)
        except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
            raise CannotConnect(
                f"The users table at {location(url_of(settings))} does not accept a user with an "
                f"e-mail address alone: {error}. "
                f"Add {email} through the platform that owns the table."
            ) from error
        return await token_admin.new_token(user_id, lifetime=settings.token_lifetime)


async def tokens_of(settings: Settings, email: str) -> Sequence[TokenEntry] | None:
    """Return the tokens of a user, newest first; None if there is no user with this address."""
    async with database_of(settings).open() as database:
        token_admin = TokenAdmin(database, SystemClock())
        user_id = await token_admin.find(email)
        return None if user_id is None else await token_admin.tokens(user_id)


async def revoke_tokens(settings: Settings, token_ids: Sequence[int]) -> Mapping[int, str | None]:
    """Revoke tokens; return the address of each one's user, None if there is no such token."""
    async with database_of(settings).open() as database:
        token_admin = TokenAdmin(database, SystemClock())
        return {token_id: await token_admin.revoke(token_id) for token_id in token_ids}


async def revoke_all_tokens(settings: Settings, email: str) -> int | None:
    """Revoke all tokens of a user; return how many they were, None if there is no such user."""
    async with database_of(settings).open() as database:
        token_admin = TokenAdmin(database, SystemClock())
        user_id = await token_admin.find(email)
        return None if user_id is None else await token_admin.revoke_all(user_id)


async def close_resolved(settings: Settings) -> int:
    """Close the resolved tickets that are due; return how many they were."""
    async with database_of(settings).open() as database:
        auto_close = AutoClose(Store.on(database, None).tickets, SystemClock())
        return await auto_close.close_due(settings.close_resolved_after)


def url_of(settings: Settings) -> str:
    """Return the URL of the database, which is running."""
    return address_of(settings)
