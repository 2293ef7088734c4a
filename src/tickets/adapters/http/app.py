"""The Litestar application over any adapters of the ports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.types import ControllerRouterHandler, Middleware

from tickets.adapters.http.access.authentication import (
    ADMIN_CHALLENGE,
    USER_CHALLENGE,
    admin_authentication,
    user_authentication,
)
from tickets.adapters.http.access.failed_sign_ins import FailedSignIns
from tickets.adapters.http.api.admin_tickets import AdminTicketsController
from tickets.adapters.http.api.parameters import TYPE_DECODERS
from tickets.adapters.http.api.user_tickets import UserTicketsController
from tickets.adapters.http.dashboards.files import Site
from tickets.adapters.http.dashboards.routes import cross_origin, web_router
from tickets.adapters.http.edge.error_handlers import EXCEPTION_HANDLERS
from tickets.adapters.http.litestar_fast.fast_response import FastResponse
from tickets.adapters.http.litestar_fast.instrumented_app import InstrumentedLitestar
from tickets.adapters.http.litestar_fast.whole_request import MAX_BODY_BYTES, WholeRequest
from tickets.adapters.http.openapi.config import openapi_config
from tickets.adapters.http.ops.health import HealthController, ReadinessCheck
from tickets.adapters.http.ops.metrics_endpoint import metrics_router
from tickets.application.tickets import TicketService
from tickets.domain.ports import TicketViews, TokenLookup
from tickets.observability.metrics import Metrics

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[Any]]


def create_app(
    *,
    service: TicketService,
    views: TicketViews,
    token_lookup: TokenLookup,
    admin_tokens: Sequence[str],
    readiness: ReadinessCheck,
    lifespan: Sequence[Lifespan] = (),
    frame_ancestors: Sequence[str] = (),
    cors_origins: Sequence[str] = (),
    metrics: Metrics | None = None,
    metrics_token: str | None = None,
    access_log: bool = False,
    middleware: Sequence[Middleware] = (),
    failed_sign_ins: FailedSignIns | None = None,
) -> Litestar:
    """Return the application; `lifespan` is what has to run around it.

    `frame_ancestors` may show the dashboards in a frame; pages of `cors_origins` may call the API;
    `failed_sign_ins` limits how often credentials may be wrong.
    `metrics`, where there are any, are at `/metrics`, for who holds `metrics_token` if there is one.
    """
    failed_sign_ins = failed_sign_ins or FailedSignIns()
    routers: list[ControllerRouterHandler] = [
        Router(
            "/",
            route_handlers=[UserTicketsController],
            before_request=user_authentication(token_lookup, failed_sign_ins),
            response_class=FastResponse,
            opt={"challenge": USER_CHALLENGE},
        ),
        Router(
            "/",
            route_handlers=[AdminTicketsController],
            before_request=admin_authentication(admin_tokens, failed_sign_ins),
            response_class=FastResponse,
            opt={"challenge": ADMIN_CHALLENGE},
        ),
        HealthController,
        web_router(Site(), frame_ancestors=frame_ancestors),
    ]
    if metrics is not None:
        routers.append(metrics_router(metrics, metrics_token))
    return InstrumentedLitestar(
        routers,
        state=State(
            {"ticket_service": service, "views": views, "readiness": readiness}, deep_copy=False
        ),
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
