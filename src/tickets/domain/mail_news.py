"""What is news to whom: the decisions of e-mail at the moment at which a mail is sent."""

from __future__ import annotations

MAX_CLAIMED_MAILS = 100
"""Tickets that one claim of a recipient's mail holds at most."""
