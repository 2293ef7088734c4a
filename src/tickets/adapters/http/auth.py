"""Who is asking: guards that settle it before anything else about a request is looked at."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from tickets.adapters.http.rates import SignIns
from tickets.domain.errors import NotAuthenticated
from tickets.domain.ports import Users
from tickets.domain.ticket import Actor

Connection = ASGIConnection[Any, Any, Any, Any]

ADMIN_HEADER = "X-Admin-Token"
USER_CHALLENGE = 'Bearer realm="tickets"'
ADMIN_CHALLENGE = f'{ADMIN_HEADER} realm="tickets-admin"'


# Guards are functions and not objects, because the framework makes deep copies of what is registered with a route: an
# object's database would be another one than the application's. A function is never copied.


def user_guard(users: Users, sign_ins: SignIns) -> Guard:
    """Return what lets in who holds a bearer token (section 6), as `request.user`, an `Actor`.

    It raises `NotAuthenticated` unless the request has exactly one `Authorization: Bearer …`, and
    `TooManyRequests` where sign-ins have failed too often.
    """

    async def guard(connection: Connection, _handler: BaseRouteHandler) -> None:
        sign_ins.admit(connection)
        headers = connection.headers.getall("authorization", [])
        scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotAuthenticated
        user_id = await users.by_token(token.strip())
        if user_id is None:
            await sign_ins.failed(connection, token)
            raise NotAuthenticated
        connection.scope["user"] = Actor.user(user_id)

    return guard


def admin_guard(tokens: Sequence[str], sign_ins: SignIns) -> Guard:
    """Return what lets in who holds one of these tokens (section 6), as `request.user`, an `Actor`.

    It raises `NotAuthenticated` unless the request has exactly one `X-Admin-Token`, and
    `TooManyRequests` where sign-ins have failed too often.
    """
    known = [token.encode() for token in tokens]

    async def guard(connection: Connection, _handler: BaseRouteHandler) -> None:
        sign_ins.admit(connection)
        headers = connection.headers.getall(ADMIN_HEADER, [])
        given = headers[0].encode() if len(headers) == 1 else b""
        # compared with each of them, whatever the outcome, so that the time taken says nothing
        matches = [hmac.compare_digest(given, token) for token in known]
        if not any(matches):
            if given:
                await sign_ins.failed(connection, headers[0])
            raise NotAuthenticated
        connection.scope["user"] = Actor.admin()

    return guard
