"""Verifies JSON Web Tokens: signature, audience, times and claims of a host's user or admin.

The algorithms come from our configuration, never from the token: HS256 with the shared secrets, and
what each key of the key set is for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Generic, TypeVar

import jwt

from tickets.adapters.signed_identity.key_set import Key, KeySet
from tickets.bounded_dict import BoundedDict
from tickets.domain.identities import Admin, User
from tickets.domain.ports import Clock

logger = logging.getLogger("tickets")

USER_AUDIENCE = "tickets"
ADMIN_AUDIENCE = "tickets-admin"

LEEWAY = 30
"""Seconds by which the issuer's clock may differ from ours."""

MAX_LIFETIME = 24 * 3600
"""Seconds until a token's expiry, at most."""

MAX_TIME = 1e12
"""Seconds since 1970 that a claim may name, far beyond any date."""

MAX_TOKEN_LENGTH = 8000
"""Characters of a token."""

MAX_ENTRIES = 10_000
"""Maximum number of verified tokens in memory; eviction is FIFO."""

_PLAIN_ERRORS = (ValueError, TypeError, RecursionError, OverflowError)
"""What malformed tokens raise in the decoders below the library."""

Who = TypeVar("Who")


class Refused(Exception):
    """A token is not valid; the message is the reason, without anything of the token."""


class Verifier(Generic[Who]):
    """Verifies the tokens of one audience."""

    def __init__(
        self,
        audience: str,
        make: Callable[[Mapping[str, Any]], Who],
        *,
        secrets: Sequence[str],
        keys: KeySet | None,
        clock: Clock,
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Accept HS256 with one of `secrets`, and signatures of `keys`.

        `make` makes a person of the claims; it raises `ValueError` or `TypeError`. A verified token
        is cached for `seconds`.
        """
        self._audience = audience
        self._make = make
        self._secrets = [Key(None, ("HS256",), secret.encode()) for secret in secrets]
        self._keys = keys
        self._clock = clock
        self._seconds = seconds
        self._monotonic = monotonic
        self._verified = BoundedDict[bytes, tuple[float, Who]](MAX_ENTRIES)

    def cached(self, token: str) -> Who | None:
        """Return who was verified by this token a short time ago; None where that is unknown."""
        entry = self._verified.get(_digest(token))
        return entry[1] if entry is not None and self._monotonic() < entry[0] else None

    async def verify(self, token: str) -> Who | None:
        """Return who signs in with this token; None where it is not valid, for a logged reason.

        Raises `SignInUnavailable`.
        """
        now = self._monotonic()
        try:
            claims = await self._claims(token)
            seconds_left = self._check_times(claims)
            person = self._person(claims)
        except Refused as refusal:
            logger.info("refused a signed token: %s", refusal)
            return None
        self._verified.put(_digest(token), (now + min(self._seconds, seconds_left), person))
        return person

    async def _claims(self, token: str) -> Mapping[str, Any]:
        algorithm, key_id = _header(token)
        candidates: Sequence[Key] = self._secrets
        if algorithm != "HS256" and self._keys is not None:
            candidates = await self._keys.candidates(key_id)
        reason = "no key of the configuration fits it"
        for key in candidates:
            if algorithm not in key.algorithms:
                continue
            try:
                return self._decode(token, key)
            except jwt.InvalidSignatureError:
                reason = "its signature is wrong"
            except jwt.PyJWTError as error:
                # the library's own sentences quote nothing but the names of claims
                raise Refused(type(error).__name__) from error
            except _PLAIN_ERRORS as error:
                raise Refused("its claims cannot be read") from error
        raise Refused(reason)

    def _decode(self, token: str, key: Key) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=list(key.algorithms),
            audience=self._audience,
            # times are checked below, by our clock
            options={
                "require": ["exp", "sub", "aud"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
        return claims

    def _check_times(self, claims: Mapping[str, Any]) -> float:
        """Return the seconds until the token expires."""
        now = self._clock.now().timestamp()
        for name in ("exp", "nbf", "iat"):
            value: Any = claims.get(name)
            if value is None and name != "exp":
                continue
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            # neither infinity nor what is not a number passes the comparison
            if not (is_number and -MAX_TIME < value < MAX_TIME):
                raise Refused(f"its {name} is not a time")
        if claims["exp"] <= now - LEEWAY:
            raise Refused("it has expired")
        if claims["exp"] > now + MAX_LIFETIME + LEEWAY:
            raise Refused("it is valid for more than 24 hours")
        for name in ("nbf", "iat"):
            if (value := claims.get(name)) is not None and value > now + LEEWAY:
                raise Refused(f"its {name} is in the future")
        return max(0.0, float(claims["exp"]) + LEEWAY - now)

    def _person(self, claims: Mapping[str, Any]) -> Who:
        try:
            return self._make(claims)
        except (ValueError, TypeError) as error:
            raise Refused(str(error)) from error


def _header(token: str) -> tuple[object, str | None]:
    """Return algorithm and key id that a token states; raise `Refused`."""
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise Refused("it is too long, or has characters that no token has")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, *_PLAIN_ERRORS) as error:
        raise Refused("it is not a JSON Web Token") from error
    if "crit" in header:
        raise Refused("it has critical extensions")
    key_id = header.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise Refused("its key id is not a string")
    return header.get("alg"), key_id


def user_of(claims: Mapping[str, Any]) -> User:
    """Return the user of these claims; raise `ValueError` or `TypeError`."""
    return User(_subject(claims), claims.get("email"), claims.get("name"))


def admin_of(claims: Mapping[str, Any]) -> Admin:
    """Return the admin of these claims; raise `ValueError` or `TypeError`."""
    return Admin(_subject(claims), claims.get("name") or "", claims.get("email"))


def _subject(claims: Mapping[str, Any]) -> str:
    """Return `sub`; a number counts as its decimal text."""
    subject = claims["sub"]
    if isinstance(subject, int) and not isinstance(subject, bool):
        return str(subject)
    if not isinstance(subject, str):
        message = "its sub is neither a string nor a whole number"
        raise TypeError(message)
    return subject


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
