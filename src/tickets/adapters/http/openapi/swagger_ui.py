"""The documentation page at `/schema`: Swagger UI, from this service alone.

The framework's own page loads its scripts from a public network of copies. On the origin where
dashboards keep tokens no stranger's script may run, and a page for operators has to work without
the internet, so the files come from the package `offapi`, which carries Swagger UI and is built
for that. It is found without being imported, since it loads everything that it carries into memory.
"""

from __future__ import annotations

from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from litestar import MediaType, Request, Response, Router, get
from litestar.openapi.plugins import OpenAPIRenderPlugin

from tickets.adapters.http.edge.error_handlers import NOT_FOUND_DETAIL, problem_response
from tickets.adapters.http.edge.security_headers import PAGE_PERMISSIONS

# Paths are relative to `/schema/`, wherever a proxy has put the service. Swagger UI styles elements and draws icons by itself.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>Tickets: API</title>
  <link rel="stylesheet" href="{here}swagger-ui.css">
  <script src="{here}swagger-ui.js" defer></script>
  <script src="{here}start.js" defer></script>
</head>
<body><main id="docs"></main></body>
</html>
"""

_START = b"""SwaggerUIBundle({
  url: new URL("openapi.json", document.currentScript.src).href,
  domNode: document.getElementById("docs"),
  deepLinking: true,
  persistAuthorization: false,
});
"""

_CACHED = {"Cache-Control": "public, max-age=3600"}


def _swagger_ui(file: str) -> bytes:
    package = find_spec("offapi")
    if package is None or package.origin is None:
        raise RuntimeError("the package offapi, which carries Swagger UI, is not installed")
    return (Path(package.origin).parent / file).read_bytes()


@get("/swagger-ui.js", include_in_schema=False, media_type="text/javascript", sync_to_thread=True)
def _script() -> Response[bytes]:
    return Response(_swagger_ui("swagger_bundle.js"), headers=_CACHED)


@get("/swagger-ui.css", include_in_schema=False, media_type=MediaType.CSS, sync_to_thread=True)
def _style() -> Response[bytes]:
    return Response(_swagger_ui("swagger_style.css"), headers=_CACHED)


@get("/start.js", include_in_schema=False, media_type="text/javascript", sync_to_thread=False)
def _start() -> Response[bytes]:
    return Response(_START, headers=_CACHED)


def _problem_where_nothing_is(response: Response[Any]) -> Response[Any]:
    """Tell of a wrong address as everywhere else, and not with the framework's own page."""
    if response.status_code != HTTPStatus.NOT_FOUND:
        return response
    return problem_response(HTTPStatus.NOT_FOUND, NOT_FOUND_DETAIL)


def docs_router() -> Router:
    """Return the router of everything under `/schema`, with a policy that lets its own files run."""
    return Router(
        "/schema",
        route_handlers=[],
        include_in_schema=False,
        after_request=_problem_where_nothing_is,
        response_headers={
            "Content-Security-Policy": _POLICY,
            "Permissions-Policy": PAGE_PERMISSIONS,
        },
    )


class DocsPage(OpenAPIRenderPlugin):
    """Serves the page and the files that it loads."""

    def __init__(self) -> None:
        """Be the page at `/schema` itself."""
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page, which asks for the document by itself."""
        del openapi_schema
        # what lies beside the page is one step further down where its address has no slash behind it
        here = "" if request.scope["raw_path"].endswith(b"/") else "schema/"
        return _PAGE.format(here=here).encode()

    def receive_router(self, router: Router) -> None:
        """Put the files beside the page."""
        for handler in (_script, _style, _start):
            router.register(handler)
