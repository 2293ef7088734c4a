"""The plain rival's SQLAlchemy models of the tables and pydantic models of the bodies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import DateTime, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

Category = Literal["support", "billing", "feature_suggestion", "other"]
Status = Literal["open", "in_progress", "resolved", "closed"]


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320))


class Token(Base):
    __tablename__ = "ticket_tokens"
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Message(Base):
    __tablename__ = "ticket_messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"))
    sender_type: Mapped[str] = mapped_column(String(10))
    sender_id: Mapped[int | None]
    message: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ordinal: Mapped[int]
    sender_name: Mapped[str | None] = mapped_column(String(100))


class Event(Base):
    __tablename__ = "ticket_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    kind: Mapped[str] = mapped_column(String(20))
    by: Mapped[str] = mapped_column(String(10))
    admin_name: Mapped[str | None] = mapped_column(String(100))
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)
    message_id: Mapped[int | None]


class Admin(Base):
    __tablename__ = "ticket_admins"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class Ticket(Base):
    __tablename__ = "tickets"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    category: Mapped[str] = mapped_column(String(50))
    other_category: Mapped[str | None] = mapped_column(String(100))
    subject: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(20))
    priority: Mapped[str] = mapped_column(String(20))
    user_unread: Mapped[bool]
    admin_unread: Mapped[bool]
    message_count: Mapped[int]
    last_message: Mapped[str] = mapped_column(String(101))
    version: Mapped[int]
    last_ordinal: Mapped[int]
    user_seen: Mapped[int]
    admin_seen: Mapped[int]
    waiting_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    follows: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("ticket_admins.id"))
    last_sender: Mapped[str] = mapped_column(String(10))
    opened_by: Mapped[str] = mapped_column(String(10))
    resolved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    events_recorded: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    user: Mapped[User] = relationship(lazy="raise")
    assignee: Mapped[Admin | None] = relationship(lazy="raise")
    events: Mapped[list[Event]] = relationship(
        lazy="raise",
        order_by=Event.id,
        viewonly=True,
        primaryjoin=lambda: (
            (Event.ticket_id == Ticket.id)
            & Event.kind.in_(["status", "follow_up", "closed_naturally", "assignee", "priority"])
        ),
    )
    messages: Mapped[list[Message]] = relationship(lazy="raise", order_by=Message.ordinal)
    follow_ups: Mapped[list[Ticket]] = relationship(lazy="raise", order_by="Ticket.id")

    @property
    def followed_by(self) -> list[int]:
        return [ticket.id for ticket in self.follow_ups]


Body = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000)]


class NewTicket(BaseModel):
    model_config = ConfigDict(extra="forbid")
    category: Category
    other_category: str | None = Field(default=None, max_length=100)
    subject: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]
    message: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=10, max_length=5000)
    ]


class NewReply(BaseModel):
    model_config = ConfigDict(extra="forbid")
    message: Body


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class MessageOut(Out):
    id: int
    ticket_id: int
    sender_type: Literal["user", "admin"]
    sender_id: int | None
    message: str
    created_at: datetime
    ordinal: int
    sender_name: str | None


class EventOut(Out):
    model_config = ConfigDict(from_attributes=True, serialize_by_alias=True)
    id: int
    at: datetime
    kind: str
    by: Literal["user", "admin", "system"]
    name: str | None = Field(validation_alias="admin_name")
    before: str | None = Field(serialization_alias="from")
    after: str | None = Field(serialization_alias="to")


class AssigneeOut(Out):
    id: int
    name: str


class RowOut(Out):
    id: int
    category: Category
    other_category: str | None
    subject: str
    status: Status
    priority: str
    message_count: int
    last_message: str
    created_at: datetime
    updated_at: datetime
    last_sender: Literal["user", "admin"]


class UserRowOut(RowOut):
    user_unread: bool


class AdminRowOut(RowOut):
    admin_unread: bool
    user_email: str
    waiting_since: datetime | None
    user_id: int
    assignee: AssigneeOut | None


class TicketOut(Out):
    id: int
    user_id: int
    category: Category
    other_category: str | None
    subject: str
    status: Status
    priority: str
    user_unread: bool
    admin_unread: bool
    message_count: int
    created_at: datetime
    updated_at: datetime
    follows: int | None


class ThreadOut(TicketOut):
    followed_by: list[int]
    seen: int
    messages_before: str | None
    messages: list[MessageOut]
    events: list[EventOut]
    events_before: str | None
    closes_at: datetime | None


class AdminThreadOut(ThreadOut):
    user_email: str
    waiting_since: datetime | None
    assignee: AssigneeOut | None
    notes: list[str]
    notes_before: str | None


class UserPage(BaseModel):
    tickets: list[UserRowOut]
    next_cursor: str | None


class AdminPage(BaseModel):
    tickets: list[AdminRowOut]
    next_cursor: str | None


class Shown(BaseModel):
    ticket: ThreadOut


class AdminShown(BaseModel):
    ticket: AdminThreadOut


class Created(BaseModel):
    success: Literal[True] = True
    ticket: TicketOut


class Replied(BaseModel):
    success: Literal[True] = True
    message: MessageOut


class Unread(BaseModel):
    unread: int


class Stats(BaseModel):
    total_count: int
    open_count: int
    in_progress_count: int
    resolved_count: int
    closed_count: int
    unread_count: int
    categories: dict[Category, int]
