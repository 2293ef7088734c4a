"""One ticket through the desk, by the client that openapi-python-client makes of the document.

The test generates `tickets_client` beside a copy of this file, checks both with `mypy --strict`,
and runs it against a service.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import TypeVar

from tickets_client import AuthenticatedClient
from tickets_client.api.account import get_ticket, open_ticket, reply_to_ticket, search_tickets
from tickets_client.api.admin import (
    add_note,
    add_saved_reply,
    assign_ticket,
    count_queues,
    delete_saved_reply,
    get_me,
    get_report,
    list_queue,
    reply_as_admin,
    search_all_tickets,
)
from tickets_client.models import (
    AdminFound,
    AdminList,
    AssigneeChanged,
    Category,
    Me,
    MessageCreated,
    NamedAdmin,
    NewAdminReply,
    NewAssignee,
    NewNote,
    NewReply,
    NewTicket,
    NoteCreated,
    Problem,
    Queue,
    QueueCounts,
    ReportBody,
    SavedReplyStored,
    SavedReplyTexts,
    Status,
    TicketCreated,
    TicketOpened,
    UserFound,
    ValueConflict,
)

Body = TypeVar("Body")


def must(kind: type[Body], found: object) -> Body:
    """Return a response that is of this type."""
    assert isinstance(found, kind), found
    return found


root = os.environ["ROOT"]
user = AuthenticatedClient(root, token=os.environ["USER_TOKEN"])
admin = AuthenticatedClient(
    root, token=os.environ["ADMIN_TOKEN"], prefix="", auth_header_name="X-Admin-Token"
)

new_ticket = NewTicket(
    category=Category.BILLING,
    subject="Charged twice in January",
    message="My card was charged twice for invoice 4711.",
)
opened, again = (
    must(
        TicketCreated,
        open_ticket.sync(client=user, body=new_ticket, idempotency_key="the-journey"),
    ).ticket
    for _ in range(2)
)
assert opened.status is Status.OPEN
assert opened.id == again.id

waiting = must(AdminList, list_queue.sync(Queue.WAITING, client=admin))
assert [(row.id, row.assignee) for row in waiting.tickets] == [(opened.id, None)]

me = must(Me, get_me.sync(client=admin))
taking = NewAssignee(assignee=me.id, was=None)
taken = must(AssigneeChanged, assign_ticket.sync(opened.id, client=admin, body=taking))
assert must(NamedAdmin, taken.assignee).name == me.name
late = assign_ticket.sync_detailed(opened.id, client=admin, body=NewAssignee(None, was=None))
assert late.status_code is HTTPStatus.CONFLICT
assert must(ValueConflict, late.parsed).title == "Conflict"

note = add_note.sync(opened.id, client=admin, body=NewNote(note="Called them: a zeppelin."))
assert must(NamedAdmin, must(NoteCreated, note).note.admin).id == me.id

texts = SavedReplyTexts(title="Refund", text="Hello {{customer}}, your refund is on its way.")
saved = must(SavedReplyStored, add_saved_reply.sync(client=admin, body=texts)).saved_reply
reply = NewAdminReply(
    message=saved.text.replace("{{customer}}", "there"), seen=1, status=Status.RESOLVED
)
answered = must(MessageCreated, reply_as_admin.sync(opened.id, client=admin, body=reply))
assert answered.message.sender_name == me.name

detail = get_ticket.sync_detailed(opened.id, client=user)
read = must(TicketOpened, detail.parsed).ticket
assert read.status is Status.RESOLVED
assert [message.sender_type.value for message in read.messages] == ["user", "admin"]
assert [event.kind.value for event in read.events] == ["status"]
assert read.closes_at is not None
assert b"zeppelin" not in detail.content

reply_to_ticket.sync(opened.id, client=user, body=NewReply(message="It is still broken."))
counts = must(QueueCounts, count_queues.sync(client=admin))
assert (counts.waiting, counts.mine, counts.resolved) == (1, 1, 0)

found = must(AdminFound, search_all_tickets.sync(client=admin, q="broken")).tickets
assert [(row.id, row.match.field.value) for row in found] == [(opened.id, "message")]
hidden = must(UserFound, search_tickets.sync(client=user, q="zeppelin"))
assert hidden.tickets == []

deleted = delete_saved_reply.sync_detailed(saved.id, client=admin)
assert deleted.status_code is HTTPStatus.NO_CONTENT

day = opened.created_at.date()
report = must(ReportBody, get_report.sync(client=admin, from_=day, to=day))
assert report.days[0].opened == report.first_reply.tickets == 1

nowhere = must(Problem, get_ticket.sync(opened.id + 1000, client=user))
assert nowhere.detail == "There is no such ticket."
