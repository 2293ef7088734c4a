"""One-click unsubscribe (RFC 8058): the address in `List-Unsubscribe` of mails to customers.

Mail providers post to it without credentials, and link scanners fetch it. So only POST acts, it
reads no cookie and no body, and accepts nothing but the signed end of the path, which can do
nothing else.
"""

from __future__ import annotations

from typing import Any

from litestar import Controller, HttpMethod, MediaType, Request, Response, post, route
from litestar.params import FromPath

from tickets.domain.mails import user_of
from tickets.domain.ports import Clock, Mailbook

POLICY = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
"""The Content-Security-Policy of these pages: a form, and nothing that is loaded."""

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>E-mail about your tickets</title></head>
<body><main><h1>E-mail about your tickets</h1>{}</main></body>
</html>
"""

_QUESTION = (
    "<p>You get an e-mail when there is news about your tickets.</p>"
    '<form method="post"><button>Send me no more e-mail</button></form>'
)
_DONE = "<p>You get no more e-mail about your tickets. The tickets themselves stay as they are.</p>"
_UNKNOWN = "<p>This address is not complete. Please use the link in the e-mail.</p>"


class UnsubscribeController(Controller):
    """Ends mails to one customer, by a signed address."""

    path = "/api/v1/tickets/unsubscribe/{signed:str}"
    include_in_schema = False

    @route(http_method=[HttpMethod.GET, HttpMethod.HEAD], media_type=MediaType.HTML)
    async def ask(self, request: Request[Any, Any, Any], signed: FromPath[str]) -> Response[str]:
        """Show a button. Link scanners fetch every link, so that this changes nothing."""
        is_known = await _user(request, signed) is not None
        return _page(_QUESTION if is_known else _UNKNOWN, 200 if is_known else 404)

    @post(status_code=200, media_type=MediaType.HTML)
    async def unsubscribe(
        self, request: Request[Any, Any, Any], signed: FromPath[str]
    ) -> Response[str]:
        """Send this customer no more mails; the second time changes nothing."""
        user_id = await _user(request, signed)
        if user_id is None:
            return _page(_UNKNOWN, 404)
        mailbook: Mailbook = request.app.state.mailbook
        clock: Clock = request.app.state.clock
        await mailbook.subscribe(user_id, at=clock.now(), wanted=False)
        return _page(_DONE, 200)


async def _user(request: Request[Any, Any, Any], signed: str) -> int | None:
    """Return whose address this is; None where it is nobody's, or mail was never switched on."""
    mailbook: Mailbook = request.app.state.mailbook
    key = await mailbook.key()
    return user_of(signed, key) if key else None


def _page(content: str, status: int) -> Response[str]:
    return Response(
        _PAGE.format(content), status_code=status, headers=_HEADERS, media_type=MediaType.HTML
    )
