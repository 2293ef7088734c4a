"""Composes sign-in: which credentials each side accepts, by settings or by a host's functions.

Every other kind of credential is a 401. One log line at start says which are accepted.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from litestar.types import BeforeRequestHookHandler

from tickets.adapters.http.access import host_sign_in
from tickets.adapters.http.access.authentication import (
    admin_authentication,
    user_authentication,
)
from tickets.adapters.http.access.failed_sign_ins import FailedSignIns
from tickets.adapters.http.access.host_sign_in import HostFunction
from tickets.adapters.postgres.connection.database import Database
from tickets.adapters.postgres.connection.listener import Listener
from tickets.adapters.postgres.identity.admins import PostgresAdminLookup
from tickets.adapters.postgres.identity.cached_token_lookup import CachedTokenLookup
from tickets.adapters.postgres.identity.people import PostgresPeople
from tickets.adapters.postgres.identity.token_lookup import Identity, PostgresTokenLookup
from tickets.adapters.signed_identity.key_set import KeySet
from tickets.adapters.signed_identity.verifier import (
    ADMIN_AUDIENCE,
    USER_AUDIENCE,
    Verifier,
    admin_of,
    user_of,
)
from tickets.clock import SystemClock
from tickets.domain.ports import AdminLookup, TokenLookup
from tickets.settings.errors import SettingsError
from tickets.settings.settings import Settings

logger = logging.getLogger("tickets")

SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class HostFunctions:
    """The functions of a host that say who is calling; None admits nobody on that side."""

    user: HostFunction | None
    admin: HostFunction | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """The authentication hooks of both sides, and which credentials they accept, in words."""

    users: BeforeRequestHookHandler
    admins: BeforeRequestHookHandler
    accepts: str


def sign_in_of(
    settings: Settings,
    database: Database,
    listener: Listener | None,
    failed_sign_ins: FailedSignIns,
    functions: HostFunctions | None,
) -> SignIn:
    """Return the sign-in of these settings, or of a host's functions where it has some."""
    if functions is not None:
        return _by_functions(settings, database, functions)
    admins = admin_lookup_of(settings, database, listener)
    own_admins = "admin tokens of `tickets admin`" + (
        " and TICKETS_ADMIN_TOKEN" if settings.admin_token else ""
    )
    if settings.identity == SIGNED:
        check_signed(settings)
        people = PostgresPeople(database, seconds=settings.token_cache)
        keys = None if settings.identity_jwks is None else KeySet(settings.identity_jwks)
        options = {
            "secrets": settings.identity_secret,
            "keys": keys,
            "clock": SystemClock(),
            "seconds": settings.token_cache,
        }
        return SignIn(
            host_sign_in.signed_user_authentication(
                Verifier(USER_AUDIENCE, user_of, **options),  # type: ignore[arg-type] # mixed
                people,
                failed_sign_ins,
            ),
            host_sign_in.signed_admin_authentication(
                Verifier(ADMIN_AUDIENCE, admin_of, **options),  # type: ignore[arg-type] # mixed
                people,
                failed_sign_ins,
                admin_tokens=settings.admin_token,
                admin_lookup=admins,
            ),
            f"signed tokens of users and admins, and {own_admins}",
        )
    return SignIn(
        user_authentication(token_lookup_of(settings, database, listener), failed_sign_ins),
        admin_authentication(settings.admin_token, admins, failed_sign_ins),
        f"bearer tokens of users ({settings.identity}), and {own_admins}",
    )


def check_signed(settings: Settings) -> None:
    """Raise `SettingsError` where signed identity has nothing to check signatures with."""
    if not settings.identity_secret and settings.identity_jwks is None:
        raise SettingsError(
            "TICKETS_IDENTITY=signed needs TICKETS_IDENTITY_SECRET or TICKETS_IDENTITY_JWKS."
        )


def _by_functions(settings: Settings, database: Database, functions: HostFunctions) -> SignIn:
    people = PostgresPeople(database, seconds=settings.token_cache)
    sides = {"user": functions.user, "admin": functions.admin}
    named = [f"the function `{name}=`" for name, function in sides.items() if function is not None]
    users = admins = host_sign_in.refused_authentication()
    if functions.user is not None:
        users = host_sign_in.called_user_authentication(
            functions.user, people, settings.own_origins
        )
    if functions.admin is not None:
        admins = host_sign_in.called_admin_authentication(
            functions.admin, people, settings.own_origins
        )
    return SignIn(users, admins, f"whom the host names: {' and '.join(named)}")


def token_lookup_of(
    settings: Settings, database: Database, listener: Listener | None
) -> TokenLookup:
    """Return the token lookup, cached for as long as the settings allow."""
    token_lookup = PostgresTokenLookup(database, Identity.named(settings.identity))
    if not settings.token_cache:
        return token_lookup
    # a platform's own table has no triggers that notify
    listener = listener if settings.identity == "tokens" else None
    return CachedTokenLookup(token_lookup, seconds=settings.token_cache, listener=listener)


def admin_lookup_of(
    settings: Settings, database: Database, listener: Listener | None
) -> AdminLookup:
    """Return the lookup of admin tokens, cached as those of users are."""
    admin_lookup = PostgresAdminLookup(database)
    if not settings.token_cache:
        return admin_lookup
    return CachedTokenLookup(
        admin_lookup, seconds=settings.token_cache, listener=listener, kind="admin"
    )
