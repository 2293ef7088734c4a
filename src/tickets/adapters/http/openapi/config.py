"""Configuration of the OpenAPI document: title, security schemes, tags, and where it is served."""

from __future__ import annotations

from importlib.metadata import version

from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Server, Tag

from tickets.adapters.http.access.authentication import ADMIN_HEADER, ADMIN_SCHEME, USER_SCHEME
from tickets.adapters.http.openapi.document import DocumentConfig
from tickets.adapters.http.openapi.swagger_ui import SwaggerUI, swagger_ui_router


def openapi_config() -> OpenAPIConfig:
    """Return the configuration of the document, which is served under `/schema`."""
    return DocumentConfig(
        title="Tickets",
        version=version("tickets"),
        description=(
            "Support tickets between the users of a platform and its admin team. Users send "
            "`Authorization: Bearer …`, admins `X-Admin-Token: …`. Errors are RFC 9457 problem "
            "details."
        ),
        # relative to the document's own address, and so right under any prefix
        servers=[Server(url="..", description="This service.")],
        openapi_router=swagger_ui_router(),
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                USER_SCHEME: SecurityScheme(
                    type="http", scheme="bearer", description="A user's bearer token."
                ),
                ADMIN_SCHEME: SecurityScheme(
                    type="apiKey",
                    security_scheme_in="header",
                    name=ADMIN_HEADER,
                    description=(
                        "The token of a named admin, or a shared one of the service's settings."
                    ),
                ),
            }
        ),
        tags=[
            Tag(name="account", description="A user's own tickets."),
            Tag(name="admin", description="Everybody's tickets, for the admin team."),
            Tag(name="health", description="Liveness and readiness, for monitoring."),
        ],
        render_plugins=[SwaggerUI(), JsonRenderPlugin(), YamlRenderPlugin()],
    )
