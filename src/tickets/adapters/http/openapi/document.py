"""The OpenAPI document's last touch: what holds for every operation alike, and the framework has no place for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import OpenAPI

from tickets.adapters.http.api.idempotency_header import HEADER, MAX_KEY_LENGTH

_TEXT = {"type": "string", "minLength": 1}

_RETRY_AFTER = {
    "description": "Seconds to wait before the next try.",
    "schema": {"type": "integer", "minimum": 1},
}

HEADERS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "401": {"WWW-Authenticate": {"description": "How to sign in.", "schema": _TEXT}},
    "429": {"Retry-After": _RETRY_AFTER},
    "503": {"Retry-After": _RETRY_AFTER},
}
"""The headers that every answer with a status has, whatever was asked."""


IDEMPOTENCY_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": (
        "The client's own name for this request, 1 to 255 printable ASCII characters, a UUID for example. The same "
        "request with the same key, within a day, gets the first answer again and changes nothing."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
}
"""What every request may have that changes something."""


class Document(OpenAPI):
    """The document with the headers of its answers, and of the requests that change something."""

    def to_schema(self) -> dict[str, Any]:
        """Return the document as it is sent."""
        schema = super().to_schema()
        for path in schema["paths"].values():
            for method, operation in path.items():
                if method in ("post", "put"):
                    operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
                for status, response in operation["responses"].items():
                    for name, header in HEADERS.get(status, {}).items():
                        response.setdefault("headers", {})[name] = {**header, "required": True}
        return schema


@dataclass
class DocumentConfig(OpenAPIConfig):
    """The framework's configuration, whose document is a `Document`."""

    def to_openapi_schema(self) -> OpenAPI:
        """Return the frame, to which the framework adds paths and schemas."""
        frame = super().to_openapi_schema()
        return Document(**{field.name: getattr(frame, field.name) for field in fields(frame)})
