"""The ceiling: bare Litestar handlers with one SQL statement per request.

No layers, no ports, no dependency injection, no OpenAPI, no helpful errors. It measures
the minimal cost of this stack: uvicorn, Litestar, asyncpg, msgspec and PostgreSQL.
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import msgspec
from litestar import Litestar, Request, Response, get, post
from litestar.exceptions import NotAuthorizedException, NotFoundException

from tickets.adapters.postgres.sql_loader import parse_queries

SQL = {
    name: query.sql
    for name, query in parse_queries(
        (Path(__file__).parents[1] / "sql" / "ceiling.sql").read_text(encoding="utf-8"), {}
    ).items()
}
LATEST = datetime.max.replace(tzinfo=UTC)
LARGEST_ID = 2**31 - 1
PAGE_MESSAGES = 200
STATUSES = ["open", "in_progress", "resolved", "closed"]
CATEGORIES = ["support", "billing", "feature_suggestion", "other"]
ADMIN_TOKEN = os.environ["TICKETS_ADMIN_TOKEN"].encode()
JSON_COLUMNS = {"messages", "events", "notes"}
JSON = "application/json"
ROOT = "/api/v1/tickets"

AnyRequest = Request[Any, Any, Any]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=5000)]

encode = msgspec.json.Encoder().encode
pool: asyncpg.Pool[asyncpg.Record]


class NewTicket(msgspec.Struct):
    category: str
    subject: str
    message: Text
    other_category: str | None = None


class NewReply(msgspec.Struct):
    message: Text


class UserRow(msgspec.Struct, gc=False):
    id: int
    category: str
    other_category: str | None
    subject: str
    status: str
    priority: str
    user_unread: bool
    message_count: int
    last_message: str
    created_at: datetime
    updated_at: datetime
    last_sender: str


class AdminRow(msgspec.Struct, gc=False):
    id: int
    category: str
    other_category: str | None
    subject: str
    status: str
    priority: str
    admin_unread: bool
    message_count: int
    last_message: str
    created_at: datetime
    updated_at: datetime
    user_email: str
    last_sender: str
    waiting_since: datetime | None
    user_id: int
    assignee: msgspec.Raw | None


read_ticket = msgspec.json.Decoder(NewTicket).decode
read_reply = msgspec.json.Decoder(NewReply).decode


def token(request: AnyRequest) -> bytes:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthorizedException
    return sha256(value.encode()).digest()


def admin(request: AnyRequest) -> None:
    if not hmac.compare_digest(request.headers.get("x-admin-token", "").encode(), ADMIN_TOKEN):
        raise NotAuthorizedException


def position(request: AnyRequest, top: list[Any]) -> list[Any]:
    cursor = request.query_params.get("cursor")
    if not cursor:
        return top
    *flag, moment, number = msgspec.json.decode(urlsafe_b64decode(cursor))
    return [*flag, datetime.fromisoformat(moment), number]


def page(rows: Sequence[Any], limit: int, *flag: str) -> bytes:
    cursor = None
    if len(rows) > limit:
        rows = rows[:limit]
        place = [getattr(rows[-1], name) for name in (*flag, "updated_at", "id")]
        cursor = urlsafe_b64encode(encode(place)).decode()
    return encode({"tickets": rows, "next_cursor": cursor})


@get(f"{ROOT}/unread", media_type=JSON)
async def user_unread(request: AnyRequest) -> bytes:
    count = await pool.fetchval(SQL["user_unread"], token(request))
    if count is None:
        raise NotAuthorizedException
    return encode({"unread": count})


@get(f"{ROOT}/", media_type=JSON)
async def user_list(request: AnyRequest) -> bytes:
    status = request.query_params.get("status")
    limit = int(request.query_params.get("limit", 50))
    after = position(request, [LATEST, LARGEST_ID])
    rows = await pool.fetch(
        SQL["user_list"], token(request), [status] if status else STATUSES, *after, limit + 1
    )
    if not rows:
        raise NotAuthorizedException
    return page([UserRow(*row) for row in rows if row["id"] is not None], limit)


@get(f"{ROOT}/{{number:int}}", media_type=JSON)
async def user_ticket(request: AnyRequest) -> bytes:
    row = await pool.fetchrow(SQL["user_ticket"], token(request), request.path_params["number"])
    if row is None:
        raise NotAuthorizedException
    if row["id"] is None:
        raise NotFoundException
    shown = dict(row)
    shown["user_unread"] = False
    return _detail(shown)


def _detail(shown: dict[str, Any]) -> bytes:
    shown["messages_before"] = "more" if shown["message_count"] > PAGE_MESSAGES else None
    shown["events_before"] = None
    for name in JSON_COLUMNS & shown.keys():
        shown[name] = msgspec.Raw(b"[]" if shown[name] is None else shown[name].encode())
    if shown.get("assignee") is not None:
        shown["assignee"] = msgspec.Raw(shown["assignee"].encode())
    return encode({"ticket": shown})


@post(f"{ROOT}/", media_type=JSON)
async def create(request: AnyRequest) -> Response[bytes]:
    form = read_ticket(await request.body())
    now = datetime.now(UTC)  # noqa: TID251 - the ceiling has no Clock
    category, other, subject = form.category, form.other_category, form.subject.strip()
    row = await pool.fetchrow(
        SQL["create"], token(request), category, other, subject, form.message.strip(), now
    )
    if row is None:
        raise NotAuthorizedException
    ticket = {
        "id": row["id"],
        "user_id": row["user_id"],
        "category": category,
        "other_category": other,
        "subject": subject,
        "status": "open",
        "priority": "normal",
        "user_unread": False,
        "admin_unread": True,
        "message_count": 1,
        "created_at": now,
        "updated_at": now,
        "follows": None,
    }
    return Response(
        encode({"ticket": ticket, "success": True}),
        headers={"Location": f"{ROOT}/{row['id']}"},
    )


@post(f"{ROOT}/{{number:int}}/reply", media_type=JSON)
async def user_reply(request: AnyRequest) -> bytes:
    number = request.path_params["number"]
    text = read_reply(await request.body()).message.strip()
    now = datetime.now(UTC)  # noqa: TID251
    row = await pool.fetchrow(SQL["user_reply"], token(request), number, text, now)
    if row is None:
        raise NotAuthorizedException
    if row["id"] is None:
        raise NotFoundException
    message = {
        "id": row["id"],
        "ticket_id": number,
        "sender_type": "user",
        "sender_id": row["user_id"],
        "message": text,
        "created_at": row["created_at"],
        "ordinal": row["ordinal"],
        "sender_name": None,
    }
    return encode({"message": message, "success": True})


@get(f"{ROOT}/admin/unread", media_type=JSON)
async def admin_unread(request: AnyRequest) -> bytes:
    admin(request)
    return encode({"unread": await pool.fetchval(SQL["admin_unread"])})


@get(f"{ROOT}/admin/all", media_type=JSON)
async def admin_list(request: AnyRequest) -> bytes:
    admin(request)
    status = request.query_params.get("status")
    category = request.query_params.get("category")
    limit = int(request.query_params.get("limit", 50))
    after = position(request, [True, LATEST, LARGEST_ID])
    if status or category:
        rows = await pool.fetch(
            SQL["admin_list_filtered"],
            [status] if status else STATUSES,
            [category] if category else CATEGORIES,
            *after,
            limit + 1,
        )
    else:
        rows = await pool.fetch(SQL["admin_list"], *after, limit + 1)
    return page([admin_row(row) for row in rows], limit, "admin_unread")


def admin_row(row: asyncpg.Record) -> AdminRow:
    *fields, assignee = row
    fields.append(None if assignee is None else msgspec.Raw(assignee.encode()))
    return AdminRow(*fields)


@get(f"{ROOT}/admin/queue/{{name:str}}", media_type=JSON)
async def queue(request: AnyRequest) -> bytes:
    """Return the first page of a queue."""
    admin(request)
    limit = int(request.query_params.get("limit", 50))
    rows = await pool.fetch(SQL[f"queue_{request.path_params['name']}"], limit + 1)
    return page([admin_row(row) for row in rows], limit)


@get(f"{ROOT}/admin/stats", media_type=JSON)
async def admin_stats(request: AnyRequest) -> bytes:
    admin(request)
    by_status = dict.fromkeys(STATUSES, 0)
    by_category = dict.fromkeys(CATEGORIES, 0)
    unread = 0
    for status, category, total, waiting in await pool.fetch(SQL["admin_stats"]):
        by_status[status] += total
        by_category[category] += total
        unread += waiting
    return encode(
        {
            "total_count": sum(by_status.values()),
            **{f"{status}_count": count for status, count in by_status.items()},
            "unread_count": unread,
            "categories": by_category,
        }
    )


@get(f"{ROOT}/admin/{{number:int}}", media_type=JSON)
async def admin_ticket(request: AnyRequest) -> bytes:
    admin(request)
    row = await pool.fetchrow(SQL["admin_ticket"], request.path_params["number"])
    if row is None:
        raise NotFoundException
    shown = dict(row)
    shown["admin_unread"] = False
    shown["notes_before"] = None
    return _detail(shown)


async def _no_reset(_connection: object) -> None:
    """Do not reset the session: nothing here changes one."""


@asynccontextmanager
async def _database(_app: Litestar) -> AsyncIterator[None]:
    global pool
    url = os.environ["TICKETS_DATABASE_URL"]
    session = {"timezone": "UTC", "plan_cache_mode": "force_generic_plan"}
    async with asyncpg.create_pool(
        url, min_size=0, max_size=10, reset=_no_reset, server_settings=session
    ) as pool:
        yield


app = Litestar(
    [
        user_unread,
        user_list,
        user_ticket,
        create,
        user_reply,
        admin_unread,
        admin_list,
        admin_stats,
        admin_ticket,
        queue,
    ],
    lifespan=[_database],
    openapi_config=None,
    logging_config=None,
)
