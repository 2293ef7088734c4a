"""The Litestar application over any adapters of the ports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.types import ControllerRouterHandler, Middleware

from tickets.adapters.http.account import AccountController
from tickets.adapters.http.admin import AdminController
from tickets.adapters.http.answers import Answer
from tickets.adapters.http.auth import ADMIN_CHALLENGE, USER_CHALLENGE, admin_guard, user_guard
from tickets.adapters.http.health import HealthController, ReadinessCheck
from tickets.adapters.http.metrics import Metrics
from tickets.adapters.http.openapi import openapi_config
from tickets.adapters.http.parameters import TYPE_DECODERS
from tickets.adapters.http.problems import EXCEPTION_HANDLERS
from tickets.adapters.http.rates import SignIns
from tickets.adapters.http.requests import MAX_BODY_BYTES, WholeRequest
from tickets.adapters.http.scraping import metrics_router
from tickets.adapters.http.service import Service
from tickets.adapters.http.site import Site
from tickets.adapters.http.web import cross_origin, web_router
from tickets.application.desk import Desk
from tickets.domain.ports import TicketViews, Users

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[Any]]


def create_app(
    *,
    desk: Desk,
    views: TicketViews,
    users: Users,
    admin_tokens: Sequence[str],
    readiness: ReadinessCheck,
    lifespan: Sequence[Lifespan] = (),
    frame_ancestors: Sequence[str] = (),
    cors_origins: Sequence[str] = (),
    metrics: Metrics | None = None,
    metrics_token: str | None = None,
    access_log: bool = False,
    middleware: Sequence[Middleware] = (),
    sign_ins: SignIns | None = None,
) -> Litestar:
    """Return the application; `lifespan` is what has to run around it.

    `frame_ancestors` may show the dashboards in a frame; pages of `cors_origins` may call the API;
    `sign_ins` limits how often credentials may be wrong.
    `metrics`, where there are any, are at `/metrics`, for who holds `metrics_token` if there is one.
    """
    sign_ins = sign_ins or SignIns()
    routers: list[ControllerRouterHandler] = [
        Router(
            "/",
            route_handlers=[AccountController],
            before_request=user_guard(users, sign_ins),
            response_class=Answer,
            opt={"challenge": USER_CHALLENGE},
        ),
        Router(
            "/",
            route_handlers=[AdminController],
            before_request=admin_guard(admin_tokens, sign_ins),
            response_class=Answer,
            opt={"challenge": ADMIN_CHALLENGE},
        ),
        HealthController,
        web_router(Site(), frame_ancestors=frame_ancestors),
    ]
    if metrics is not None:
        routers.append(metrics_router(metrics, metrics_token))
    return Service(
        routers,
        state=State({"desk": desk, "views": views, "readiness": readiness}, deep_copy=False),
        type_decoders=TYPE_DECODERS,
        exception_handlers=EXCEPTION_HANDLERS,
        cors_config=cross_origin(cors_origins),
        request_class=WholeRequest,
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=openapi_config(),
        lifespan=lifespan,
        logging_config=None,
        middleware=middleware,
        metrics=metrics,
        access_log=access_log,
    )
