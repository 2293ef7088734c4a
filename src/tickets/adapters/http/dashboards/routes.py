"""Routes of the two dashboards: pages that are revalidated, and immutable versioned code."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from litestar import HttpMethod, Request, Response, Router, route
from litestar.config.cors import CORSConfig
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from tickets.adapters.http.access.authentication import ADMIN_HEADER
from tickets.adapters.http.api.idempotency_header import IDEMPOTENCY_HEADER
from tickets.adapters.http.dashboards.files import ENTRY, File, Site
from tickets.adapters.http.edge.mounting import public_address
from tickets.adapters.http.edge.rate_limit_headers import RATE_LIMIT_HEADERS
from tickets.adapters.http.edge.security_headers import PAGE_PERMISSIONS
from tickets.observability.request_context import REQUEST_ID_HEADER

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"

WebRequest = Request[Any, Any, Any]


def page_policy(frame_ancestors: Sequence[str]) -> str:
    """Return the pages' Content-Security-Policy: code, styles and calls of this origin only.

    `trusted-types 'none'` makes the browser itself refuse `innerHTML` and the like.
    """
    ancestors = " ".join(frame_ancestors) or "'none'"
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "img-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {ancestors}",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


def cors_config(origins: Sequence[str]) -> CORSConfig | None:
    """Return the CORS configuration that lets pages of these origins call the API."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["DELETE", "GET", "POST", "PUT"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "If-None-Match",
            IDEMPOTENCY_HEADER,
            ADMIN_HEADER,
            REQUEST_ID_HEADER,
        ],
        expose_headers=["ETag", "Location", *RATE_LIMIT_HEADERS, REQUEST_ID_HEADER],
        max_age=86_400,
    )


def dashboards_router(site: Site, *, frame_ancestors: Sequence[str]) -> Router:
    """Return the router of the dashboards. They are public; their data comes from the API.

    Every address in the pages and in a redirect is relative, so that they work under any prefix.
    """
    policy = page_policy(frame_ancestors)
    methods = [HttpMethod.GET, HttpMethod.HEAD]

    @route("/", http_method=methods, include_in_schema=False)
    async def home(request: WebRequest) -> Redirect:
        """Redirect to the account dashboard."""
        return Redirect(public_address(request.scope, "/account", "account"))

    @route([f"/{name}" for name in site.pages], http_method=methods, include_in_schema=False)
    async def page(request: WebRequest) -> Response[bytes] | Redirect:
        """Return the page of a dashboard."""
        name = posixpath.basename(request.scope["path"].rstrip("/"))
        # from `raw_path`, since the framework has removed the slash from `path`
        if request.scope.get("raw_path", b"").endswith(b"/"):
            # with the slash, the page's relative addresses would lead one level too deep
            return Redirect(public_address(request.scope, f"/{name}", f"../{name}"))
        headers = {
            "Content-Security-Policy": policy,
            "Cross-Origin-Opener-Policy": "same-origin",
            # a page that is cross-origin isolated needs it of the pages in its frames
            "Cross-Origin-Resource-Policy": "cross-origin" if frame_ancestors else "same-origin",
            "Permissions-Policy": PAGE_PERMISSIONS,
            "Link": site.pages[name].links,
        }
        return _send(request, site.pages[name].file, REVALIDATE, headers)

    @route(f"/static/{ENTRY}", http_method=methods, include_in_schema=False)
    async def entry(request: WebRequest) -> Response[bytes]:
        """Return the module that host pages load."""
        return _send(request, site.entry, REVALIDATE, _ANY_ORIGIN)

    @route("/static/{version:str}/{name:path}", http_method=methods, include_in_schema=False)
    async def static(
        request: WebRequest, version: FromPath[str], name: FromPath[str]
    ) -> Response[bytes]:
        """Return a file of the dashboards' code."""
        file = site.files.get(name.removeprefix("/"))
        if file is None:
            raise NotFoundException
        # During a roll-out, a page of one version may ask a process of another version. That gets
        # the file that there is, which must not be cached under the wrong version.
        caching = IMMUTABLE if version == site.version else REVALIDATE
        return _send(request, file, caching, _ANY_ORIGIN)

    return Router("/", route_handlers=[home, page, entry, static])


# The code is public: a host page of any origin may load it, and read the style sheets.
_ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def _send(
    request: WebRequest, file: File, caching: str, headers: Mapping[str, str]
) -> Response[bytes]:
    headers = {
        **headers,
        "Cache-Control": caching,
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
    }
    cached = [tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")]
    if file.etag in cached:
        return Response(b"", status_code=304, headers=headers)
    body = file.body
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body, headers["Content-Encoding"] = file.gzipped, "gzip"
    return Response(body, media_type=file.media_type, headers=headers)
