"""The error tree of the domain. A class's docstring is its message; `code` is stable.

A message is a sentence that a person can be shown. Adapters raise these errors and no others of
their own. The table in `adapters/http/edge/error_handlers.py` gives each its HTTP status.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tickets.domain.people import NamedAdmin
from tickets.domain.rate_limits import Allowance, Hit


class TicketsError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"

    def __str__(self) -> str:
        """Return the sentence that a person can be shown."""
        return " ".join((type(self).__doc__ or type(self).__name__).split())


@dataclass(frozen=True, slots=True)
class FieldError:
    """An error in one field: its name in the request, and a sentence for a person."""

    field: str
    message: str


class InvalidInput(TicketsError):
    """Some fields are not valid."""

    code = "invalid-input"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        """Take the errors of all fields, in the order of the form."""
        super().__init__(errors)
        self.errors = tuple(errors)

    def __str__(self) -> str:
        """Return the sentences about the fields, for clients that show nothing else."""
        return " ".join(error.message for error in self.errors) or super().__str__()


class TicketClosed(TicketsError):
    """This ticket is closed and takes no more replies. Please open a new one."""

    code = "ticket-closed"


class ThreadFull(TicketsError):
    """This ticket has as many messages as a ticket can hold. Please open a new one."""

    code = "thread-full"


class WriteRefused(TicketsError):
    """The platform does not allow this change, so it was not saved."""

    code = "write-refused"


class NotesFull(TicketsError):
    """This ticket has as many notes as a ticket can have."""

    code = "notes-full"


class SavedRepliesFull(TicketsError):
    """There are as many saved replies as there can be. Please delete one first."""

    code = "saved-replies-full"


class SavedReplyNotFound(TicketsError):
    """There is no such saved reply."""

    code = "saved-reply-not-found"


class TicketNotFound(TicketsError):
    """There is no such ticket."""

    code = "ticket-not-found"


class QueueNotFound(TicketsError):
    """There is no queue with this name."""

    code = "queue-not-found"


class ThreadGrown(TicketsError):
    """A new message has arrived since you last looked. Please read it, then send again."""

    code = "thread-grown"

    def __init__(self, message_count: int, unseen: bytes = b"[]") -> None:
        """Take the current number of messages, and those that the writer has not seen, as JSON."""
        super().__init__(message_count, unseen)
        self.message_count = message_count
        self.unseen = unseen


class ValueChanged(TicketsError):
    """Somebody has changed this since you last looked. Please look at it again."""

    code = "value-changed"

    def __init__(self, present: str | NamedAdmin | None) -> None:
        """Take the present value: a status, a priority, or an assignee, None where nobody is."""
        super().__init__(present)
        self.present = present


class UserNotFound(TicketsError):
    """There is no such user."""

    code = "user-not-found"


class IdempotencyKeyReused(TicketsError):
    """This Idempotency-Key was used for another request. Please use a new one."""

    code = "key-reused"


class ResponseErased(TicketsError):
    """This request took effect before, and its response has been erased since."""

    code = "response-erased"


class SearchTooSlow(TicketsError):
    """This search took too long. Please use longer words."""

    code = "search-too-slow"


class RequestInProgress(TicketsError):
    """The same request is still in progress. Please try again in a moment."""

    code = "still-running"


class NotAllowed(TicketsError):
    """Only the other side of the ticket may do this."""

    code = "not-allowed"


class NotAuthenticated(TicketsError):
    """Please sign in: the credentials are missing, unknown or expired."""

    code = "not-authenticated"


class CrossOrigin(TicketsError):
    """This request did not come from a page of this site."""

    code = "cross-origin"


class StaleTicket(TicketsError):
    """Too many people changed this ticket at the same time. Please try again."""

    code = "stale-ticket"


class StoreUnavailable(TicketsError):
    """The service cannot reach its database right now. Please try again shortly."""

    code = "store-unavailable"


class SignInUnavailable(StoreUnavailable):
    """The service cannot check who you are right now. Please try again shortly."""

    code = "sign-in-unavailable"


class StoreReadOnly(StoreUnavailable):
    """The service can show tickets right now, but not save anything. Please try again shortly."""

    code = "store-read-only"


@dataclass(frozen=True, slots=True)
class HealthProblem:
    """Something that the service lacks: a short name, and a sentence without secrets."""

    name: str
    detail: str


class NotReady(StoreUnavailable):
    """The service cannot do its work right now."""

    code = "not-ready"

    def __init__(self, problems: Sequence[HealthProblem] = ()) -> None:
        """Take everything that is missing."""
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        """Return the sentences about what is missing."""
        return " ".join(problem.detail for problem in self.problems) or super().__str__()


class StoreExhausted(StoreUnavailable):
    """The service has run out of a resource, so it cannot do this now. Please try again later."""

    code = "store-exhausted"


class Overloaded(StoreUnavailable):
    """The service is busy right now. Please try again shortly."""

    code = "overloaded"


class TooManyRequests(TicketsError):
    """You're doing that too often. Please wait a moment and try again."""

    code = "too-many-requests"

    def __init__(self, hit: Hit, allowance: Allowance) -> None:
        """Take the hit that was refused, and how long to wait for the next one."""
        super().__init__(hit, allowance)
        self.hit = hit
        self.allowance = allowance
