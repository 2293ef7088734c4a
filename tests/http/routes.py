"""Every route of the application, with its access rule: who may call it, and a valid body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from litestar.routes import HTTPRoute

from tests.http.conftest import API, NEW_TICKET, shared_application_on
from tests.world import MemoryWorld

SAVED_REPLY = {"title": "Refund", "text": "Hello {{customer}}, it is on its way."}

Route = tuple[str, str]
"""A method and a path template, with its parameters in braces."""


class Who(Enum):
    """Who may call a route."""

    ANYBODY = "anybody"
    USER = "the user whose ticket it is"
    ADMIN = "the admin team"


@dataclass(frozen=True)
class Rule:
    """Who may call a route, the status of the response, a valid body and a valid query."""

    who: Who
    status: int = 200
    body: Any = None
    query: str = ""


def _for_anybody(*paths: str, methods: str = "GET HEAD") -> dict[Route, Rule]:
    return {(method, path): Rule(Who.ANYBODY) for path in paths for method in methods.split()}


# Written by hand and never derived from the code: a route that is missing here fails the tests, and
# so does a rule without a route.
RULES: Mapping[Route, Rule] = {
    ("POST", API): Rule(Who.USER, 201, NEW_TICKET),
    ("GET", API): Rule(Who.USER),
    ("GET", f"{API}/unread"): Rule(Who.USER),
    # everybody has written this, so that a search that looks too far finds it
    ("GET", f"{API}/search"): Rule(Who.USER, query="?q=words"),
    ("GET", f"{API}/{{ticket_id}}"): Rule(Who.USER),
    ("POST", f"{API}/{{ticket_id}}/reply"): Rule(Who.USER, 201, {"message": "Any news?"}),
    ("POST", f"{API}/{{ticket_id}}/read"): Rule(Who.USER, body={"seen": 1}),
    ("POST", f"{API}/{{ticket_id}}/unread"): Rule(Who.USER, body={}),
    ("POST", f"{API}/{{ticket_id}}/close"): Rule(Who.USER, body={}),
    ("GET", f"{API}/admin/all"): Rule(Who.ADMIN),
    ("GET", f"{API}/admin/queue/{{queue}}"): Rule(Who.ADMIN),
    ("GET", f"{API}/admin/queues"): Rule(Who.ADMIN),
    ("GET", f"{API}/admin/stats"): Rule(Who.ADMIN),
    ("GET", f"{API}/admin/reports"): Rule(Who.ADMIN, query="?from=2026-02-01&to=2026-02-28"),
    ("GET", f"{API}/admin/search"): Rule(Who.ADMIN, query="?q=words"),
    ("GET", f"{API}/admin/users/{{user_id}}"): Rule(Who.ADMIN),
    ("GET", f"{API}/admin/unread"): Rule(Who.ADMIN),
    ("GET", f"{API}/admin/me"): Rule(Who.ADMIN),
    ("GET", f"{API}/admin/admins"): Rule(Who.ADMIN),
    ("GET", f"{API}/admin/{{ticket_id}}"): Rule(Who.ADMIN),
    ("POST", f"{API}/admin/{{ticket_id}}/reply"): Rule(Who.ADMIN, 201, {"message": "Soon."}),
    ("POST", f"{API}/admin/{{ticket_id}}/read"): Rule(Who.ADMIN, body={"seen": 1}),
    ("POST", f"{API}/admin/{{ticket_id}}/unread"): Rule(Who.ADMIN, body={}),
    ("POST", f"{API}/admin/{{ticket_id}}/notes"): Rule(Who.ADMIN, 201, {"note": "Called them."}),
    ("GET", f"{API}/admin/saved-replies"): Rule(Who.ADMIN),
    ("POST", f"{API}/admin/saved-replies"): Rule(Who.ADMIN, 201, SAVED_REPLY),
    ("PUT", f"{API}/admin/saved-replies/{{saved_reply_id}}"): Rule(Who.ADMIN, 200, SAVED_REPLY),
    ("DELETE", f"{API}/admin/saved-replies/{{saved_reply_id}}"): Rule(Who.ADMIN, 204),
    ("PUT", f"{API}/admin/{{ticket_id}}/status"): Rule(Who.ADMIN, body={"status": "resolved"}),
    ("PUT", f"{API}/admin/{{ticket_id}}/assignee"): Rule(Who.ADMIN, body={"assignee": None}),
    ("PUT", f"{API}/admin/{{ticket_id}}/priority"): Rule(Who.ADMIN, body={"priority": "high"}),
    ("POST", f"{API}/admin/{{ticket_id}}/handled"): Rule(Who.ADMIN, body={"seen": 2}),
    ("POST", f"{API}/admin/tickets"): Rule(
        Who.ADMIN, 201, NEW_TICKET | {"email": "the-words-of-mara@example.com"}
    ),
    # a signed address, for mail providers: tests/http/api/test_unsubscribe.py
    **_for_anybody(f"{API}/unsubscribe/{{signed}}", methods="GET HEAD POST"),
    **_for_anybody("/health/live", "/health/ready"),
    # direct requests, or a token of its own: tests/http/ops/test_metrics.py
    **_for_anybody("/metrics", methods="GET"),
    # pages and code; their data comes from the API
    **_for_anybody("/", "/account", "/admin", "/static/tickets.js", "/static/{version}/{name}"),
    **_for_anybody("/schema", "/schema/{path}", methods="GET"),
    **_for_anybody("/schema/openapi.json", "/schema/openapi.yml", methods="GET"),
    **_for_anybody("/schema/openapi.yaml", "/schema/start.js", methods="GET"),
    **_for_anybody("/schema/swagger-ui.js", "/schema/swagger-ui.css", methods="GET"),
}


def route_table() -> Iterator[Route]:
    """Read the application's own route table, with routes of every kind."""
    for route in shared_application_on(MemoryWorld()).routes:
        if not isinstance(route, HTTPRoute):
            yield type(route).__name__, route.path_format
            continue
        for handler in route.route_handlers:
            # OPTIONS, the same for every caller, has a test of its own
            for method in handler.http_methods - {"OPTIONS"}:
                yield str(method), route.path_format


def with_id(path: str, ticket_id: int, user_id: int = 1) -> str:
    """Return a path with its parameters filled in, if it has some."""
    values = {
        "ticket_id": str(ticket_id),
        "saved_reply_id": str(ticket_id),
        "user_id": str(user_id),
        "queue": "waiting",
    }
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    return path


API_ROUTES = sorted(
    route
    for route in route_table()
    if route[1].startswith(API) and not route[1].startswith(f"{API}/unsubscribe/")
)
"""The routes of the API; every one requires credentials."""
