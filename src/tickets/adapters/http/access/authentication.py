"""Authentication hooks: they find out who is calling, before anything else of a request is read.

They are `before_request` hooks and not the framework's guards, for which it copies the whole route
handler at every request. They are functions and not objects, because the framework deep-copies
what is registered with a route: the database of an object would not be the application's.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from litestar import Request
from litestar.types import BeforeRequestHookHandler

from tickets.adapters.http.access.failed_sign_ins import (
    ADMIN_SIGN_INS,
    USER_SIGN_INS,
    FailedSignIns,
)
from tickets.domain.errors import NotAuthenticated
from tickets.domain.people import Actor
from tickets.domain.ports import AdminLookup, TokenLookup

ADMIN_HEADER = "X-Admin-Token"
USER_CHALLENGE = 'Bearer realm="tickets"'
ADMIN_CHALLENGE = f'{ADMIN_HEADER} realm="tickets-admin"'

USER_SCHEME = "UserToken"
ADMIN_SCHEME = "AdminToken"
"""Names of the two security schemes in the OpenAPI document."""

MAX_ACTORS = 10_000
"""Maximum number of users whose `Actor` is kept for their next request."""


def user_authentication(
    token_lookup: TokenLookup, failed_sign_ins: FailedSignIns
) -> BeforeRequestHookHandler:
    """Return the hook that admits holders of a bearer token (section 6) as `request.user`.

    It raises `NotAuthenticated` unless the request has exactly one `Authorization: Bearer …`, and
    `TooManyRequests` for a wrong token where too many sign-ins of the client have failed. A good
    token is let in all the same, from the cache at once, else when its lookup has its turn.
    """

    async def authenticate(request: Request[Any, Any, Any]) -> None:
        scheme, _, token = single_header(request, b"authorization").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotAuthenticated
        token = token.strip()
        user_id = token_lookup.cached(token)
        if user_id is None:
            async with failed_sign_ins.lookup(USER_SIGN_INS, request):
                user_id = await token_lookup.by_token(token)
        if user_id is None:
            await failed_sign_ins.record(USER_SIGN_INS, request, token)
            raise NotAuthenticated
        request.scope["user"] = _user(user_id)

    return authenticate


def admin_authentication(
    admin_tokens: Sequence[str], admin_lookup: AdminLookup, failed_sign_ins: FailedSignIns
) -> BeforeRequestHookHandler:
    """Return the hook that admits holders of an admin token (section 6) as `request.user`.

    The shared tokens `admin_tokens` are the team's; any other token is a named admin's.

    It raises `NotAuthenticated` unless the request has exactly one `X-Admin-Token`, and
    `TooManyRequests` for a wrong token where too many sign-ins of the client have failed. A good
    token is let in all the same: a shared one without a query, a named admin's as a user's is.
    """
    valid_tokens = [token.encode() for token in admin_tokens]

    async def authenticate(request: Request[Any, Any, Any]) -> None:
        header = single_header(request, ADMIN_HEADER.lower().encode())
        if is_team_token(header, valid_tokens):
            request.scope["user"] = Actor.team()
            return
        if not header:
            raise NotAuthenticated
        request.scope["user"] = await named_admin(header, admin_lookup, failed_sign_ins, request)

    return authenticate


async def named_admin(
    token: str,
    admin_lookup: AdminLookup,
    failed_sign_ins: FailedSignIns,
    request: Request[Any, Any, Any],
) -> Actor:
    """Return the named admin who holds a token; raise `NotAuthenticated` if nobody does."""
    admin = admin_lookup.cached(token)
    if admin is None:
        async with failed_sign_ins.lookup(ADMIN_SIGN_INS, request):
            admin = await admin_lookup.by_token(token)
    if admin is None:
        await failed_sign_ins.record(ADMIN_SIGN_INS, request, token)
        raise NotAuthenticated
    return Actor.named(admin)


def is_team_token(token: str, valid_tokens: Sequence[bytes]) -> bool:
    """Return whether a token is one of the team's shared ones."""
    given = token.encode()
    # compared with each of them, so that the time taken reveals nothing
    matches = [hmac.compare_digest(given, valid) for valid in valid_tokens]
    return any(matches)


_user = lru_cache(MAX_ACTORS)(Actor.user)


def single_header(request: Request[Any, Any, Any], name: bytes) -> str:
    """Return the value of a header that occurs once; nothing where it is absent or repeated."""
    found = None
    for header, value in request.scope["headers"]:
        if header == name:
            if found is not None:
                return ""
            found = value
    return "" if found is None else found.decode("latin-1")
