"""Signed identity: which tokens are valid, and how keys are found, cached and rotated."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.http.access.hosts import (
    EC,
    ED,
    FOREIGN_SECRET,
    HMAC,
    OLD_HMAC,
    OLD_SECRET,
    RSA,
    SECRET,
    UNKNOWN,
    Signer,
    key_set_of,
    now,
)
from tests.world import FakeTime
from tickets.adapters.signed_identity import key_set
from tickets.adapters.signed_identity.key_set import KeySet, parse_keys
from tickets.adapters.signed_identity.verifier import (
    ADMIN_AUDIENCE,
    USER_AUDIENCE,
    Verifier,
    admin_of,
    user_of,
)
from tickets.clock import SystemClock
from tickets.domain.errors import SignInUnavailable
from tickets.domain.identities import Admin, User


def verifier(
    keys: KeySet | None = None, *secrets: str, seconds: float = 0, monotonic: Any = None
) -> Verifier[User]:
    more = {} if monotonic is None else {"monotonic": monotonic}
    return Verifier(
        USER_AUDIENCE,
        user_of,
        secrets=secrets,
        keys=keys,
        clock=SystemClock(),
        seconds=seconds,
        **more,
    )


async def test_claims_become_the_user_and_the_admin() -> None:
    token = HMAC.token("42", email="mara@example.com", name=" Mara ", more={"x": 1})
    assert await verifier(None, SECRET).verify(token) == User("42", "mara@example.com", "Mara")

    admins = Verifier(
        ADMIN_AUDIENCE, admin_of, secrets=[SECRET], keys=None, clock=SystemClock(), seconds=0
    )
    token = HMAC.token(7, ["other", ADMIN_AUDIENCE], name="Nadia Berg", email="n@example.com")
    assert await admins.verify(token) == Admin("7", "Nadia Berg", "n@example.com")
    assert await admins.verify(HMAC.token(7, ADMIN_AUDIENCE)) is None


@pytest.mark.parametrize(("sub", "user_id"), [(42, "42"), ("042", "042"), (-1, "-1"), ("ä", "ä")])
async def test_a_number_counts_as_its_decimal_text(sub: object, user_id: str) -> None:
    user = await verifier(None, SECRET).verify(HMAC.token(sub))
    assert user is not None
    assert user.id == user_id


_WRONG: dict[str, list[Any]] = {
    "sub": ["", "x" * 10_000, "a\0b", " 7", 1.5, True, None, [], {}],
    "email": [7, [], {}, True],
    "name": [7, [], False],
    "exp": ["soon", True, None, [], 1e400, -1, float("nan"), 10**400],
    "nbf": ["x", True, 1e400],
    "iat": ["x"],
    "aud": ["", [], None, 7, {"tickets": 1}, "Tickets", "tickets-admin"],
}
WRONG_CLAIMS = [{name: value} for name, values in _WRONG.items() for value in values]


@pytest.mark.parametrize(
    "claims",
    WRONG_CLAIMS,
    ids=lambda claims: str(claims)[:30],
)
async def test_other_claims_are_refused_for_a_reason_without_the_token(
    claims: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    values = {"sub": "42", **claims}
    token = HMAC.token(values.pop("sub"), values.pop("aud", USER_AUDIENCE), **values)
    with caplog.at_level(logging.INFO, "tickets"):
        assert await verifier(None, SECRET).verify(token) is None
    (record,) = caplog.records
    assert record.getMessage().startswith("refused a signed token: ")
    assert token not in record.getMessage()


@pytest.mark.parametrize(
    ("claims", "is_valid"),
    [
        ({"exp": -20}, True),
        ({"exp": -40}, False),
        ({"nbf": 20}, True),
        ({"nbf": 40}, False),
        ({"iat": 20}, True),
        ({"iat": 40}, False),
        ({"exp": 86_400 + 20}, True),
        ({"exp": 86_400 + 60}, False),
    ],
)
async def test_clocks_may_differ_by_thirty_seconds(
    claims: dict[str, int],
    is_valid: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    token = HMAC.token("42", **{name: now() + offset for name, offset in claims.items()})
    assert (await verifier(None, SECRET).verify(token) is not None) == is_valid


MALFORMED = [
    "",
    ".",
    "..",
    "a.b.c",
    "eyJ.eyJ.x",
    "é.é.é",
    "x" * 9000,
    "W10.W10.W10",
    "bnVsbA.bnVsbA.bnVsbA",
    # an algorithm that is a list
    "eyJhbGciOlsiSFMyNTYiXX0.e30.x",
    # a body of 3,000 brackets
    "eyJhbGciOiJIUzI1NiJ9." + "W1tb" * 1500 + ".x",
]


@pytest.mark.parametrize("token", MALFORMED, ids=range(len(MALFORMED)))
async def test_what_is_no_token_is_refused(token: str, tmp_path: Path) -> None:
    keys = key_set_of(tmp_path / "keys.json", RSA)
    assert await verifier(keys, SECRET).verify(token) is None


async def test_deep_and_signed_nonsense_is_refused() -> None:
    for body in (b"[" * 2900, b"[]", b"7", b"{", b"\xff", b'{"sub":"' + b"\\ud800" + b'"}'):
        token = jwt.PyJWS().encode(body, SECRET, "HS256")
        assert await verifier(None, SECRET).verify(token) is None


async def test_the_algorithm_is_never_the_tokens(tmp_path: Path) -> None:
    keys = key_set_of(tmp_path / "keys.json", RSA, EC)
    claims = json.dumps({"sub": "1", "aud": "tickets", "exp": now() + 60}).encode()
    header = jwt.utils.base64url_encode(b'{"alg":"HS256","kid":"rsa-1"}')
    body = jwt.utils.base64url_encode(claims)
    signature = hmac.digest(RSA.pem, header + b"." + body, sha256)
    confused = b".".join([header, body, jwt.utils.base64url_encode(signature)]).decode()

    assert await verifier(keys).verify(confused) is None
    assert await verifier(keys, FOREIGN_SECRET).verify(confused) is None
    # an algorithm that is not the key's
    for signer in (Signer("PS256", RSA.key, "ec-1"), Signer("RS256", RSA.key, "ec-1")):
        assert await verifier(keys).verify(signer.token("1")) is None
    # without a secret, no token with one
    assert await verifier(keys).verify(HMAC.token("1")) is None
    critical = jwt.PyJWS().encode(claims, SECRET, "HS256", headers={"crit": ["exp"], "exp": 1})
    assert await verifier(None, SECRET).verify(critical) is None


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
async def test_a_secret_signs_by_the_configured_algorithm_alone(algorithm: str) -> None:
    claims = {"sub": "42", "aud": USER_AUDIENCE, "exp": now() + 60}
    secret = SECRET * 2
    assert await verifier(None, secret).verify(jwt.encode(claims, secret, algorithm="HS256"))
    token = jwt.encode(claims, secret, algorithm=algorithm)
    assert await verifier(None, secret).verify(token) is None


@pytest.mark.parametrize(("length", "is_valid"), [(7900, True), (8100, False)])
async def test_a_good_token_may_have_8000_characters(
    length: int,
    is_valid: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    short = len(HMAC.token("42", more=""))
    token = HMAC.token("42", more="x" * ((length - short) * 3 // 4))
    assert abs(len(token) - length) < 10
    assert (await verifier(None, SECRET).verify(token) is not None) == is_valid


async def test_a_secret_is_rotated_with_both_and_ends_when_it_is_removed() -> None:
    both = verifier(None, SECRET, OLD_SECRET)
    assert await both.verify(HMAC.token("1"))
    assert await both.verify(OLD_HMAC.token("1"))
    assert await verifier(None, SECRET).verify(OLD_HMAC.token("1")) is None


async def test_a_verified_token_is_cached_and_never_longer_than_it_is_valid() -> None:
    time = FakeTime()
    users = verifier(None, SECRET, seconds=10, monotonic=time)
    long, short = HMAC.token("1", exp=now() + 60), HMAC.token("2", exp=now() - 25)
    for token in (long, short):
        assert users.cached(token) is None
        assert await users.verify(token)
        assert users.cached(token)
    time.seconds += 6
    assert users.cached(long)
    assert users.cached(short) is None
    time.seconds += 5
    assert users.cached(long) is None


def test_odd_keys_are_left_out_and_the_others_work() -> None:
    odd: list[Any] = [
        {**EC.entry, "use": "enc"},
        {**EC.entry, "key_ops": ["encrypt"]},
        {**EC.entry, "alg": "HS256"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        {"kty": "new", "kid": "x"},
        {"kty": ["RSA"]},
        {"kty": "RSA"},
        {"kty": "EC", "crv": "P-256", "x": "!", "y": 7},
        7,
        None,
    ]
    keys = parse_keys(json.dumps({"keys": [*odd, RSA.entry]}).encode())
    assert [(key.id, key.algorithms[0]) for key in keys] == [("rsa-1", "RS256")]
    for document in (b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[]}', b"\xff", b"[" * 100_000):
        with pytest.raises((ValueError, RecursionError)):
            parse_keys(document)


async def test_keys_without_an_id_and_two_with_one_id_are_tried(tmp_path: Path) -> None:
    nameless = Signer("RS256", RSA.key)
    users = verifier(key_set_of(tmp_path / "keys.json", UNKNOWN, RSA, nameless))
    assert await users.verify(RSA.token("1"))
    assert await users.verify(UNKNOWN.token("1"))
    assert await users.verify(nameless.token("1"))


class KeyServer:
    """The host's server of keys, which counts how often it is asked."""

    def __init__(self) -> None:
        self.signers: list[Signer] = [RSA, ED]
        self.status = 200
        self.asked = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked += 1
                body = json.dumps({"keys": [signer.entry for signer in server.signers]}).encode()
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/keys"
        self._thread = threading.Thread(target=self._http.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.stop()


async def test_a_thousand_unknown_key_ids_are_one_fetch(key_server: KeyServer) -> None:
    users = verifier(KeySet(key_server.url, monotonic=FakeTime()))
    tokens = [Signer("RS256", RSA.key, f"unknown-{n}").token("1") for n in range(50)]

    results = await asyncio.gather(*(users.verify(token) for token in tokens * 20))

    assert set(results) == {None}
    assert key_server.asked == 1
    assert await users.verify(RSA.token("1"))


async def test_a_new_key_is_found_and_a_removed_one_ends(key_server: KeyServer) -> None:
    time = FakeTime()
    users = verifier(KeySet(key_server.url, monotonic=time))
    assert await users.verify(RSA.token("1"))
    assert await users.verify(EC.token("1")) is None

    key_server.signers = [EC]
    assert await users.verify(EC.token("1")) is None
    time.seconds += key_set.FETCH_INTERVAL
    assert await users.verify(EC.token("1"))
    assert await users.verify(RSA.token("1")) is None


async def test_a_removed_key_ends_after_the_time_of_the_cache(key_server: KeyServer) -> None:
    time = FakeTime()
    users = verifier(KeySet(key_server.url, monotonic=time))
    assert await users.verify(RSA.token("1"))
    key_server.signers = [EC]
    time.seconds += key_set.MAX_AGE
    assert await users.verify(RSA.token("1")) is None


async def test_the_last_good_keys_serve_on_for_an_hour_then_503(key_server: KeyServer) -> None:
    time = FakeTime()
    users = verifier(KeySet(key_server.url, monotonic=time))
    assert await users.verify(RSA.token("1"))
    key_server.status = 500
    time.seconds += key_set.MAX_AGE + key_set.STALE_AGE - 1
    assert await users.verify(RSA.token("1"))
    time.seconds += 1
    with pytest.raises(SignInUnavailable):
        await users.verify(RSA.token("1"))
    key_server.status = 200
    time.seconds += key_set.FETCH_INTERVAL
    assert await users.verify(RSA.token("1"))


async def test_without_keys_from_the_beginning_it_is_a_503_and_never_a_401(
    tmp_path: Path,
) -> None:
    with pytest.raises(SignInUnavailable):
        await verifier(KeySet(str(tmp_path / "missing.json"))).verify(RSA.token("1"))


async def test_a_key_set_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [RSA.entry], "more": "x" * key_set.MAX_BYTES}))
    with pytest.raises(SignInUnavailable):
        await verifier(KeySet(str(path))).verify(RSA.token("1"))
