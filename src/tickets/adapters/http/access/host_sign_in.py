"""Sign-in of hosts: signed tokens, or functions of the host application that read its own session.

These are hooks like those in `authentication`. People are known by the host's ids, see the port
`People`. A read adds nobody: somebody who has never written anything has no tickets either.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from inspect import isawaitable
from typing import Any, TypeVar

from litestar import Request
from litestar.types import BeforeRequestHookHandler

from tickets.adapters.http.access.authentication import (
    ADMIN_HEADER,
    is_team_token,
    named_admin,
    single_header,
)
from tickets.adapters.http.access.failed_sign_ins import (
    ADMIN_SIGN_INS,
    USER_SIGN_INS,
    FailedSignIns,
)
from tickets.adapters.http.access.same_origin import (
    SAFE_METHODS,
    check_person,
    check_same_origin,
)
from tickets.adapters.http.edge.mounting import host_scope
from tickets.domain.errors import NotAuthenticated, SignInUnavailable, StoreUnavailable
from tickets.domain.identities import Admin, InvalidIdentity, User
from tickets.domain.people import Actor, NamedAdmin
from tickets.domain.ports import AdminLookup, People, TokenVerifier

logger = logging.getLogger("tickets")

CALLABLE_SECONDS = 5.0
"""Longest time that a function of the host may take."""

NOBODY = 0
"""The id of a user or admin without a row: no ticket has it."""

Who = TypeVar("Who", User, Admin)
AnyRequest = Request[Any, Any, Any]

HostFunction = Callable[[Any], Any]
"""Takes the ASGI scope of the host; returns a `User` or an `Admin`, or None; may be async."""


def signed_user_authentication(
    verifier: TokenVerifier[User], people: People, failed_sign_ins: FailedSignIns
) -> BeforeRequestHookHandler:
    """Return the hook that admits holders of a signed bearer token as `request.user`."""

    async def authenticate(request: AnyRequest) -> None:
        token = _bearer_token(request)
        user = await _verified(verifier, token, USER_SIGN_INS, failed_sign_ins, request)
        request.scope["user"] = await _user(people, user, request)

    return authenticate


def signed_admin_authentication(
    verifier: TokenVerifier[Admin],
    people: People,
    failed_sign_ins: FailedSignIns,
    *,
    admin_tokens: Sequence[str],
    admin_lookup: AdminLookup,
) -> BeforeRequestHookHandler:
    """Return the hook that admits admins by a signed token, a shared one, or a named admin's.

    The token is in `X-Admin-Token`, or a bearer token where that is absent.
    """
    team = [token.encode() for token in admin_tokens]

    async def authenticate(request: AnyRequest) -> None:
        token = single_header(request, ADMIN_HEADER.lower().encode()) or _bearer_token(request)
        if is_team_token(token, team):
            request.scope["user"] = Actor.team()
            return
        # no token of our own has a dot
        if "." not in token:
            request.scope["user"] = await named_admin(token, admin_lookup, failed_sign_ins, request)
            return
        admin = await _verified(verifier, token, ADMIN_SIGN_INS, failed_sign_ins, request)
        request.scope["user"] = await _admin(people, admin, request)

    return authenticate


def called_user_authentication(
    function: HostFunction, people: People, own_origins: Sequence[str]
) -> BeforeRequestHookHandler:
    """Return the hook that admits whom the host's function returns as `request.user`."""

    async def authenticate(request: AnyRequest) -> None:
        user = await _called(function, User, request)
        check_same_origin(request, own_origins)
        check_person(request, USER_SIGN_INS, user.id)
        request.scope["user"] = await _user(people, user, request)

    return authenticate


def called_admin_authentication(
    function: HostFunction, people: People, own_origins: Sequence[str]
) -> BeforeRequestHookHandler:
    """Return the hook that admits the admin whom the host's function returns."""

    async def authenticate(request: AnyRequest) -> None:
        admin = await _called(function, Admin, request)
        check_same_origin(request, own_origins)
        check_person(request, ADMIN_SIGN_INS, admin.id)
        request.scope["user"] = await _admin(people, admin, request)

    return authenticate


def refused_authentication() -> BeforeRequestHookHandler:
    """Return the hook that admits nobody, for a side that has no way to sign in."""

    async def authenticate(_request: AnyRequest) -> None:
        raise NotAuthenticated

    return authenticate


def _bearer_token(request: AnyRequest) -> str:
    scheme, _, token = single_header(request, b"authorization").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated
    return token.strip()


async def _verified(
    verifier: TokenVerifier[Who],
    token: str,
    policy: str,
    failed_sign_ins: FailedSignIns,
    request: AnyRequest,
) -> Who:
    person = verifier.cached(token)
    if person is None:
        async with failed_sign_ins.lookup(policy, request):
            person = await verifier.verify(token)
    if person is None:
        await failed_sign_ins.record(policy, request, token)
        raise NotAuthenticated
    return person


async def _user(people: People, user: User, request: AnyRequest) -> Actor:
    user_id = await people.user_id(user, add=request.method not in SAFE_METHODS)
    return Actor.user(NOBODY if user_id is None else user_id)


async def _admin(people: People, admin: Admin, request: AnyRequest) -> Actor:
    try:
        named = await people.admin(admin)
    except StoreUnavailable:
        # a read never depends on adding somebody
        if request.method not in SAFE_METHODS:
            raise
        return Actor.named(NamedAdmin(NOBODY, admin.name))
    if named is None:
        logger.warning("the team has its most members, so an admin of the host acts as the team")
        return Actor.team()
    return Actor.named(named)


async def _called(function: HostFunction, kind: type[Who], request: AnyRequest) -> Who:
    """Return whom the host's function names; raise `NotAuthenticated` where that is nobody.

    Raises `SignInUnavailable` where it fails or takes too long: that says nothing about the caller.
    """
    try:
        async with asyncio.timeout(CALLABLE_SECONDS):
            person = function(host_scope(request.scope))
            if isawaitable(person):
                person = await person
    except InvalidIdentity:
        raise
    except Exception as error:
        raise SignInUnavailable from error
    if person is None:
        raise NotAuthenticated
    if type(person) is not kind:
        message = (
            f"the function `{kind.__name__.lower()}=` must return a tickets.{kind.__name__} or "
            f"None, not {type(person).__name__}"
        )
        raise InvalidIdentity(message)
    return person
