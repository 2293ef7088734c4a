"""Serves the two dashboards: pages that are always fresh, and code under a path that changes with it."""

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
from tickets.adapters.http.access.failed_sign_ins import HEADERS
from tickets.adapters.http.dashboards.files import ENTRY, File, Site
from tickets.adapters.http.edge.security_headers import PAGE_PERMISSIONS
from tickets.observability.request_context import HEADER

FOR_GOOD = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"

WebRequest = Request[Any, Any, Any]


def page_policy(frame_ancestors: Sequence[str]) -> str:
    """Return the pages' Content-Security-Policy: their own code, style and service, nothing else.

    `trusted-types 'none'` makes the browser itself refuse `innerHTML` and its kin.
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


def cross_origin(origins: Sequence[str]) -> CORSConfig | None:
    """Return what lets pages of these origins call the API; None, and thus no page, where there are none."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", ADMIN_HEADER, HEADER],
        expose_headers=["Location", *HEADERS, HEADER],
        max_age=86_400,
    )


def web_router(site: Site, *, frame_ancestors: Sequence[str]) -> Router:
    """Return what serves the dashboards, to anyone: whose data they show is the API's to decide.

    Every address in the pages and in a redirect is relative, so that they also work under a prefix.
    """
    policy = page_policy(frame_ancestors)
    methods = [HttpMethod.GET, HttpMethod.HEAD]

    @route("/", http_method=methods, include_in_schema=False)
    async def home() -> Redirect:
        """Lead to the account dashboard, where most people want to go."""
        return Redirect("account")

    @route([f"/{name}" for name in site.pages], http_method=methods, include_in_schema=False)
    async def page(request: WebRequest) -> Response[bytes] | Redirect:
        """Show a dashboard."""
        name = posixpath.basename(request.scope["path"].rstrip("/"))
        # as it was asked for: `path` has lost the slash by now
        if request.scope.get("raw_path", b"").endswith(b"/"):
            # from here the page's relative addresses would lead one level too deep
            return Redirect(f"../{name}")
        headers = {
            "Content-Security-Policy": policy,
            "Cross-Origin-Opener-Policy": "same-origin",
            # a frame is asked for it as well, where the page around it is isolated
            "Cross-Origin-Resource-Policy": "cross-origin" if frame_ancestors else "same-origin",
            "Permissions-Policy": PAGE_PERMISSIONS,
            "Link": site.pages[name].links,
        }
        return _send(request, site.pages[name].file, ASK_FIRST, headers)

    @route(f"/static/{ENTRY}", http_method=methods, include_in_schema=False)
    async def entry(request: WebRequest) -> Response[bytes]:
        """Give a host page the elements."""
        return _send(request, site.entry, ASK_FIRST, _ANYWHERE)

    @route("/static/{version:str}/{name:path}", http_method=methods, include_in_schema=False)
    async def static(
        request: WebRequest, version: FromPath[str], name: FromPath[str]
    ) -> Response[bytes]:
        """Send a file of the dashboards' code."""
        file = site.files.get(name.removeprefix("/"))
        if file is None:
            raise NotFoundException
        # While a new version is rolled out, a page of one process may ask another for its files. What that
        # has is the best there is, but must not be kept under a version that it is not.
        caching = FOR_GOOD if version == site.version else ASK_FIRST
        return _send(request, file, caching, _ANYWHERE)

    return Router("/", route_handlers=[home, page, entry, static])


# The code is public and the same for everybody: a host page of any origin may load it, and read the style sheets.
_ANYWHERE = {
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
    known = [tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")]
    if file.etag in known:
        return Response(b"", status_code=304, headers=headers)
    body = file.body
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body, headers["Content-Encoding"] = file.gzipped, "gzip"
    return Response(body, media_type=file.media_type, headers=headers)
