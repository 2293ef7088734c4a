"""Posts webhooks: one HTTP/1.1 request per connection, on asyncio's streams and h11.

No client library: they resolve names themselves, read proxies from the environment and follow
redirects, all of which would have to be switched off again. Here the address that was checked is
the one that is connected to, and there is nothing to switch off.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import h11

from tickets.adapters.webhooks.addresses import AddressPolicy, RefusedUrl, WebhookUrl
from tickets.domain.deliveries import MAX_ERROR_LENGTH, shortened
from tickets.domain.ports import Clock
from tickets.domain.webhooks import Answer, PostFailed

TIMEOUT = 10.0
"""Seconds for everything: resolving, connecting, TLS, sending, and the answer with its body."""

MAX_RESPONSE = 16 * 1024
"""Bytes of a response that are read; what follows does not matter."""

_CHUNK = 4096


class HttpPoster:
    """The port `Poster` over HTTPS."""

    def __init__(
        self,
        policy: AddressPolicy,
        clock: Clock,
        *,
        tls: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """Post to the addresses that the policy lets through; `tls` has the trusted authorities."""
        self._policy = policy
        self._clock = clock
        self._tls = tls or ssl.create_default_context()
        self._timeout = timeout

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Resolve, check, connect to what was checked, and read a bounded answer."""
        try:
            parts = WebhookUrl.parse(url)
            async with asyncio.timeout(self._timeout):
                addresses = await self._policy.resolve(parts)
                reader, writer = await self._connect(parts, addresses)
                try:
                    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_RESPONSE)
                    writer.write(_request(connection, parts, headers, body))
                    await writer.drain()
                    return self._answer(*await _response(connection, reader))
                finally:
                    # at once: a peer that never closes is not waited for
                    writer.transport.abort()
        except RefusedUrl as error:
            raise PostFailed(str(error)) from error
        except TimeoutError as error:
            raise PostFailed(f"no answer within {self._timeout:g} seconds") from error
        except (OSError, h11.ProtocolError, EOFError) as error:
            raise PostFailed(shortened(f"{type(error).__name__}: {error}")) from error

    async def _connect(
        self, url: WebhookUrl, addresses: Sequence[str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the first address that accepts, by the name for TLS."""
        is_tls = url.scheme == "https"
        failure: OSError | None = None
        for address in addresses:
            try:
                return await asyncio.open_connection(
                    address,
                    url.port,
                    limit=_CHUNK,
                    ssl=self._tls if is_tls else None,
                    server_hostname=url.host if is_tls else None,
                )
            except OSError as error:
                failure = error
        raise failure or ConnectionRefusedError

    def _answer(self, response: h11.Response, body: bytes) -> Answer:
        values = {name: value for name, value in response.headers}  # noqa: C416 - pairs of a class
        text = shortened(body[: 4 * MAX_ERROR_LENGTH].decode(errors="replace"))
        retry_after = self._retry_after(values.get(b"retry-after", b"").decode("latin-1"))
        return Answer(response.status_code, text, retry_after)

    def _retry_after(self, value: str) -> timedelta | None:
        """Return the wait that the header asks for: seconds, or a date."""
        if value.isascii() and value.isdigit():
            return timedelta(seconds=min(int(value), 86_400))
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(moment - self._clock.now(), timedelta())


def _request(
    connection: h11.Connection, url: WebhookUrl, headers: Mapping[str, str], body: bytes
) -> bytes:
    request = h11.Request(
        method="POST",
        target=url.target,
        headers=[
            ("Host", url.authority),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("User-Agent", f"tickets/{version('tickets')}"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
            *headers.items(),
        ],
    )
    events = (request, h11.Data(body), h11.EndOfMessage())
    return b"".join(connection.send(event) or b"" for event in events)


async def _response(
    connection: h11.Connection, reader: asyncio.StreamReader
) -> tuple[h11.Response, bytes]:
    """Return head and body, cut off at `MAX_RESPONSE` bytes of everything that came."""
    response: h11.Response | None = None
    body, read = b"", 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if read >= MAX_RESPONSE:
                if response is None:
                    raise EOFError("the head of the response is too long")
                return response, body
            data = await reader.read(min(_CHUNK, MAX_RESPONSE - read))
            read += len(data)
            connection.receive_data(data)
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert response is not None  # noqa: S101 - the protocol's order
            return response, body
        elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
            raise EOFError("the connection was closed before the response")
