"""The OpenAPI document: what every operation can answer, and how callers prove who they are."""

from __future__ import annotations

from importlib.metadata import version

from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag

from tickets.adapters.http.access.authentication import ADMIN_HEADER
from tickets.adapters.http.edge.error_handlers import MEDIA_TYPE, Conflict, Problem
from tickets.adapters.http.openapi.document import DocumentConfig
from tickets.adapters.http.openapi.swagger_ui import DocsPage, docs_router

USER_SCHEME = "UserToken"
ADMIN_SCHEME = "AdminToken"

_MEANING = {
    400: "Something in body, query or path is not valid, or the ticket is closed.",
    401: "No, malformed, unknown or expired credentials.",
    404: "There is no such ticket, or it is another user's: the same answer for both.",
    409: "The same request is still being worked on; `Retry-After` says when to ask again.",
    413: "The body is over 64 KiB.",
    415: "The body is not JSON.",
    422: "This Idempotency-Key was used for another request.",
    429: "Too many in so short a time, by this user or from this address; `Retry-After` says when to try again.",
    503: "The database cannot be reached; `Retry-After` says when to try again.",
}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Return the problem responses of an operation, for its `responses`."""
    return {
        int(status): ResponseSpec(
            Problem,
            description=_MEANING[status],
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        for status in statuses
    }


READING = problems(400, 401, 429, 503)
READING_ONE = problems(400, 401, 404, 429, 503)
CREATING = problems(400, 401, 409, 413, 415, 422, 429, 503)
NOTING = problems(400, 401, 404, 409, 413, 415, 422, 429, 503)
REPLYING = NOTING | {
    409: ResponseSpec(
        Conflict,
        description=(
            "The thread has grown since it was seen: `messages` are those that the writer has not been shown. Or the "
            "same request is still being worked on; `Retry-After` says when to ask again."
        ),
        media_type=MEDIA_TYPE,
        generate_examples=False,
    )
}
COUNTING = problems(401, 429, 503)


def openapi_config() -> OpenAPIConfig:
    """Return the document's frame, served at `/schema`."""
    return DocumentConfig(
        title="Tickets",
        version=version("tickets"),
        description=(
            "Support tickets between the users of a platform and its admin team. Users send "
            "`Authorization: Bearer …`, admins `X-Admin-Token: …`. Errors are RFC 9457 problem details."
        ),
        openapi_router=docs_router(),
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                USER_SCHEME: SecurityScheme(
                    type="http", scheme="bearer", description="A user's token."
                ),
                ADMIN_SCHEME: SecurityScheme(
                    type="apiKey",
                    security_scheme_in="header",
                    name=ADMIN_HEADER,
                    description="One of the admin tokens of the settings.",
                ),
            }
        ),
        tags=[
            Tag(name="account", description="A user's own tickets."),
            Tag(name="admin", description="Everybody's tickets, for the admin team."),
            Tag(name="health", description="For what watches the service."),
        ],
        render_plugins=[DocsPage(), JsonRenderPlugin(), YamlRenderPlugin()],
    )
