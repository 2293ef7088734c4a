"""Bodies of the routes by which admins change a ticket."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar.openapi.spec import Example
from litestar.params import Body

from tickets.adapters.http.api.request_bodies import NewReply
from tickets.adapters.http.api.response_bodies import TicketBody, ticket_fields
from tickets.domain.people import NamedAdmin
from tickets.domain.text_limits import FIRST_MESSAGE, OTHER_CATEGORY, SUBJECT
from tickets.domain.ticket import Category, Priority, Status, Ticket


class NewStatus(msgspec.Struct, forbid_unknown_fields=True):
    """The status that a ticket is to have."""

    status: Annotated[
        str,
        Body(
            description="Any status may follow any other.",
            schema_extra={"enum": list(Status)},
            examples=[Example(value="resolved")],
        ),
    ]
    was: Annotated[
        str | None,
        Body(
            description="The status that the admin was shown; a 409 has the present one.",
            schema_extra={"enum": [*Status, None]},
            examples=[Example(value="open")],
        ),
    ] = None


class NewAssignee(msgspec.Struct, forbid_unknown_fields=True):
    """The admin who is to be responsible for a ticket."""

    assignee: Annotated[
        int | None,
        Body(
            description="The id of an active admin; null for nobody.", examples=[Example(value=2)]
        ),
    ]
    was: Annotated[
        int | msgspec.UnsetType | None,
        Body(
            description=(
                "The id of the assignee that the admin was shown, null for nobody; a 409 has the "
                "present one. Absent to compare nothing."
            ),
            examples=[Example(value=None)],
        ),
    ] = msgspec.UNSET


class NewPriority(msgspec.Struct, forbid_unknown_fields=True):
    """The priority that a ticket is to have."""

    priority: Annotated[
        str,
        Body(
            description="How urgent the ticket is. Its customer sees it.",
            schema_extra={"enum": list(Priority)},
            examples=[Example(value="high")],
        ),
    ]
    was: Annotated[
        str | None,
        Body(
            description=(
                "The priority that the admin was shown; a 409 has the present one. It may be a "
                "value that only another program sets."
            ),
            examples=[Example(value="normal")],
        ),
    ] = None


class NewAdminReply(NewReply, forbid_unknown_fields=True):
    """An admin's message to add to a thread, and what becomes of the ticket."""

    status: Annotated[
        str | None,
        Body(
            description="The status that the ticket is to have after the reply; null to leave it.",
            schema_extra={"enum": [*Status, None]},
            examples=[Example(value="resolved")],
        ),
    ] = None


class NewTicketOnBehalf(msgspec.Struct, forbid_unknown_fields=True):
    """A ticket for a customer, who is named by either `user_id` or `email`."""

    category: Annotated[
        str,
        Body(
            description="What the ticket is about.",
            schema_extra={"enum": list(Category)},
            examples=[Example(value="billing")],
        ),
    ]
    subject: Annotated[
        str,
        Body(
            description="The ticket in one line.",
            min_length=SUBJECT.min_length,
            max_length=SUBJECT.max_length,
            examples=[Example(value="Your invoice of January")],
        ),
    ]
    message: Annotated[
        str,
        Body(
            description="The admin's message, the first of the thread.",
            min_length=FIRST_MESSAGE.min_length,
            max_length=FIRST_MESSAGE.max_length,
            examples=[Example(value="We have to correct your invoice of January.")],
        ),
    ]
    user_id: Annotated[
        int | None, Body(description="The customer's id.", examples=[Example(value=7)])
    ] = None
    email: Annotated[
        str | None,
        Body(
            description="The customer's address, in any capitalisation.",
            examples=[Example(value=None)],
        ),
    ] = None
    other_category: Annotated[
        str | None,
        Body(
            description='An own label, only with the category "other"; else null, blank or absent.',
            max_length=OTHER_CATEGORY.max_length,
            examples=[Example(value=None)],
        ),
    ] = None


class TicketForAdmins(TicketBody):
    """A ticket without its thread, as admins see it."""

    waiting_since: datetime | None
    assignee: NamedAdmin | None


class CreatedOnBehalf(msgspec.Struct):
    """The ticket that was opened for a customer."""

    ticket: TicketForAdmins
    success: Literal[True] = True

    @classmethod
    def of(cls, ticket: Ticket) -> CreatedOnBehalf:
        """Return the body for a new ticket."""
        fields = (*ticket_fields(ticket), ticket.waiting_since, ticket.assignee)
        return cls(TicketForAdmins(*fields))


class AssigneeChanged(msgspec.Struct):
    """Who is responsible for the ticket now; null where nobody is."""

    assignee: NamedAdmin | None
    success: Literal[True] = True


class PriorityChanged(msgspec.Struct):
    """The priority that the ticket has now."""

    priority: Priority
    success: Literal[True] = True


class Handled(msgspec.Struct):
    """That nobody waits any more."""

    waiting_since: None = None
    success: Literal[True] = True
