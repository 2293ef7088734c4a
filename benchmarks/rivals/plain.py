"""The plain rival: FastAPI, SQLAlchemy 2 on asyncpg and pydantic, as a good engineer writes it.

The same routes over the same tables. It is no straw man: keyset cursors, the counters in the
tickets' rows, row locks, a pool as large as the service's, one session per request.
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Response
from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import joinedload, selectinload

from benchmarks.rivals.plain_models import (
    AdminPage,
    AdminRowOut,
    AdminShown,
    AdminThreadOut,
    Category,
    Created,
    Event,
    Message,
    MessageOut,
    NewReply,
    NewTicket,
    Replied,
    Shown,
    Stats,
    Status,
    ThreadOut,
    Ticket,
    TicketOut,
    Token,
    Unread,
    UserPage,
    UserRowOut,
)

ADMIN_TOKEN = os.environ["TICKETS_ADMIN_TOKEN"].encode()
ROOT = "/api/v1/tickets"

engine = create_async_engine(
    os.environ["TICKETS_DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://", 1),
    pool_size=10,
    max_overflow=0,
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def get_session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]


async def current_user(session: Session, authorization: Annotated[str, Header()] = "") -> int:
    scheme, _, token = authorization.partition(" ")
    user_id = None
    if scheme.lower() == "bearer":
        user_id = await session.scalar(
            select(Token.user_id).where(
                Token.token_sha256 == sha256(token.encode()).digest(), Token.expires_at > func.now()
            )
        )
    if user_id is None:
        raise HTTPException(401, "Sign in first.", headers={"WWW-Authenticate": "Bearer"})
    return user_id


def require_admin(x_admin_token: Annotated[str, Header()] = "") -> None:
    if not hmac.compare_digest(x_admin_token.encode(), ADMIN_TOKEN):
        raise HTTPException(401, "Sign in first.", headers={"WWW-Authenticate": "X-Admin-Token"})


CurrentUser = Annotated[int, Depends(current_user)]
Limit = Annotated[int, Query(ge=1, le=200)]

user = APIRouter(prefix=ROOT, tags=["account"])
admin = APIRouter(prefix=f"{ROOT}/admin", tags=["admin"], dependencies=[Depends(require_admin)])


def to_cursor(*place: object) -> str:
    return urlsafe_b64encode("|".join(map(str, place)).encode()).decode()


def from_cursor(cursor: str) -> list[str]:
    return urlsafe_b64decode(cursor).decode().split("|")


@user.get("/unread")
async def count_unread(session: Session, user_id: CurrentUser) -> Unread:
    count = await session.scalar(
        select(func.count()).where(Ticket.user_id == user_id, Ticket.user_unread)
    )
    return Unread(unread=count or 0)


@user.get("")
async def list_tickets(
    session: Session,
    user_id: CurrentUser,
    status: Status | Literal[""] = "",
    limit: Limit = 50,
    cursor: str = "",
) -> UserPage:
    query = select(Ticket).where(Ticket.user_id == user_id)
    if status:
        query = query.where(Ticket.status == status)
    if cursor:
        moment, number = from_cursor(cursor)
        place = (datetime.fromisoformat(moment), int(number))
        query = query.where(tuple_(Ticket.updated_at, Ticket.id) < place)
    query = query.order_by(Ticket.updated_at.desc(), Ticket.id.desc()).limit(limit + 1)
    tickets = list(await session.scalars(query))
    more = len(tickets) > limit
    tickets = tickets[:limit]
    return UserPage(
        tickets=[UserRowOut.model_validate(ticket) for ticket in tickets],
        next_cursor=to_cursor(tickets[-1].updated_at, tickets[-1].id) if more else None,
    )


@user.post("", status_code=201)
async def open_ticket(
    form: NewTicket, response: Response, session: Session, user_id: CurrentUser
) -> Created:
    now = datetime.now(UTC)  # noqa: TID251 - an application of its own
    ticket = Ticket(
        user_id=user_id,
        category=form.category,
        other_category=form.other_category,
        subject=form.subject,
        status="open",
        priority="normal",
        user_unread=False,
        admin_unread=True,
        message_count=1,
        last_message=preview(form.message),
        version=1,
        last_ordinal=1,
        user_seen=1,
        admin_seen=0,
        waiting_since=now,
        last_sender="user",
        opened_by="user",
        events_recorded=3,
        created_at=now,
        updated_at=now,
        messages=[
            Message(
                sender_type="user",
                sender_id=user_id,
                message=form.message,
                created_at=now,
                ordinal=1,
            )
        ],
    )
    session.add(ticket)
    await session.flush()
    message_id = ticket.messages[0].id
    session.add_all(
        [
            event(ticket, "created", now),
            event(ticket, "message", now, message_id=message_id),
            event(ticket, "waiting", now, after="began"),
        ]
    )
    await session.commit()
    response.headers["Location"] = f"{ROOT}/{ticket.id}"
    return Created(ticket=TicketOut.model_validate(ticket))


@user.get("/{ticket_id:int}")
async def read_ticket(ticket_id: int, session: Session, user_id: CurrentUser) -> Shown:
    # The lock keeps a message from arriving between what is returned and the cleared flag.
    query = select(Ticket).where(Ticket.id == ticket_id, Ticket.user_id == user_id)
    query = query.options(selectinload(Ticket.messages), selectinload(Ticket.follow_ups))
    query = query.options(selectinload(Ticket.events))
    ticket = await session.scalar(query)
    seen = ticket.user_seen if ticket is not None else 0
    if ticket is not None and ticket.user_unread:
        query = query.with_for_update().execution_options(populate_existing=True)
        ticket = await session.scalar(query)
        assert ticket is not None
        seen = ticket.user_seen
        ticket.user_unread = False
        ticket.user_seen = ticket.last_ordinal
        ticket.version += 1
        await session.commit()
    if ticket is None:
        raise HTTPException(404, "There is no such ticket.")
    return Shown(ticket=ThreadOut.model_validate(shown(ticket, seen)))


@user.post("/{ticket_id:int}/reply", status_code=201)
async def reply(ticket_id: int, form: NewReply, session: Session, user_id: CurrentUser) -> Replied:
    ticket = await session.scalar(
        select(Ticket).where(Ticket.id == ticket_id, Ticket.user_id == user_id).with_for_update()
    )
    if ticket is None:
        raise HTTPException(404, "There is no such ticket.")
    if ticket.status == "closed":
        raise HTTPException(400, "This ticket is closed.")
    now = max(datetime.now(UTC), ticket.updated_at)  # noqa: TID251
    message = Message(
        ticket_id=ticket.id,
        sender_type="user",
        sender_id=user_id,
        message=form.message,
        created_at=now,
        ordinal=ticket.last_ordinal + 1,
    )
    session.add(message)
    await session.flush()
    events = [event(ticket, "message", now, message_id=message.id)]
    if ticket.status == "resolved":
        ticket.status, ticket.resolved_at = "open", None
        events.append(event(ticket, "status", now, before="resolved", after="open"))
    if ticket.waiting_since is None:
        events.append(event(ticket, "waiting", now, after="began"))
    session.add_all(events)
    ticket.events_recorded += len(events)
    ticket.last_sender = "user"
    if not ticket.admin_unread:
        ticket.admin_unread = True
        ticket.admin_seen = ticket.last_ordinal
    ticket.waiting_since = ticket.waiting_since or now
    ticket.last_ordinal += 1
    ticket.message_count += 1
    ticket.last_message = preview(form.message)
    ticket.updated_at = now
    ticket.version += 1
    await session.commit()
    return Replied(message=MessageOut.model_validate(message))


@admin.get("/unread")
async def count_unread_by_admins(session: Session) -> Unread:
    count = await session.scalar(select(func.count()).where(Ticket.admin_unread))
    return Unread(unread=count or 0)


@admin.get("/all")
async def list_all(
    session: Session,
    status: Status | Literal[""] = "",
    category: Category | Literal[""] = "",
    limit: Limit = 50,
    cursor: str = "",
) -> AdminPage:
    query = select(Ticket).options(joinedload(Ticket.user), joinedload(Ticket.assignee))
    if status:
        query = query.where(Ticket.status == status)
    if category:
        query = query.where(Ticket.category == category)
    if cursor:
        unread, moment, number = from_cursor(cursor)
        place = (unread == "True", datetime.fromisoformat(moment), int(number))
        query = query.where(tuple_(Ticket.admin_unread, Ticket.updated_at, Ticket.id) < place)
    order = (Ticket.admin_unread.desc(), Ticket.updated_at.desc(), Ticket.id.desc())
    tickets = list(await session.scalars(query.order_by(*order).limit(limit + 1)))
    more = len(tickets) > limit
    tickets = tickets[:limit]
    last = tickets[-1] if more else None
    return AdminPage(
        tickets=[
            AdminRowOut.model_validate(vars(ticket) | {"user_email": ticket.user.email})
            for ticket in tickets
        ],
        next_cursor=to_cursor(last.admin_unread, last.updated_at, last.id) if last else None,
    )


@admin.get("/queue/{name}")
async def list_queue(session: Session, name: Literal["waiting", "open"]) -> AdminPage:
    query = select(Ticket).options(joinedload(Ticket.user), joinedload(Ticket.assignee)).limit(51)
    if name == "waiting":
        query = query.where(Ticket.waiting_since.is_not(None))
        query = query.order_by(Ticket.waiting_since, Ticket.id)
    else:
        query = query.where(Ticket.status.in_(["open", "in_progress"]))
        query = query.order_by(Ticket.updated_at.desc(), Ticket.id.desc())
    tickets = list(await session.scalars(query))
    last = tickets[49] if len(tickets) > 50 else None  # noqa: PLR2004
    return AdminPage(
        tickets=[
            AdminRowOut.model_validate(vars(ticket) | {"user_email": ticket.user.email})
            for ticket in tickets[:50]
        ],
        next_cursor=to_cursor(last.updated_at, last.id) if last else None,
    )


@admin.get("/stats")
async def stats(session: Session) -> Stats:
    query = select(
        Ticket.status, Ticket.category, func.count(), func.count().filter(Ticket.admin_unread)
    )
    rows = (await session.execute(query.group_by(Ticket.status, Ticket.category))).all()
    by_status: dict[str, int] = dict.fromkeys(get_args(Status), 0)
    by_category: dict[Any, int] = dict.fromkeys(get_args(Category), 0)
    for status, category, total, _unread in rows:
        by_status[status] += total
        by_category[category] += total
    return Stats(
        total_count=sum(by_status.values()),
        open_count=by_status["open"],
        in_progress_count=by_status["in_progress"],
        resolved_count=by_status["resolved"],
        closed_count=by_status["closed"],
        unread_count=sum(row[3] for row in rows),
        categories=by_category,
    )


@admin.get("/{ticket_id:int}")
async def read_any_ticket(ticket_id: int, session: Session) -> AdminShown:
    load = (
        selectinload(Ticket.messages),
        selectinload(Ticket.follow_ups),
        selectinload(Ticket.events),
        joinedload(Ticket.assignee),
        joinedload(Ticket.user, innerjoin=True),
    )
    query = select(Ticket).where(Ticket.id == ticket_id).options(*load)
    ticket = await session.scalar(query)
    seen = ticket.admin_seen if ticket is not None else 0
    if ticket is not None and ticket.admin_unread:
        query = query.with_for_update(of=Ticket).execution_options(populate_existing=True)
        ticket = await session.scalar(query)
        assert ticket is not None
        seen = ticket.admin_seen
        ticket.admin_unread = False
        ticket.admin_seen = ticket.last_ordinal
        ticket.version += 1
        await session.commit()
    if ticket is None:
        raise HTTPException(404, "There is no such ticket.")
    thread = shown(ticket, seen)
    thread |= {"user_email": ticket.user.email, "notes": [], "notes_before": None}
    return AdminShown(ticket=AdminThreadOut.model_validate(thread))


def shown(ticket: Ticket, seen: int) -> dict[str, object]:
    """Return the fields of a ticket that is shown with its whole thread."""
    resolved = ticket.status == "resolved" and ticket.waiting_since is None
    return vars(ticket) | {
        "followed_by": ticket.followed_by,
        "seen": seen,
        "messages_before": None,
        "events_before": None,
        "closes_at": ticket.updated_at + timedelta(hours=876_000) if resolved else None,
    }


def event(ticket: Ticket, kind: str, at: datetime, **values: Any) -> Event:  # noqa: ANN401
    return Event(ticket_id=ticket.id, kind=kind, by="user", at=at, **values)


def preview(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}…"  # noqa: PLR2004


app = FastAPI()
app.include_router(admin)
app.include_router(user)
