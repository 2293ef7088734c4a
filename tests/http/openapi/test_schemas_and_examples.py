"""What generated clients and readers need: names of operations, shared enumerations, examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from tests.http.conftest import API
from tests.http.openapi.conftest import operations
from tickets.adapters.http.openapi.examples import EXAMPLES
from tickets.adapters.http.openapi.shared_enums import ENUMERATIONS

OPERATIONS = {
    f"GET {API}": "listTickets",
    f"POST {API}": "openTicket",
    f"GET {API}/search": "searchTickets",
    f"GET {API}/unread": "countUnreadTickets",
    f"GET {API}/{{ticket_id}}": "getTicket",
    f"POST {API}/{{ticket_id}}/reply": "replyToTicket",
    f"POST {API}/{{ticket_id}}/read": "markTicketRead",
    f"POST {API}/{{ticket_id}}/unread": "markTicketUnread",
    f"POST {API}/{{ticket_id}}/close": "closeTicket",
    f"GET {API}/admin/all": "listAllTickets",
    f"GET {API}/admin/queue/{{queue}}": "listQueue",
    f"GET {API}/admin/queues": "countQueues",
    f"GET {API}/admin/stats": "getStats",
    f"GET {API}/admin/reports": "getReport",
    f"GET {API}/admin/search": "searchAllTickets",
    f"GET {API}/admin/users/{{user_id}}": "getCustomer",
    f"GET {API}/admin/unread": "countAllUnreadTickets",
    f"GET {API}/admin/me": "getMe",
    f"GET {API}/admin/admins": "listAdmins",
    f"POST {API}/admin/tickets": "openTicketForCustomer",
    f"GET {API}/admin/{{ticket_id}}": "getTicketAsAdmin",
    f"POST {API}/admin/{{ticket_id}}/reply": "replyAsAdmin",
    f"POST {API}/admin/{{ticket_id}}/read": "markTicketReadAsAdmin",
    f"POST {API}/admin/{{ticket_id}}/unread": "markTicketUnreadAsAdmin",
    f"POST {API}/admin/{{ticket_id}}/notes": "addNote",
    f"POST {API}/admin/{{ticket_id}}/handled": "markHandled",
    f"PUT {API}/admin/{{ticket_id}}/status": "changeStatus",
    f"PUT {API}/admin/{{ticket_id}}/assignee": "assignTicket",
    f"PUT {API}/admin/{{ticket_id}}/priority": "setPriority",
    f"GET {API}/admin/saved-replies": "listSavedReplies",
    f"POST {API}/admin/saved-replies": "addSavedReply",
    f"PUT {API}/admin/saved-replies/{{saved_reply_id}}": "changeSavedReply",
    f"DELETE {API}/admin/saved-replies/{{saved_reply_id}}": "deleteSavedReply",
}
"""Names that generated clients call: never change one."""


def test_every_operation_keeps_its_name(document: dict[str, Any]) -> None:
    assert {
        f"{method} {path}": operation["operationId"]
        for (method, path), operation in operations(document).items()
    } == OPERATIONS


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of a document, with its place."""
    if isinstance(node, dict):
        yield path, node
        for name, value in node.items():
            yield from nodes(value, f"{path}/{name}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from nodes(value, f"{path}/{number}")


def test_every_enumeration_is_one_shared_schema(document: dict[str, Any]) -> None:
    listed = [path for path, node in nodes(document) if isinstance(node.get("enum"), list)]
    shared = [f"/components/schemas/{name}" for name in ENUMERATIONS]
    # a boolean in an address, beside the empty string that stands for none
    others = [path for path in listed if path not in shared]

    assert set(shared) <= set(listed)
    assert all(path.startswith("/paths/") for path in others)
    for path, node in nodes(document):
        if path in others:
            assert node["enum"] == ["", "true", "false"], path


@pytest.mark.parametrize(
    ("schema", "field", "enumeration"),
    [
        ("UserRow", "status", "Status"),
        ("AdminRow", "category", "Category"),
        ("AdminRow", "last_sender", "Side"),
        ("HistoryEvent", "kind", "EventKind"),
        ("HistoryEvent", "by", "EventAuthor"),
        ("Match", "field", "SearchField"),
        ("NewTicket", "category", "Category"),
        ("NewStatus", "status", "Status"),
        ("NewPriority", "priority", "Priority"),
    ],
)
def test_a_field_refers_to_its_enumeration(
    document: dict[str, Any], schema: str, field: str, enumeration: str
) -> None:
    found = document["components"]["schemas"][schema]["properties"][field]

    assert found["$ref"] == f"#/components/schemas/{enumeration}"


def validator(document: dict[str, Any], schema: dict[str, Any], *, strict: bool) -> Any:
    """Return a validator of a schema; a strict one refuses fields that no schema declares."""
    components: dict[str, Any] = {}
    for name, component in document["components"]["schemas"].items():
        extra = {"additionalProperties": False} if strict and "properties" in component else {}
        components[name] = component | extra
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": {"schemas": components}}, validate_formats=True
    )


def test_every_response_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    used = set()
    for route, operation in operations(document).items():
        for status, response in operation["responses"].items():
            for media in response.get("content", {}).values():
                errors = validator(document, media["schema"], strict=True).iter_errors(
                    media["example"]
                )
                assert not [str(error) for error in errors], (route, status)
                used.add(media["schema"]["$ref"].rpartition("/")[2])

    assert set(EXAMPLES) - used == {"Health"}


def test_the_examples_of_a_request_make_a_valid_one(document: dict[str, Any]) -> None:
    for route, operation in operations(document).items():
        for parameter in operation.get("parameters", []):
            schema = parameter["schema"]
            for example in schema.get("examples", []):
                assert validator(document, schema, strict=True).is_valid(example), (
                    route,
                    parameter["name"],
                )
        if body := operation.get("requestBody"):
            reference = body["content"]["application/json"]["schema"]
            properties = document["components"]["schemas"][reference["$ref"].rpartition("/")[2]][
                "properties"
            ]
            example = {name: field["examples"][0] for name, field in properties.items()}
            assert validator(document, reference, strict=True).is_valid(example), route


def test_every_field_of_a_response_is_required(document: dict[str, Any]) -> None:
    for name in EXAMPLES:
        schema = document["components"]["schemas"][name]
        assert schema["required"] == sorted(schema["properties"]), name


def test_every_schema_says_what_it_is(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        text = schema["description"]
        assert text.endswith("."), name
        assert not {"None", "False", "DESK", "section"} & set(text.split()), name
