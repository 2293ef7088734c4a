"""The OpenAPI document: additions to what the framework derives from the handlers.

They hold for every operation alike, and the framework has no place to declare them: headers of
error responses, the `Idempotency-Key`, that request bodies have no other fields, that a 204 has no
body, examples of responses, and shared schemas of enumerations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import OpenAPI

from tickets.adapters.http.api.idempotency_header import IDEMPOTENCY_HEADER, MAX_KEY_LENGTH
from tickets.adapters.http.openapi.examples import EXAMPLES
from tickets.adapters.http.openapi.problem_examples import problem_example
from tickets.adapters.http.openapi.shared_enums import share_enumerations

_TEXT = {"type": "string", "minLength": 1}

_RETRY_AFTER = {
    "description": "Seconds to wait before the next attempt.",
    "schema": {"type": "integer", "minimum": 1},
}

HEADERS_BY_STATUS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "401": {"WWW-Authenticate": {"description": "How to sign in.", "schema": _TEXT}},
    "429": {"Retry-After": _RETRY_AFTER},
    "503": {"Retry-After": _RETRY_AFTER},
}
"""Headers of every response with this status."""

WITHOUT_BODY = ("204", "304")
"""Statuses whose responses have no body (RFC 9110, sections 15.3.5 and 15.4.5).

The framework describes a handler that returns `Response[None]` as one that sends JSON's null.
"""

IDEMPOTENCY_PARAMETER = {
    "name": IDEMPOTENCY_HEADER,
    "in": "header",
    "required": False,
    "description": (
        "The client's name for this request, 1 to 255 printable ASCII characters, for example a "
        "UUID. The same request with the same key, within a day, gets the first response again and "
        "changes nothing."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
}
"""A parameter of every operation that changes something."""


class Document(OpenAPI):
    """The framework's document with our additions."""

    def to_schema(self) -> dict[str, Any]:
        """Return the document as it is sent."""
        document = super().to_schema()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if method in ("post", "put", "delete"):
                    operation.setdefault("parameters", []).append(IDEMPOTENCY_PARAMETER)
                for parameter in operation.get("parameters", []):
                    _forbid_null(parameter["schema"])
                if "requestBody" in operation:
                    _forbid_other_fields(document, operation["requestBody"])
                for status, response in operation["responses"].items():
                    for name, header in HEADERS_BY_STATUS.get(status, {}).items():
                        response.setdefault("headers", {})[name] = {**header, "required": True}
                    if status in WITHOUT_BODY:
                        response.pop("content", None)
                    for media in response.get("content", {}).values():
                        _add_example(path, operation, status, media)
        _require_what_is_always_sent(document)
        share_enumerations(document)
        return document


def _add_example(path: str, operation: dict[str, Any], status: str, media: dict[str, Any]) -> None:
    name = media["schema"]["$ref"].removeprefix("#/components/schemas/")
    if status.startswith("2"):
        media["example"] = EXAMPLES[name]
    else:
        media["example"] = problem_example(path, operation.get("parameters", []), status, name)


def _require_what_is_always_sent(document: dict[str, Any]) -> None:
    """Require every field of successful responses, those with a default included.

    Problems leave out what does not apply, and requests may leave out what has a default.
    """
    for name, schema in document["components"]["schemas"].items():
        is_request = schema.get("additionalProperties") is False
        if not is_request and not name.endswith(("Problem", "Conflict")):
            properties = schema.get("properties", {})
            schema["required"] = sorted(properties)
            for each in properties.values():
                each.pop("default", None)


def _forbid_null(schema: dict[str, Any]) -> None:
    """Drop null from the values of a parameter: in an address there is none, only absence."""
    others = [each for each in schema.get("oneOf", []) if each != {"type": "null"}]
    if len(others) == 1:
        del schema["oneOf"]
        schema.update(others[0])


def _forbid_other_fields(document: dict[str, Any], request_body: dict[str, Any]) -> None:
    reference: str = request_body["content"]["application/json"]["schema"]["$ref"]
    schema = document["components"]["schemas"][reference.removeprefix("#/components/schemas/")]
    schema["additionalProperties"] = False


@dataclass
class DocumentConfig(OpenAPIConfig):
    """The framework's configuration, which makes a `Document`."""

    def to_openapi_schema(self) -> OpenAPI:
        """Return the document without paths and schemas, which the framework then adds."""
        frame = super().to_openapi_schema()
        return Document(**{field.name: getattr(frame, field.name) for field in fields(frame)})
