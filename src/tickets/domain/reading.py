"""Reading a ticket: unread flags and marks, as decisions of the Ticket aggregate (section 7)."""

from __future__ import annotations

from dataclasses import dataclass

from tickets.domain.people import Actor, Side
from tickets.domain.text_rules import Validation
from tickets.domain.ticket_state import TicketState


@dataclass(slots=True)
class Reading(TicketState):
    """The part of a ticket that decides what its readers have seen."""

    def read(self, *, by: Actor, shown_after: int) -> bool:
        """Clear the reader's own unread flag; return whether it was set (section 7, 2 and 4).

        The reader was shown every message with an ordinal above `shown_after`. Where that does not
        reach back to the mark, something unread may be missing: flag and mark stay.

        Where it returns True, the ticket must be saved with the version that the reader was shown;
        otherwise a message that arrived in between would be marked read unseen. `updated_at` does
        not move. Raises `TicketNotFound` for another user's ticket.
        """
        self.check_access(by)
        return shown_after <= self.mark_of(by.side) and self._mark_read(by.side)

    def acknowledge(self, seen: int, *, by: Actor) -> bool:
        """Clear the reader's unread flag if all messages were seen; return whether it changed.

        `seen` is the number of messages that were shown. Where there are more, flag and mark stay.
        A count does not notice one that SQL deletes while another arrives (decision 15).
        Raises `InvalidInput` where `seen` is more than there are, `TicketNotFound` for another
        user's ticket.
        """
        self.check_access(by)
        validation = Validation()
        self._check_seen(validation, seen)
        validation.finish()
        return seen == self.message_count and self._mark_read(by.side)

    def mark_unread(self, *, by: Actor) -> bool:
        """Set the reader's own flag, not the mark; return whether it changed. Raises as `read`."""
        self.check_access(by)
        return self._set_unread(by.side, unread=True)

    def _check_seen(self, validation: Validation, seen: int | None) -> None:
        if seen is not None and not 0 <= seen <= self.message_count:
            validation.reject(
                "seen", f"Seen must be from 0 to {self.message_count}, the number of messages."
            )

    def _mark_read(self, side: Side) -> bool:
        """Clear the side's flag and move its mark to the end; do nothing if the flag is clear."""
        if not self._set_unread(side, unread=False):
            return False
        self._set_mark(side, self.last_ordinal)
        return True
