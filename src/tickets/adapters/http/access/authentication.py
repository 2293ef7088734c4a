"""Who is asking: hooks that settle it before anything else about a request is looked at."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from litestar import Request
from litestar.types import BeforeRequestHookHandler

from tickets.adapters.http.access.failed_sign_ins import MAX_ENTRIES, FailedSignIns
from tickets.domain.errors import NotAuthenticated
from tickets.domain.people import Actor
from tickets.domain.ports import TokenLookup

ADMIN_HEADER = "X-Admin-Token"
USER_CHALLENGE = 'Bearer realm="tickets"'
ADMIN_CHALLENGE = f'{ADMIN_HEADER} realm="tickets-admin"'


# Hooks and not the framework's guards, for each of which it copies the whole route handler at every request: that was more
# than a third of its work for a badge. Functions and not objects, because it makes deep copies of what is registered
# with a route: an object's database would be another one than the application's. A function is never copied.


def user_authentication(
    users: TokenLookup, failed_sign_ins: FailedSignIns
) -> BeforeRequestHookHandler:
    """Return what lets in who holds a bearer token (section 6), as `request.user`, an `Actor`.

    It raises `NotAuthenticated` unless the request has exactly one `Authorization: Bearer …`, and
    `TooManyRequests` where sign-ins have failed too often.
    """

    async def guard(request: Request[Any, Any, Any]) -> None:
        failed_sign_ins.check_access(request)
        scheme, _, token = _one_header(request, b"authorization").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotAuthenticated
        user_id = await users.by_token(token.strip())
        if user_id is None:
            await failed_sign_ins.failed(request, token)
            raise NotAuthenticated
        request.scope["user"] = _user(user_id)

    return guard


def admin_authentication(
    tokens: Sequence[str], failed_sign_ins: FailedSignIns
) -> BeforeRequestHookHandler:
    """Return what lets in who holds one of these tokens (section 6), as `request.user`, an `Actor`.

    It raises `NotAuthenticated` unless the request has exactly one `X-Admin-Token`, and
    `TooManyRequests` where sign-ins have failed too often.
    """
    known = [token.encode() for token in tokens]

    async def guard(request: Request[Any, Any, Any]) -> None:
        failed_sign_ins.check_access(request)
        header = _one_header(request, ADMIN_HEADER.lower().encode())
        given = header.encode()
        # compared with each of them, whatever the outcome, so that the time taken says nothing
        matches = [hmac.compare_digest(given, token) for token in known]
        if not any(matches):
            if given:
                await failed_sign_ins.failed(request, header)
            raise NotAuthenticated
        request.scope["user"] = Actor.admin()

    return guard


_user = lru_cache(MAX_ENTRIES)(Actor.user)


def _one_header(request: Request[Any, Any, Any], name: bytes) -> str:
    """Return what the one header of this name says; nothing where there is none, or more than one."""
    given = None
    for header, value in request.scope["headers"]:
        if header == name:
            if given is not None:
                return ""
            given = value
    return "" if given is None else given.decode("latin-1")
