"""CPU cost of security headers, request ids and metrics: `GET /unread` on the memory adapter."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

from litestar import Litestar
from litestar.middleware import DefineMiddleware
from litestar.plugins.prometheus import PrometheusConfig

from tests.world import MemoryWorld
from tickets.adapters.http.access.authentication import (
    admin_authentication,
    user_authentication,
)
from tickets.adapters.http.access.failed_sign_ins import FailedSignIns
from tickets.adapters.http.app import create_app
from tickets.adapters.http.litestar_fast.instrumented_app import InstrumentedLitestar
from tickets.observability.metrics import Metrics

REQUESTS = 200
ROUNDS = 150

SCOPE = {
    "type": "http",
    "method": "GET",
    "path": "/api/v1/tickets/unread",
    "raw_path": b"/api/v1/tickets/unread",
    "query_string": b"",
    "http_version": "1.1",
    "scheme": "http",
    "server": ("127.0.0.1", 8000),
    "client": ("127.0.0.1", 50_000),
}


async def receive() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(_message: object) -> None:
    pass


class Variant:
    """One application, and the CPU seconds per request of each round."""

    def __init__(self, name: str, call: Callable[..., Awaitable[None]]) -> None:
        self.name, self.call, self.seconds = name, call, list[float]()

    async def run(self, headers: list[tuple[bytes, bytes]]) -> None:
        started = time.process_time()
        for _ in range(REQUESTS):
            await self.call({**SCOPE, "headers": headers}, receive, send)
        self.seconds.append((time.process_time() - started) / REQUESTS)


async def main() -> None:
    world = MemoryWorld()
    token = await world.token(await world.user())
    headers = [
        (b"host", b"127.0.0.1"),
        (b"user-agent", b"benchmark"),
        (b"accept", b"*/*"),
        (b"authorization", f"Bearer {token}".encode()),
    ]

    failed_sign_ins = FailedSignIns(world.rate_limiter, None)

    def app(
        *, metrics: Metrics | None = None, middleware: Sequence[DefineMiddleware] = ()
    ) -> Litestar:
        return create_app(
            ticket_service=world.service,
            note_service=world.note_service,
            saved_reply_service=world.saved_reply_service,
            ticket_views=world.views,
            queues=world.queues,
            ticket_search=world.search,
            reporting=world.reporting,
            user_authentication=user_authentication(world.token_lookup, failed_sign_ins),
            admin_authentication=admin_authentication(
                ["admin"], world.admin_lookup, failed_sign_ins
            ),
            admins=world.admins,
            store_health=world.store_health,
            mailbook=world.mailbook,
            clock=world.clock,
            metrics=metrics,
            middleware=middleware,
        )

    bare, plugin, whole = (
        app(),
        app(middleware=[PrometheusConfig(group_path=True).middleware]),
        app(metrics=Metrics()),
    )
    assert isinstance(whole, InstrumentedLitestar)
    variants = [
        # the framework's entry point, without the wrappers of this service
        Variant("the framework alone", lambda *asgi: Litestar.__call__(bare, *asgi)),
        Variant("with headers and id", bare),
        Variant("with headers, id and metrics", whole),
        Variant(
            "the framework with its own metrics", lambda *asgi: Litestar.__call__(plugin, *asgi)
        ),
    ]
    for _ in range(ROUNDS):
        for variant in variants:
            await variant.run(headers)
    # the mean of the fastest tenth: other programs slow down the others, hence CPU time as well
    fastest = [statistics.mean(sorted(variant.seconds)[: ROUNDS // 10]) for variant in variants]
    for variant, seconds in zip(variants, fastest, strict=True):
        more = (seconds - fastest[0]) * 1e6
        print(f"{variant.name:<36} {seconds * 1e6:7.1f} us  {more:+6.1f}")


if __name__ == "__main__":
    asyncio.run(main())
