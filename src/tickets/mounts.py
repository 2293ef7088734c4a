"""Mounts for hosts: a Litestar plugin, and a dispatcher for hosts without a lifespan (Django)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.plugins import InitPluginProtocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]


class Startable(Protocol):
    """An ASGI application with a lifespan."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or run the lifespan."""

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Run while the block runs."""


def mount_prefix(at: str) -> str:
    """Return a prefix in its canonical form; raise `ValueError` where it is none."""
    prefix = at.rstrip("/")
    if not prefix.startswith("/") or "//" in prefix or {"{", "}"} & set(prefix):
        message = f"the prefix must be a path such as /support, not {at!r}"
        raise ValueError(message)
    return prefix


class SupportPlugin(InitPluginProtocol):
    """Serves a `Support` under a prefix of a Litestar application, with its lifespan.

    It takes the requests of the prefix before the host's routing. So none of the host's layers
    applies to them (guards, dependencies, middleware, exception handlers), and a path that only
    begins with the same letters stays the host's.
    """

    def __init__(self, support: Startable, at: str) -> None:
        """Serve under this prefix."""
        self._support = support
        self._prefix = mount_prefix(at)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the lifespan; the host's routes and its document stay as they are."""
        app_config.lifespan = [*(app_config.lifespan or []), self._serving]
        return app_config

    @asynccontextmanager
    async def _serving(self, app: Litestar) -> AsyncIterator[None]:
        inner: Any = app.asgi_handler
        async with self._support.lifespan():
            app.asgi_handler = Beside(self._support, inner, self._prefix)
            try:
                yield
            finally:
                app.asgi_handler = inner


class Beside:
    """Dispatches a prefix to a `Support`, and everything else to another ASGI application."""

    def __init__(self, support: Startable, app: ASGI, at: str) -> None:
        """Serve `support` under the prefix `at`."""
        self._support = support
        self._app = app
        self._prefix = mount_prefix(at)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Handle one request; run the lifespan for both."""
        if scope["type"] == "lifespan":
            await self._support(scope, receive, send)
            return
        root_path = scope.get("root_path", "")
        path = scope["path"]
        if root_path and path.startswith(f"{root_path}/"):
            path = path[len(root_path) :]
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            mounted = {**scope, "root_path": root_path + self._prefix}
            await self._support(mounted, receive, send)
            return
        await self._app(scope, receive, send)
