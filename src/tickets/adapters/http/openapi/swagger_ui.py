"""Swagger UI at `/schema`, with all files served by this service.

The framework's own page loads its scripts from a CDN. No third-party script may run on the origin
where dashboards keep tokens, and a page for operators has to work without the internet. So the
files come from the package `offapi`, which contains Swagger UI. The package is located without
importing it, since it loads all of its files into memory.
"""

from __future__ import annotations

from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from litestar import MediaType, Request, Response, Router, get
from litestar.openapi.plugins import OpenAPIRenderPlugin

from tickets.adapters.http.edge.problem_details import NOT_FOUND_DETAIL, problem, problem_response
from tickets.adapters.http.edge.security_headers import PAGE_PERMISSIONS

# Swagger UI sets styles on elements, and draws icons from data URLs.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>Tickets: API</title>
  <link rel="stylesheet" href="{base}swagger-ui.css">
  <script src="{base}swagger-ui.js" defer></script>
  <script src="{base}start.js" defer></script>
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
        raise RuntimeError("the package offapi, which contains Swagger UI, is not installed")
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


def _problem_if_not_found(response: Response[Any]) -> Response[Any]:
    """Replace the framework's own 404 page by problem details, as everywhere else."""
    if response.status_code != HTTPStatus.NOT_FOUND:
        return response
    return problem_response(problem(HTTPStatus.NOT_FOUND, NOT_FOUND_DETAIL))


def swagger_ui_router() -> Router:
    """Return the router of everything under `/schema`, with a policy that allows its own files."""
    return Router(
        "/schema",
        route_handlers=[],
        include_in_schema=False,
        after_request=_problem_if_not_found,
        response_headers={
            "Content-Security-Policy": _POLICY,
            "Permissions-Policy": PAGE_PERMISSIONS,
        },
    )


class SwaggerUI(OpenAPIRenderPlugin):
    """A render plugin that serves the page and the files that it loads."""

    def __init__(self) -> None:
        """Serve the page at `/schema` itself."""
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page, whose script loads the document."""
        del openapi_schema
        # Relative addresses work under any prefix. Without a slash at the end of the page's own
        # address they are resolved one level higher.
        base = "" if request.scope["raw_path"].endswith(b"/") else "schema/"
        return _PAGE.format(base=base).encode()

    def receive_router(self, router: Router) -> None:
        """Register the files beside the page."""
        for handler in (_script, _style, _start):
            router.register(handler)
