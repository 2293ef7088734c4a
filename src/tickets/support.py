"""The public Python API: the whole product as one ASGI application that a host mounts.

Frameworks and the database driver are loaded when the object is started, so that `import tickets`
costs a host nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

from tickets.domain.identities import Admin, User

if TYPE_CHECKING:
    import asyncpg
    from litestar import Litestar

    from tickets.domain.ticket import Ticket
    from tickets.mounts import SupportPlugin
    from tickets.settings.settings import Settings

logger = logging.getLogger("tickets")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]

UserFunction = Callable[[Scope], User | Awaitable[User | None] | None]
AdminFunction = Callable[[Scope], Admin | Awaitable[Admin | None] | None]

NOT_STARTED = (
    "Support has not been started: the host application must run its lifespan "
    "(`lifespan=support.lifespan`, or `async with support:`)."
)


class Support:
    """The ticket service as an ASGI application, in an application of yours.

    Mount it under any prefix, and run its lifespan inside yours. Several objects may run in one
    process. The same object may be started again after it was stopped.
    """

    def __init__(
        self,
        database: str | asyncpg.Pool[Any] | None = None,
        *,
        schema: str | None = None,
        user: UserFunction | None = None,
        admin: AdminFunction | None = None,
        migrate: bool = False,
        **settings: object,
    ) -> None:
        """Describe the service; nothing is opened before it is started.

        `database` is a URL, or a pool of asyncpg, whose address and credentials are used for
        connections of our own. `schema` is where the tables live, by default the connection's
        `search_path`.

        `user` and `admin` take the ASGI scope of a request and return who is calling, or None. They
        may be async. With one of them, requests count as authenticated by a cookie. Without both,
        the settings say who is calling.

        With `migrate` the database is migrated at start; otherwise `tickets migrate` does it, and
        until then every route is a 503.

        All other keyword arguments are settings, such as `rate_creates="10/hour"`: the names of the
        environment variables in lower case, without `TICKETS_`. Raises `ValueError` for a wrong
        one. The environment itself is not read.
        """
        self._database = database
        self._schema = schema
        self._user = user
        self._admin = admin
        self._migrate = migrate
        self._options = settings
        self._given: Settings | None = None
        self._app: Litestar | None = None
        self._stack: AsyncExitStack | None = None
        self._starts = 0
        self._trusted: tuple[str, ...] = ()
        # wrong settings are an error where they are written, not at the first request
        self._checked()

    @classmethod
    def of(cls, settings: Settings) -> Support:
        """Return the service with these settings, as `tickets serve` runs it."""
        support = cls(settings.database_url)
        support._given = settings
        return support

    # -- running ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Start; a database that is away is no error."""
        self._starts += 1
        if self._starts > 1:
            return self
        try:
            await self._start()
        except BaseException:
            self._starts = 0
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Stop, once for the last of those who started it."""
        self._starts -= 1
        if self._starts == 0 and self._stack is not None:
            stack, self._stack, self._app = self._stack, None, None
            await stack.aclose()

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """Run while the block runs: the `lifespan=` of FastAPI, Starlette and Litestar."""
        async with self:
            yield

    async def _start(self) -> None:
        from tickets.background_migration import migrating  # noqa: PLC0415
        from tickets.bootstrap import application  # noqa: PLC0415 - see the module
        from tickets.sign_in import HostFunctions  # noqa: PLC0415

        settings = self._settings()
        functions = None
        if self._user is not None or self._admin is not None:
            functions = HostFunctions(self._user, self._admin)
        # behind `tickets serve` the connection has told which peers are trusted
        self._trusted = () if self._given is not None else settings.trusted_proxies
        async with AsyncExitStack() as stack:
            app = application(settings, functions)
            await stack.enter_async_context(app.lifespan())
            if self._migrate:
                await stack.enter_async_context(migrating(settings))
            self._app, self._stack = app, stack.pop_all()

    # -- ASGI ------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or run the lifespan where this is the outermost application."""
        kind = scope["type"]
        if kind == "lifespan":
            await self._run_lifespan(receive, send)
        elif kind == "http":
            if self._app is None:
                await _send_problem(send, NOT_STARTED)
                return
            if self._trusted:
                self._mark_trusted(scope)
            await self._app(scope, receive, send)  # type: ignore[arg-type] # two spellings of ASGI
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.__aenter__()
        except Exception as error:
            logger.exception("the service could not start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.__aexit__()
        await send({"type": "lifespan.shutdown.complete"})

    def _mark_trusted(self, scope: Scope) -> None:
        from tickets.adapters.http.access.client_address import is_within  # noqa: PLC0415
        from tickets.adapters.http.edge.mounting import TRUSTED_PEER  # noqa: PLC0415

        client = scope.get("client")
        if client and is_within(client[0], self._trusted):
            scope[TRUSTED_PEER] = True

    # -- hosts -----------------------------------------------------------------------------------

    def plugin(self, at: str) -> SupportPlugin:
        """Return the plugin for a Litestar host that serves this under the prefix `at`.

        Nothing of the host (guards, dependencies, middleware, exception handlers) applies to it.
        """
        from tickets.mounts import SupportPlugin  # noqa: PLC0415 - needs Litestar

        return SupportPlugin(self, at)

    def beside(self, app: ASGI, *, at: str) -> ASGI:
        """Return an ASGI application: this under the prefix `at`, the other one everywhere else.

        It answers the lifespan protocol itself, so `app` needs not know it, as Django does not.
        """
        from tickets.mounts import Beside  # noqa: PLC0415 - loads only with its use

        return Beside(self, app, at)

    # -- in process ------------------------------------------------------------------------------

    async def open(
        self,
        by: User | str,
        *,
        category: str,
        subject: str,
        message: str,
        other_category: str | None = None,
    ) -> Ticket:
        """Open a ticket as this user, or as the user with this id of the host's.

        The rules are those of the API, rate limits included; a new person gets a row. Raises the
        errors of the API, whose text is for the user.
        """
        from tickets.adapters.postgres.identity.people import PostgresPeople  # noqa: PLC0415
        from tickets.domain.people import Actor  # noqa: PLC0415

        state = self._running().state
        people = PostgresPeople(state.database, seconds=0)
        user_id = await people.user_id(User(by) if isinstance(by, str) else by, add=True)
        assert user_id is not None  # noqa: S101 - it was added
        ticket: Ticket = await state.ticket_service.open(
            by=Actor.user(user_id),
            category=category,
            other_category=other_category,
            subject=subject,
            message=message,
        )
        return ticket

    def _running(self) -> Litestar:
        if self._app is None:
            raise RuntimeError(NOT_STARTED)
        return self._app

    # -- settings --------------------------------------------------------------------------------

    def _checked(self) -> None:
        for name, function in (("user", self._user), ("admin", self._admin)):
            given: object = function
            if given is not None and not callable(given):
                message = f"{name}= must be a function of the ASGI scope"
                raise TypeError(message)
        if self._options or self._schema is not None:
            self._settings()

    def _settings(self) -> Settings:
        if self._given is not None:
            return self._given
        from tickets.host_settings import host_settings  # noqa: PLC0415 - see the module

        return host_settings(self._database, self._schema, self._options)


async def _send_problem(send: Send, detail: str) -> None:
    """Respond 503 with a sentence, without any framework."""
    body = json.dumps(
        {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": detail}
    ).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"retry-after", b"5"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
