"""The JSON fields of the contract's response bodies."""

from __future__ import annotations

TICKET = {
    "id",
    "user_id",
    "category",
    "other_category",
    "subject",
    "status",
    "priority",
    "user_unread",
    "admin_unread",
    "message_count",
    "created_at",
    "updated_at",
    "follows",
}
DETAIL = (
    TICKET
    | {"messages", "messages_before", "seen", "followed_by"}
    | {
        "events",
        "events_before",
        "closes_at",
    }
)
MESSAGE = {
    "id",
    "ticket_id",
    "sender_type",
    "sender_id",
    "message",
    "created_at",
    "ordinal",
    "sender_name",
}
LIST_ROW = {
    "id",
    "category",
    "other_category",
    "subject",
    "status",
    "priority",
    "message_count",
    "last_message",
    "created_at",
    "updated_at",
    "last_sender",
}
ADMIN_ROW = LIST_ROW | {"admin_unread", "user_email", "user_id", "waiting_since", "assignee"}
ADMIN_DETAIL = DETAIL | {"user_email", "waiting_since", "assignee", "notes", "notes_before"}
