"""A customer as admins see one beside a ticket: address, tickets, link to the platform."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get
from litestar.openapi.spec import OpenAPIType
from litestar.params import PathParameter

from tickets.adapters.http.access.authentication import ADMIN_SCHEME
from tickets.adapters.http.api.parameters import TicketNumber, ticket_views
from tickets.adapters.http.api.problem_responses import CUSTOMER_PROBLEMS
from tickets.domain.people import Actor
from tickets.domain.read_models import Customer
from tickets.domain.ticket import Status

UserId = Annotated[
    TicketNumber,
    PathParameter(
        description="The user's id.",
        schema_extra={"type": OpenAPIType.INTEGER, "minimum": 1, "examples": [7]},
    ),
]


class CustomerBody(msgspec.Struct):
    """A user of the platform; `created_at` is null where the platform does not record it."""

    id: int
    email: str
    created_at: datetime | None


class CustomerFound(msgspec.Struct):
    """A customer with the number of tickets by status.

    `profile_url` is the customer's page on the platform, null without `TICKETS_CUSTOMER_URL`.
    """

    user: CustomerBody
    counts: dict[Status, int]
    profile_url: str | None

    @classmethod
    def of(cls, customer: Customer, url: str | None) -> CustomerFound:
        """Return the body for a customer; `url` is the setting."""
        user = CustomerBody(customer.id, customer.email, customer.created_at)
        return cls(user, customer.counts, url and url.replace("{id}", str(customer.id)))


class CustomersController(Controller):
    """Routes about one customer."""

    path = "/api/v1/tickets/admin/users"
    tags = ["admin"]  # noqa: RUF012 - as the framework declares it
    security = [{ADMIN_SCHEME: []}]  # noqa: RUF012

    @get("/{user_id:str}", operation_id="getCustomer", responses=CUSTOMER_PROBLEMS)
    async def read_customer(
        self, request: Request[Actor, Any, Any], user_id: UserId
    ) -> CustomerFound:
        """Return a user with the number of their tickets by status."""
        customer = await ticket_views(request).customer(user_id)
        return CustomerFound.of(customer, request.app.state.customer_url)
