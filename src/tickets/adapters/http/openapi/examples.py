"""Examples of response bodies, by the name of their schema: one ticket from its opening on.

A test checks each against its schema, and that it leaves out no field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JSON = dict[str, Any]

_ADMIN: JSON = {"id": 2, "name": "Nadia Berg"}

_OPENED, _ANSWERED, _RESOLVED = (
    f"2026-11-27T{time}+00:00" for time in ("09:12:04.120000", "10:30:00.000000", "10:31:15.500000")
)

_TICKET: JSON = {
    "id": 7,
    "user_id": 7,
    "category": "billing",
    "other_category": None,
    "subject": "Charged twice in January",
    "status": "open",
    "priority": "normal",
    "user_unread": False,
    "admin_unread": True,
    "message_count": 1,
    "created_at": _OPENED,
    "updated_at": _OPENED,
    "follows": None,
}

_QUESTION: JSON = {
    "id": 40,
    "ticket_id": 7,
    "sender_type": "user",
    "sender_id": 7,
    "message": "My card was charged twice for invoice 4711.",
    "created_at": _OPENED,
    "ordinal": 1,
    "sender_name": None,
}

_ANSWER: JSON = {
    "id": 41,
    "ticket_id": 7,
    "sender_type": "admin",
    "sender_id": None,
    "message": "Hello, your refund is on its way.",
    "created_at": _ANSWERED,
    "ordinal": 2,
    "sender_name": "Nadia Berg",
}

_NOTE: JSON = {
    "id": 3,
    "admin": _ADMIN,
    "note": "Called them: it is about invoice 4711.",
    "created_at": _ANSWERED,
}

_RESOLVING: JSON = {
    "id": 12,
    "at": _RESOLVED,
    "kind": "status",
    "by": "admin",
    "name": "Nadia Berg",
    "from": "open",
    "to": "resolved",
}

_TAKING: JSON = _RESOLVING | {
    "id": 11,
    "at": _ANSWERED,
    "kind": "assignee",
    "from": None,
    "to": "Nadia Berg",
}

_THREAD: JSON = {
    "status": "resolved",
    "message_count": 2,
    "admin_unread": False,
    "updated_at": _RESOLVED,
    "followed_by": [],
    "seen": 1,
    "messages_before": None,
    "messages": [_QUESTION, _ANSWER],
    "events_before": None,
    "events": [_RESOLVING],
    "closes_at": "2026-12-04T10:31:15.500000+00:00",
}

_USER_ROW: JSON = {
    "id": 7,
    "category": "billing",
    "other_category": None,
    "subject": "Charged twice in January",
    "status": "open",
    "priority": "normal",
    "user_unread": False,
    "message_count": 1,
    "last_message": "My card was charged twice for invoice 4711.",
    "created_at": _OPENED,
    "updated_at": _OPENED,
    "last_sender": "user",
}

_ADMIN_ROW: JSON = {name: value for name, value in _USER_ROW.items() if name != "user_unread"} | {
    "admin_unread": True,
    "waiting_since": _OPENED,
    "assignee": None,
    "user_id": 7,
    "user_email": "mara@example.com",
}

_MATCH: JSON = {
    "field": "message",
    "text": "My card was charged twice for invoice 4711.",
    "hits": [[30, 37]],
}

_SAVED_REPLY: JSON = {
    "id": 7,
    "title": "Refund is on its way",
    "text": "Hello {{customer}}, your refund is on its way.",
    "updated_at": _OPENED,
}

_CURSOR = "eyJ1cGRhdGVkX2F0IjoiMjAyNi0xMS0yN1QwOToxMjowNC4xMjAwMDBaIiwiaWQiOjd9"

EXAMPLES: Mapping[str, JSON] = {
    "TicketCreated": {"ticket": _TICKET, "success": True},
    "CreatedOnBehalf": {
        "ticket": _TICKET
        | {
            "subject": "Your invoice of January",
            "user_unread": True,
            "admin_unread": False,
            "waiting_since": None,
            "assignee": _ADMIN,
        },
        "success": True,
    },
    "TicketOpened": {"ticket": _TICKET | _THREAD},
    "TicketOpenedByAdmin": {
        "ticket": _TICKET
        | _THREAD
        | {
            "events": [_TAKING, _RESOLVING],
            "user_email": "mara@example.com",
            "waiting_since": None,
            "assignee": _ADMIN,
            "notes": [_NOTE],
            "notes_before": None,
        }
    },
    "MessageCreated": {"message": _ANSWER, "success": True},
    "UserList": {"tickets": [_USER_ROW], "next_cursor": _CURSOR},
    "AdminList": {"tickets": [_ADMIN_ROW], "next_cursor": None},
    "UserFound": {
        "tickets": [_USER_ROW | {"match": _MATCH}],
        "next_cursor": None,
        "truncated": False,
    },
    "AdminFound": {
        "tickets": [_ADMIN_ROW | {"match": _MATCH}],
        "next_cursor": None,
        "truncated": False,
    },
    "Unread": {"unread": 3},
    "UnreadFlag": {"unread": False, "success": True},
    "StatusChanged": {"status": "resolved", "success": True},
    "AssigneeChanged": {"assignee": _ADMIN, "success": True},
    "PriorityChanged": {"priority": "high", "success": True},
    "Handled": {"waiting_since": None, "success": True},
    "NoteCreated": {"note": _NOTE, "success": True},
    "SavedReplyList": {"saved_replies": [_SAVED_REPLY]},
    "SavedReplyStored": {"saved_reply": _SAVED_REPLY, "success": True},
    "Me": _ADMIN | {"email": "nadia@example.com"},
    "Team": {"admins": [_ADMIN | {"email": "nadia@example.com", "active": True, "open": 12}]},
    "QueueCounts": {
        "waiting": 4,
        "mine": 12,
        "unassigned": 9,
        "open": 31,
        "resolved": 18,
        "closed": 1204,
        "unread": 5,
        "waiting_longest_since": _OPENED,
    },
    "Stats": {
        "total_count": 1253,
        "open_count": 25,
        "in_progress_count": 6,
        "resolved_count": 18,
        "closed_count": 1204,
        "unread_count": 5,
        "categories": {"support": 800, "billing": 301, "feature_suggestion": 132, "other": 20},
    },
    "CustomerFound": {
        "user": {"id": 7, "email": "mara@example.com", "created_at": None},
        "counts": {"open": 1, "in_progress": 0, "resolved": 1, "closed": 3},
        "profile_url": "https://app.example.com/users/7",
    },
    "ReportBody": {
        "from": "2026-11-27",
        "to": "2026-11-27",
        "days": [
            {
                "date": "2026-11-27",
                "opened": 8,
                "resolved": 6,
                "closed": 5,
                "waiting": 4,
                "finished": True,
            }
        ],
        "first_reply": {"tickets": 7, "median_seconds": 1860, "p90_seconds": 14400},
        "resolution": {"tickets": 6, "median_seconds": 7200, "p90_seconds": 86400},
        "categories": [
            {
                "category": "billing",
                "opened": 3,
                "first_replies": 2,
                "first_reply_median_seconds": 4676,
            }
        ],
    },
    "Health": {"status": "ok"},
}
"""Bodies of successful responses."""

UNSEEN: JSON = {"message_count": 2, "messages": [_ANSWER]}
"""What a conflict adds: what the writer has not seen yet."""
