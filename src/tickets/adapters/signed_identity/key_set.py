"""JWKS cache: the host's public keys from a URL or a file, refreshed and bounded.

Keys are fetched by one request at a time, at most one in 30 seconds, in a thread. They count for
five minutes. Where they cannot be fetched again, the last good ones count for an hour more.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from tickets.domain.errors import SignInUnavailable

logger = logging.getLogger("tickets")

MAX_AGE = 300.0
"""Seconds that keys count; a key that the host removes is refused after that."""

REFRESH_AGE = 150.0
"""Age in seconds from which keys are fetched again while the present ones are used."""

STALE_AGE = 3600.0
"""Seconds that the last good keys count beyond `MAX_AGE` where they cannot be fetched."""

FETCH_INTERVAL = 30.0
"""Seconds between two attempts, whoever asks for an unknown key."""

FETCH_TIMEOUT = 5.0
"""Seconds that the host's server may take."""

MAX_BYTES = 256 * 1024
"""Size of a key set."""

MAX_KEYS = 50
"""Keys of a set that are used; more are left out."""

_ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC P-256": ("ES256",),
    "EC P-384": ("ES384",),
    "EC P-521": ("ES512",),
    "OKP Ed25519": ("EdDSA",),
    "OKP Ed448": ("EdDSA",),
}
"""Which algorithms a key may be used for, by its type: never what a token says."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key, its id (None where it has none), and the algorithms that it is for."""

    id: str | None
    algorithms: tuple[str, ...]
    key: Any


def parse_keys(document: bytes) -> Sequence[Key]:
    """Return the usable keys of a JWKS document; raise `ValueError` where it is none.

    Keys for encryption, shared secrets, and what cannot be read are left out.
    """
    parsed = json.loads(document)
    entries = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(entries, list):
        message = "it is not a JSON object with a list of keys"
        raise ValueError(message)  # noqa: TRY004 - of the content, not of an argument
    keys = [key for entry in entries[:MAX_KEYS] if (key := _parse_key(entry)) is not None]
    if not keys:
        message = "it has no key that can check a signature"
        raise ValueError(message)
    return keys


def _parse_key(entry: object) -> Key | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    kind, operations = entry.get("kty"), entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    algorithms = _ALGORITHMS.get(f"{kind}") or _ALGORITHMS.get(f"{kind} {entry.get('crv')}")
    if algorithms is None:
        return None
    if (stated := entry.get("alg")) is not None:
        algorithms = tuple(algorithm for algorithm in algorithms if algorithm == stated)
    key_id = entry.get("kid")
    public = {name: value for name, value in entry.items() if name not in ("d", "p", "q")}
    try:
        key = jwt.PyJWK(public, algorithm=algorithms[0]).key
    except (jwt.PyJWTError, IndexError, ValueError, TypeError):
        return None
    return Key(key_id if isinstance(key_id, str) else None, algorithms, key)


class KeySet:
    """The keys of a JWKS URL or file."""

    def __init__(self, source: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read from this URL or path, from the first use on."""
        self._source = source
        self._monotonic = monotonic
        self._keys: Sequence[Key] = ()
        self._fetched_at = self._tried_at = -math.inf
        self._fetch: asyncio.Task[None] | None = None

    async def candidates(self, key_id: str | None) -> Sequence[Key]:
        """Return the keys with this id, all of them for None; none where it is unknown.

        Raises `SignInUnavailable` where there are no keys that still count.
        """
        age = self._monotonic() - self._fetched_at
        if age >= MAX_AGE:
            await self._refresh()
        elif age >= REFRESH_AGE:
            self._start_fetch()
        found = self._matching(key_id)
        if not found and self._start_fetch() is not None:
            await self._refresh()
            found = self._matching(key_id)
        if self._monotonic() - self._fetched_at >= MAX_AGE + STALE_AGE:
            raise SignInUnavailable
        return found

    def _matching(self, key_id: str | None) -> Sequence[Key]:
        return [key for key in self._keys if key_id is None or key.id == key_id]

    async def _refresh(self) -> None:
        fetch = self._start_fetch()
        if fetch is not None:
            # a request that is cancelled leaves the fetch to the others
            await asyncio.shield(fetch)

    def _start_fetch(self) -> asyncio.Task[None] | None:
        """Return the fetch in progress, or a new one; None where the last was too recent."""
        if self._fetch is None:
            if self._monotonic() - self._tried_at < FETCH_INTERVAL:
                return None
            self._tried_at = self._monotonic()
            self._fetch = asyncio.create_task(self._fetch_keys())
            self._fetch.add_done_callback(self._end_fetch)
        return self._fetch

    def _end_fetch(self, _task: object) -> None:
        self._fetch = None

    async def _fetch_keys(self) -> None:
        try:
            self._keys = parse_keys(await asyncio.to_thread(_read, self._source))
        except (OSError, ValueError, RecursionError) as error:
            logger.warning("the keys at %s cannot be read: %s", self._source, error)
        else:
            self._fetched_at = self._monotonic()


def _read(source: str) -> bytes:
    if not source.startswith(("https://", "http://")):
        with Path(source).open("rb") as file:
            return _bounded(file.read(MAX_BYTES + 1))
    request = urllib.request.Request(source, headers={"Accept": "application/json"})  # noqa: S310 - a setting
    with urllib.request.urlopen(request, timeout=FETCH_TIMEOUT) as response:  # noqa: S310
        return _bounded(response.read(MAX_BYTES + 1))


def _bounded(document: bytes) -> bytes:
    if len(document) > MAX_BYTES:
        message = f"it is larger than {MAX_BYTES} bytes"
        raise ValueError(message)
    return document
