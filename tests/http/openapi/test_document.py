"""The OpenAPI document: complete and true; and Swagger UI, served by this service alone."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.http.conftest import API, Api, Caller
from tests.http.openapi.conftest import operations
from tests.http.routes import API_ROUTES, with_id


def test_every_route_has_a_description(document: dict[str, Any]) -> None:
    described = operations(document)

    assert sorted(described) == API_ROUTES
    assert all(operation["description"].endswith(".") for operation in described.values())


@pytest.mark.parametrize("root", ["https://www.example.com", "https://www.example.com/helpdesk"])
def test_the_server_of_the_document_is_relative_and_right_under_any_prefix(
    document: dict[str, Any], root: str
) -> None:
    (server,) = document["servers"]

    for name in ("openapi.json", "openapi.yaml"):
        assert str(httpx.URL(f"{root}/schema/{name}").join(server["url"])).rstrip("/") == root


def test_every_route_has_the_tag_and_the_security_scheme_of_its_side(
    document: dict[str, Any],
) -> None:
    for (_, path), operation in operations(document).items():
        admin = path.startswith(f"{API}/admin")
        assert operation["security"] == [{"AdminToken" if admin else "UserToken": []}]
        assert operation["tags"] == ["admin" if admin else "account"]
    schemes = document["components"]["securitySchemes"]
    assert (schemes["UserToken"]["type"], schemes["UserToken"]["scheme"]) == ("http", "bearer")
    assert schemes["AdminToken"]["name"] == "X-Admin-Token"


def test_exactly_the_changing_routes_take_an_idempotency_key(
    document: dict[str, Any],
) -> None:
    for (method, _), operation in operations(document).items():
        names = [parameter["name"] for parameter in operation.get("parameters", [])]
        assert names.count("Idempotency-Key") == (method != "GET")


CONFLICTS = {
    "reply": "Conflict",
    "handled": "Conflict",
    "status": "ValueConflict",
    "assignee": "ValueConflict",
    "priority": "ValueConflict",
}
"""The body of a 409, by the last part of the path."""


def is_list_or_detail(method: str, path: str) -> bool:
    """Return whether a response has an `ETag`."""
    return method == "GET" and path.endswith(
        ("/tickets", "/all", "/{ticket_id}", "/{queue}", "/queues")
    )


def test_every_possible_status_is_documented_with_its_body(
    document: dict[str, Any],
) -> None:
    for (method, path), operation in operations(document).items():
        expected = {401, 429, 503}
        # a customer may be deleted while a ticket is opened on their behalf
        may_be_missing = "{" in path or path.endswith("/admin/tickets")
        expected |= {404, 400} if may_be_missing else set()
        expected |= {400, 409, 410, 413, 415, 422} if method in ("POST", "PUT") else set()
        expected |= {409, 410, 422} if method == "DELETE" else set()
        expected |= {400} if operation.get("parameters") else set()
        expected |= {409, 410, 413, 422} if method == "DELETE" else set()
        is_update = method != "POST" or path.endswith(("/read", "/unread", "/close", "/handled"))
        expected |= {204} if method == "DELETE" else {200} if is_update else {201}
        expected |= {304} if is_list_or_detail(method, path) else set()
        assert {int(status) for status in operation["responses"]} == expected, (method, path)
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                kind = CONFLICTS.get(path.rpartition("/")[2], "Problem")
                kind = kind if status == "409" else "Problem"
                assert response["content"]["application/problem+json"]["schema"] == {
                    "$ref": f"#/components/schemas/{kind}"
                }


def test_exactly_the_statuses_without_a_body_are_documented_without_one(
    document: dict[str, Any],
) -> None:
    for route, operation in operations(document).items():
        for status, response in operation["responses"].items():
            assert ("content" in response) == (status not in {"204", "304"}), (route, status)


def test_challenge_and_retry_after_are_documented_headers(
    document: dict[str, Any],
) -> None:
    for operation in operations(document).values():
        assert operation["responses"]["401"]["headers"]["WWW-Authenticate"]["required"]
        for status in ("429", "503"):
            assert operation["responses"][status]["headers"]["Retry-After"]["required"]


def test_request_bodies_have_no_additional_properties(document: dict[str, Any]) -> None:
    for operation in operations(document).values():
        if body := operation.get("requestBody"):
            name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert document["components"]["schemas"][name]["additionalProperties"] is False


async def test_options_lists_every_method_of_the_path(api: Api, user: Caller) -> None:
    for path in {path for _, path in API_ROUTES}:
        response = await api.client.options(
            with_id(path, 1), headers=user.headers | api.admin.headers
        )
        methods = [method for method, other in API_ROUTES if other == path]
        assert response.status_code == 204
        assert sorted(response.headers["Allow"].split(", ")) == sorted([*methods, "OPTIONS"])


def test_text_limits_are_those_of_section_9(document: dict[str, Any]) -> None:
    fields = document["components"]["schemas"]["NewTicket"]["properties"]

    assert (fields["subject"]["minLength"], fields["subject"]["maxLength"]) == (3, 200)
    assert (fields["message"]["minLength"], fields["message"]["maxLength"]) == (10, 5000)
    assert fields["category"]["$ref"] == "#/components/schemas/Category"
    assert document["components"]["schemas"]["Category"]["enum"] == [
        *("support", "billing", "feature_suggestion", "other")
    ]
    assert fields["other_category"]["maxLength"] == 100
    reply = document["components"]["schemas"]["NewReply"]["properties"]["message"]
    assert (reply["minLength"], reply["maxLength"]) == (1, 5000)
    (limit,) = [
        parameter
        for parameter in document["paths"][API]["get"]["parameters"]
        if parameter["name"] == "limit"
    ]
    assert limit["schema"] | {"description": ""} == {
        "type": "integer",
        "minimum": 1,
        "maximum": 200,
        "default": 50,
        "description": "",
    }


def test_fields_of_request_bodies_have_examples(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    for form in ("NewTicket", "NewReply", "NewStatus"):
        assert all(field["examples"] for field in schemas[form]["properties"].values())


async def test_an_unknown_address_under_schema_is_a_problem(api: Api) -> None:
    response = await api.client.get("/schema/nothing")

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_swagger_ui_loads_all_of_its_files_from_this_service(api: Api) -> None:
    for address, base in (("/schema", "/"), ("/schema/", "/schema/")):
        page = await api.client.get(address)
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(loaded) == 3
        for file in loaded:
            assert "//" not in file
            response = await api.client.get(base + file)
            assert response.status_code == 200, file
            assert response.content


def test_no_parameter_can_be_null(document: dict[str, Any]) -> None:
    for route, operation in operations(document).items():
        for parameter in operation.get("parameters", []):
            schema = parameter["schema"]
            kinds = [schema, *schema.get("oneOf", []), *schema.get("anyOf", [])]
            assert {"type": "null"} not in kinds, (route, parameter["name"])
            assert "type" in schema or "$ref" in schema or "anyOf" in schema, (
                route,
                parameter["name"],
            )


def test_the_days_of_a_report_are_required_dates(document: dict[str, Any]) -> None:
    parameters = operations(document)["GET", f"{API}/admin/reports"]["parameters"]

    assert [(each["name"], each["required"]) for each in parameters] == [
        ("from", True),
        ("to", True),
    ]
    assert all(each["schema"]["format"] == "date" for each in parameters)
