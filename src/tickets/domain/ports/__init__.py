"""The ports: what the core needs from a database, a clock and the sign-in of its users.

Each port has one contract suite in `tests/contracts`, run over every adapter. Every asynchronous
method may raise `StoreUnavailable` where the store cannot be reached; a write that raises it may
or may not have happened.
"""

from __future__ import annotations

from tickets.domain.ports.deliveries import (
    Deliveries,
    Poster,
    Webhooks,
)
from tickets.domain.ports.desk import (
    Notes,
    SavedReplies,
)
from tickets.domain.ports.mail import (
    Mailbook,
    Mailer,
)
from tickets.domain.ports.operations import (
    Clock,
    PoolUsage,
    RateLimiter,
    StoreFigures,
    StoreHealth,
)
from tickets.domain.ports.people import (
    AdminLookup,
    Admins,
    CustomerLookup,
    People,
    TokenLookup,
    TokenVerifier,
)
from tickets.domain.ports.tickets import (
    IdempotencyStore,
    TicketCache,
    Tickets,
)
from tickets.domain.ports.views import (
    Queues,
    Reports,
    TicketSearch,
    TicketViews,
)

__all__ = [
    "AdminLookup",
    "Admins",
    "Clock",
    "CustomerLookup",
    "Deliveries",
    "IdempotencyStore",
    "Mailbook",
    "Mailer",
    "Notes",
    "People",
    "PoolUsage",
    "Poster",
    "Queues",
    "RateLimiter",
    "Reports",
    "SavedReplies",
    "StoreFigures",
    "StoreHealth",
    "TicketCache",
    "TicketSearch",
    "TicketViews",
    "Tickets",
    "TokenLookup",
    "TokenVerifier",
    "Webhooks",
]
