"""The write context: what the statement of a change stores beside the change itself."""

from __future__ import annotations

from dataclasses import dataclass

from tickets.domain.idempotency import StoredResponse
from tickets.domain.rate_limits import Hit


@dataclass(frozen=True, slots=True)
class WriteContext:
    """The response of an idempotency key and the hit on a rate limit; each is None where absent.

    They are stored in the same statement as the change: all of it, or nothing.
    """

    stored_response: StoredResponse | None = None
    hit: Hit | None = None


NO_CONTEXT = WriteContext()
"""Stores the change alone."""
