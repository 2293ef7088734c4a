"""The application factory: one Litestar application over any adapters of the ports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.types import BeforeRequestHookHandler, ControllerRouterHandler, Middleware

from tickets.adapters.http.access.authentication import (
    ADMIN_CHALLENGE,
    USER_CHALLENGE,
)
from tickets.adapters.http.api.admin_tickets import AdminTicketsController
from tickets.adapters.http.api.parameters import TYPE_DECODERS, refuse_repeated_parameters
from tickets.adapters.http.api.triage_routes import TriageController
from tickets.adapters.http.api.unsubscribe import UnsubscribeController
from tickets.adapters.http.api.user_tickets import UserTicketsController
from tickets.adapters.http.dashboards.files import Site
from tickets.adapters.http.dashboards.routes import cors_config, dashboards_router
from tickets.adapters.http.desk.admins import AdminsController
from tickets.adapters.http.desk.customers import CustomersController
from tickets.adapters.http.desk.notes import NotesController
from tickets.adapters.http.desk.queues import QueuesController
from tickets.adapters.http.desk.reports import ReportsController
from tickets.adapters.http.desk.saved_replies import SavedRepliesController
from tickets.adapters.http.desk.search import SearchController
from tickets.adapters.http.edge.error_handlers import EXCEPTION_HANDLERS, MAX_BODY_BYTES
from tickets.adapters.http.litestar_fast.fast_response import FastResponse
from tickets.adapters.http.litestar_fast.instrumented_app import InstrumentedLitestar
from tickets.adapters.http.openapi.config import openapi_config
from tickets.adapters.http.openapi.descriptions import DescribedSchemas
from tickets.adapters.http.ops.health import HealthController
from tickets.adapters.http.ops.metrics_endpoint import metrics_router
from tickets.application.notes import NoteService
from tickets.application.reporting import Reporting
from tickets.application.saved_replies import SavedReplyService
from tickets.application.tickets import TicketService
from tickets.domain.ports import (
    Admins,
    Clock,
    Mailbook,
    Queues,
    StoreHealth,
    TicketSearch,
    TicketViews,
)
from tickets.observability.metrics import Metrics

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[Any]]


def create_app(
    *,
    ticket_service: TicketService,
    note_service: NoteService,
    saved_reply_service: SavedReplyService,
    ticket_views: TicketViews,
    queues: Queues,
    ticket_search: TicketSearch,
    reporting: Reporting,
    user_authentication: BeforeRequestHookHandler,
    admin_authentication: BeforeRequestHookHandler,
    admins: Admins,
    store_health: StoreHealth,
    mailbook: Mailbook,
    clock: Clock,
    metrics: Metrics | None,
    metrics_token: str | None = None,
    access_log: bool = False,
    customer_url: str | None = None,
    database: object = None,
    uses_cookies: bool = False,
    frame_ancestors: Sequence[str] = (),
    cors_origins: Sequence[str] = (),
    lifespan: Sequence[Lifespan] = (),
    middleware: Sequence[Middleware] = (),
) -> Litestar:
    """Return the application.

    The two hooks admit the callers of each side, or raise `NotAuthenticated`.
    `metrics` None means no `/metrics`; with a `metrics_token` only its holders get them. Pages of
    `frame_ancestors` may frame the dashboards, pages of `cors_origins` may call the API.
    `customer_url` is the address of a user's page on the platform, with `{id}` in it.
    With `uses_cookies` the pages send the host's cookie. `database` is kept in the state.
    `lifespan` has the context managers that are open while the application runs.
    """
    routers: list[ControllerRouterHandler] = [
        Router(
            "/",
            route_handlers=[UserTicketsController],
            before_request=refuse_repeated_parameters(user_authentication),
            response_class=FastResponse,
            opt={"challenge": USER_CHALLENGE},
        ),
        Router(
            "/",
            route_handlers=[
                AdminTicketsController,
                TriageController,
                QueuesController,
                AdminsController,
                NotesController,
                SavedRepliesController,
                SearchController,
                CustomersController,
                ReportsController,
            ],
            before_request=refuse_repeated_parameters(admin_authentication),
            response_class=FastResponse,
            opt={"challenge": ADMIN_CHALLENGE},
        ),
        HealthController,
        UnsubscribeController,
        dashboards_router(Site(uses_cookies=uses_cookies), frame_ancestors=frame_ancestors),
    ]
    if metrics is not None:
        routers.append(metrics_router(metrics, metrics_token))
    return InstrumentedLitestar(
        routers,
        state=State(
            {
                "ticket_service": ticket_service,
                "database": database,
                "note_service": note_service,
                "saved_reply_service": saved_reply_service,
                "ticket_views": ticket_views,
                "queues": queues,
                "admins": admins,
                "ticket_search": ticket_search,
                "customer_url": customer_url,
                "reporting": reporting,
                "store_health": store_health,
                "mailbook": mailbook,
                "clock": clock,
            },
            deep_copy=False,
        ),
        type_decoders=TYPE_DECODERS,
        exception_handlers=EXCEPTION_HANDLERS,
        cors_config=cors_config(cors_origins),
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=openapi_config(),
        plugins=[DescribedSchemas()],
        lifespan=lifespan,
        logging_config=None,
        middleware=middleware,
        metrics=metrics,
        access_log=access_log,
    )
