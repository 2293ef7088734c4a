"""The measured operations, as requests that are built in advance."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import asyncpg

from benchmarks.data import SQL
from benchmarks.load import WireRequest

ROOT = "/api/v1/tickets"
ADMIN_TOKEN = "the-admins-of-the-benchmark"  # noqa: S105 - of a throwaway service

SPREAD = 3000
"""Maximum number of different users, and of tickets, in an operation."""

FIRST_VIEWS = 1500
"""Tickets that are unread before each measurement of first views: more than it can request."""

NEW_TICKET = {
    "category": "billing",
    "subject": "Charged twice in January",
    "message": "My card was charged twice for invoice 4711,"
    " on the third and again on the fifth of January.",
}
NEW_REPLY = {
    "message": "It has just happened once more, with the invoice of February. What should I do?"
}


MIX_HUNDREDS = 60
MIX_REPLIES = 2 * MIX_HUNDREDS


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of request: the requests that are sent in turn, and whether they write."""

    name: str
    requests: Sequence[WireRequest]
    writes: bool = False
    polled: bool = False
    """Whether open pages poll it; if so, it is measured with warm caches."""
    shown: Sequence[WireRequest] = field(default=())
    """Requests before each measurement: a page shows a ticket before its user replies to it."""
    unread: Sequence[int] = field(default=())
    """Tickets that are set to unread before each measurement. Each is requested once."""
    marks: Sequence[WireRequest] = field(default=())
    """Requests that mark those tickets as unread, for systems with such a route."""

    def stream(self) -> Iterator[WireRequest]:
        """Yield the requests in a cycle, or once if each makes sense only once."""
        return iter(self.requests) if self.unread else itertools.cycle(self.requests)


def _user(user_id: int) -> str:
    return f"Authorization: Bearer bench-{user_id}"


_ADMIN = f"X-Admin-Token: {ADMIN_TOKEN}"


def _get(path: str, who: str) -> WireRequest:
    head = (
        f"GET {ROOT}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n{who}\r\n\r\n"
    )
    return WireRequest(head.encode(), 200)


def _post(path: str, who: str, form: object, status: int = 201) -> WireRequest:
    body = json.dumps(form).encode()
    head = (
        f"POST {ROOT}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n{who}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return WireRequest(head.encode() + body, status)


def badge_of(user_id: int) -> WireRequest:
    """Return the request for a user's unread count."""
    return _get("/unread", _user(user_id))


def thread_of(ticket_id: int, user_id: int) -> WireRequest:
    """Return the request for the newest page of a thread."""
    return _get(f"/{ticket_id}", _user(user_id))


async def operations(url: str) -> list[Operation]:
    """Return the operations on this database; the writing ones are last."""
    connection = await asyncpg.connect(url)
    users = [row["id"] for row in await connection.fetch(SQL["users"], SPREAD)]
    regular = [
        row["user_id"] for row in await connection.fetch(SQL["users_with_a_full_page"], SPREAD)
    ]
    read = await connection.fetch(SQL["read_tickets"], SPREAD)
    writable = await connection.fetch(SQL["writable_tickets"], SPREAD)
    await connection.close()

    unread_counts = [_get("/unread", _user(user)) for user in users]
    lists = [_get("", _user(user)) for user in regular]
    details = [_get(f"/{ticket}", _user(user)) for ticket, user in read]
    creates = [_post("", _user(user), NEW_TICKET) for user in users]
    replies = [_post(f"/{ticket}/reply", _user(user), NEW_REPLY) for ticket, user in writable]
    reply_targets = [_get(f"/{ticket}", _user(user)) for ticket, user in writable]
    unread = read[:FIRST_VIEWS]
    admin_details = [_get(f"/admin/{ticket}", _ADMIN) for ticket, _ in read]
    admin_lists = {
        "admin list": _get("/admin/all", _ADMIN),
        "admin list, by status": _get("/admin/all?status=open", _ADMIN),
        "admin list, by category": _get("/admin/all?category=billing", _ADMIN),
        "admin list, by both": _get("/admin/all?status=open&category=billing", _ADMIN),
    }
    admin_unread_count, stats = _get("/admin/unread", _ADMIN), _get("/admin/stats", _ADMIN)
    return [
        Operation("user unread count", unread_counts, polled=True),
        Operation("user list", lists),
        Operation("ticket detail", details),
        *(Operation(name, [request]) for name, request in admin_lists.items()),
        Operation("admin unread count", [admin_unread_count]),
        Operation("admin stats", [stats]),
        Operation("admin detail", admin_details),
        Operation("queue, waiting", [_get("/admin/queue/waiting", _ADMIN)]),
        Operation("queue, open", [_get("/admin/queue/open", _ADMIN)]),
        Operation(
            "first view",
            [_get(f"/{ticket}", _user(user)) for ticket, user in unread],
            writes=True,
            unread=[ticket for ticket, _ in unread],
            marks=[_post(f"/{ticket}/unread", _user(user), {}, 200) for ticket, user in unread],
        ),
        Operation("reply", replies, writes=True, shown=reply_targets),
        Operation("create", creates, writes=True),
        Operation(
            "mix",
            _mix(
                unread_counts=unread_counts,
                lists=lists,
                details=details,
                replies=replies,
                creates=creates,
                admin=[*admin_lists.values(), admin_unread_count, stats, *admin_details[:6]],
            ),
            writes=True,
            polled=True,
            shown=reply_targets[:MIX_REPLIES],
        ),
    ]


def _mix(
    *,
    unread_counts: Sequence[WireRequest],
    lists: Sequence[WireRequest],
    details: Sequence[WireRequest],
    replies: Sequence[WireRequest],
    creates: Sequence[WireRequest],
    admin: Sequence[WireRequest],
) -> list[WireRequest]:
    """Mix 100 requests: 80 unread counts, 8 lists, 8 details, 2 replies, 1 create, 1 admin."""
    kinds = [
        (80, itertools.cycle(unread_counts)),
        (8, itertools.cycle(lists)),
        (8, itertools.cycle(details)),
        (2, itertools.cycle(replies)),
        (1, itertools.cycle(creates)),
        (1, itertools.cycle(admin)),
    ]
    # each kind is spread evenly over the hundred places
    places = sorted(
        ((number + 0.5) / share, kind)
        for kind, (share, _) in enumerate(kinds)
        for number in range(share)
    )
    hundred = [kind for _, kind in places]
    return [next(kinds[kind][1]) for _ in range(MIX_HUNDREDS) for kind in hundred]
