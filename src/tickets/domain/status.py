"""Statuses, categories and priorities: the choices that a ticket has (sections 3 and 4)."""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    """What a ticket is about (section 3)."""

    SUPPORT = "support"
    BILLING = "billing"
    FEATURE_SUGGESTION = "feature_suggestion"
    OTHER = "other"


class Status(StrEnum):
    """Where a ticket is in its lifecycle (section 4)."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Priority(StrEnum):
    """How urgent admins find a ticket (DESK). A taken-over table may hold others, which stay."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"
