"""Hosts that say who is calling: by signed tokens of each kind, or by a function over a cookie."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from litestar import Litestar

from tests.http.conftest import (
    ADMIN_TOKENS,
    Api,
    Caller,
    CurrentPort,
    CurrentPorts,
    application_on,
    client_of,
)
from tests.world import World
from tickets.adapters.http.access import host_sign_in
from tickets.adapters.http.access.failed_sign_ins import FailedSignIns
from tickets.adapters.signed_identity.key_set import KeySet
from tickets.adapters.signed_identity.verifier import (
    ADMIN_AUDIENCE,
    USER_AUDIENCE,
    Verifier,
    admin_of,
    user_of,
)
from tickets.clock import SystemClock
from tickets.domain.identities import Admin, User

SECRET = "a-secret-that-host-and-service-share"
OLD_SECRET = "the-secret-from-before-the-rotation!"
FOREIGN_SECRET = "a-secret-of-somebody-else-altogether"

ORIGIN = "http://tickets.test"

SAME_ORIGIN = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}


def now() -> int:
    return int(SystemClock().now().timestamp())


@dataclass(frozen=True)
class Signer:
    """A key of the host, its algorithm, and its entry in the key set."""

    algorithm: str
    key: Any
    key_id: str | None = None

    @property
    def entry(self) -> dict[str, Any]:
        """Return the public key as an entry of a JWKS document."""
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        entry: dict[str, Any] = json.loads(algorithm.to_jwk(self.key.public_key()))
        return entry | ({"kid": self.key_id} if self.key_id else {}) | {"use": "sig"}

    @property
    def pem(self) -> bytes:
        pem: bytes = self.key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return pem

    def token(self, sub: object, audience: object = USER_AUDIENCE, **claims: object) -> str:
        """Return a token that is valid for a minute, unless the claims say otherwise."""
        payload = {"sub": sub, "aud": audience, "exp": now() + 60, **claims}
        payload = {name: value for name, value in payload.items() if value is not ...}
        headers = {"kid": self.key_id} if self.key_id else None
        # not `jwt.encode`, which refuses what a hostile issuer may write
        return jwt.PyJWS().encode(
            json.dumps(payload).encode(), self.key, self.algorithm, headers=headers
        )


RSA = Signer("RS256", rsa.generate_private_key(65537, 2048), "rsa-1")
EC = Signer("ES256", ec.generate_private_key(ec.SECP256R1()), "ec-1")
ED = Signer("EdDSA", ed25519.Ed25519PrivateKey.generate(), "ed-1")
UNKNOWN = Signer("RS256", rsa.generate_private_key(65537, 2048), "rsa-1")
HMAC = Signer("HS256", SECRET)
OLD_HMAC = Signer("HS256", OLD_SECRET)
FOREIGN_HMAC = Signer("HS256", FOREIGN_SECRET)

SIGNERS = {"HS256": HMAC, "rotated": OLD_HMAC, "RS256": RSA, "ES256": EC, "EdDSA": ED}


def key_set_of(path: Any, *signers: Signer) -> KeySet:
    """Return the key set in a file with these keys."""
    path.write_text(json.dumps({"keys": [signer.entry for signer in signers]}))
    return KeySet(str(path))


def signed_hooks(world: World, keys: KeySet | None) -> dict[str, Any]:
    """Return the hooks of signed identity."""
    options: dict[str, Any] = {
        "secrets": [SECRET, OLD_SECRET],
        "keys": keys,
        "clock": SystemClock(),
        "seconds": 0,
    }
    failed = FailedSignIns(world.rate_limiter, None)
    return {
        "user_authentication": host_sign_in.signed_user_authentication(
            Verifier(USER_AUDIENCE, user_of, **options), world.people, failed
        ),
        "admin_authentication": host_sign_in.signed_admin_authentication(
            Verifier(ADMIN_AUDIENCE, admin_of, **options),
            world.people,
            failed,
            admin_tokens=ADMIN_TOKENS,
            admin_lookup=world.admin_lookup,
        ),
    }


def cookie_of(scope: Any) -> str:
    """Return the one cookie of a request of the host."""
    cookies = [value.decode() for name, value in scope["headers"] if name == b"cookie"]
    return cookies[0].removeprefix("session=") if len(cookies) == 1 else ""


async def session_user(scope: Any) -> User | None:
    """Return the user of the host's session."""
    kind, _, name = cookie_of(scope).partition("-")
    return User(f"host-{name}", f"{name}@example.com") if kind == "user" else None


def session_admin(scope: Any) -> Admin | None:
    """Return the admin of the host's session; not async, which is fine too."""
    kind, _, name = cookie_of(scope).partition("-")
    return Admin(f"staff-{name}", name.title()) if kind == "admin" else None


def called_hooks(world: World, **functions: Any) -> dict[str, Any]:
    """Return the hooks of a host with functions."""
    functions = {"user": session_user, "admin": session_admin} | functions
    return {
        "user_authentication": host_sign_in.called_user_authentication(
            functions["user"], world.people, functions.get("own_origins", ())
        ),
        "admin_authentication": host_sign_in.called_admin_authentication(
            functions["admin"], world.people, functions.get("own_origins", ())
        ),
    }


@cache
def host_application(way: str) -> Litestar:
    """Return the application of a way of identity, over the world of the running test."""
    ports: Any = CurrentPorts()
    if way == "cookie":
        return application_on(ports, **called_hooks(ports))
    folder = Path(tempfile.mkdtemp(prefix="tickets-keys-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return application_on(
        ports, **signed_hooks(ports, key_set_of(folder / "keys.json", RSA, EC, ED))
    )


class HostApi(Api):
    """The API of an application whose people sign in at a host, by a cookie or a signed token."""

    def __init__(self, world: World, way: str) -> None:
        """Use `cookie`, or the name of a signer."""
        CurrentPort.world = world
        app = host_application("cookie" if way == "cookie" else "signed")
        super().__init__(world, client_of(app))
        self._headers = headers = headers_of(way)
        self.admin = Caller(self.client, headers("admin", "nadia"))

    async def user(self, email: str | None = None) -> Caller:
        name = (email or self.world.an_email()).partition("@")[0]
        user_id = await self.world.people.user_id(User(f"host-{name}", email), add=True)
        assert user_id is not None
        return Caller(self.client, self._headers("user", name), user_id)


def cookie_headers(side: str, name: str) -> dict[str, str]:
    return {
        "Cookie": f"session={side}-{name}",
        "Content-Type": "application/json",
        **SAME_ORIGIN,
    }


def headers_of(way: str) -> Callable[[str, str], dict[str, str]]:
    """Return the function that returns the headers of a person of a side."""
    return cookie_headers if way == "cookie" else signed_headers(SIGNERS[way])


def signed_headers(signer: Signer) -> Callable[[str, str], dict[str, str]]:
    """Return the function that signs people in with this key."""

    def headers(side: str, name: str) -> dict[str, str]:
        if side == "user":
            token = signer.token(f"host-{name}", email=f"{name}@example.com")
            return {"Authorization": f"Bearer {token}"}
        token = signer.token(f"staff-{name}", ADMIN_AUDIENCE, name=name.title())
        return {"X-Admin-Token": token}

    return headers
