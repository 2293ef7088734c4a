"""Everything that can go wrong, as one small tree: the docstring is the message, `code` is stable.

A message is a sentence that a person can be shown. Adapters raise these errors and no others of
their own; `tickets.adapters.http.edge.error_handlers` holds the one table that gives each its HTTP status.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tickets.domain.message import Message
from tickets.domain.rate_limits import Allowance, Hit


class TicketsError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"

    def __str__(self) -> str:
        """Return the sentence that a person can be shown."""
        return " ".join((type(self).__doc__ or type(self).__name__).split())


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its name on the wire, and a sentence about it."""

    field: str
    message: str


class InvalidInput(TicketsError):
    """Some of what was sent is not valid."""

    code = "invalid-input"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        """Take every field that is wrong, all at once, in the order of the form."""
        super().__init__(errors)
        self.errors = tuple(errors)

    def __str__(self) -> str:
        """Return the sentences about the fields: a person may be shown this and nothing else."""
        return " ".join(error.message for error in self.errors) or super().__str__()


class TicketClosed(TicketsError):
    """This ticket is closed and takes no further replies. Please open a new one."""

    code = "ticket-closed"


class TicketNotFound(TicketsError):
    """There is no such ticket."""

    code = "ticket-not-found"


class ThreadGrown(TicketsError):
    """Something new has come in since you last looked. Please read it, then send again."""

    code = "thread-grown"

    def __init__(self, message_count: int, unseen: Sequence[Message] = ()) -> None:
        """Take how many messages there are now, and those that the writer has not been shown."""
        super().__init__(message_count, unseen)
        self.message_count = message_count
        self.unseen = tuple(unseen)


class IdempotencyKeyReused(TicketsError):
    """This Idempotency-Key was used for another request before. Please use a new one."""

    code = "key-reused"


class RequestInProgress(TicketsError):
    """The same request is still being worked on. Please try again in a moment."""

    code = "still-running"


class NotAllowed(TicketsError):
    """Only the other side of the conversation may do this."""

    code = "not-allowed"


class NotAuthenticated(TicketsError):
    """Please sign in: the credentials are missing, unknown or expired."""

    code = "not-authenticated"


class StaleTicket(TicketsError):
    """Too many others changed this ticket at the same moment. Please try again."""

    code = "stale-ticket"


class StoreUnavailable(TicketsError):
    """The service cannot reach its database right now. Please try again shortly."""

    code = "store-unavailable"


class Overloaded(StoreUnavailable):
    """Too many others are asking at this moment. Please try again shortly."""

    code = "overloaded"


class TooManyRequests(TicketsError):
    """That was more than is possible in so short a time. Please wait a little and try again."""

    code = "too-many-requests"

    def __init__(self, hit: Hit, allowance: Allowance) -> None:
        """Take what there were too many of, and how long to wait for the next."""
        super().__init__(hit, allowance)
        self.hit = hit
        self.allowance = allowance
