"""Request ids: the caller's own is returned where it is valid, else a new one."""

from __future__ import annotations

import pytest

from tests.http.conftest import API, application_on, client_of
from tests.world import MemoryWorld


@pytest.mark.parametrize(
    "given", ["abc", "0af7651916cd43dd8448eb211c80319c", "Root=1-5759e988-bd8", "x" * 128]
)
async def test_a_valid_request_id_of_the_caller_is_returned(
    memory_world: MemoryWorld, given: str
) -> None:
    async with client_of(application_on(memory_world)) as api:
        for path in ("/health/live", f"{API}/unread", "/nothing"):
            response = await api.get(path, headers={"X-Request-ID": given})
            assert response.headers["X-Request-ID"] == given


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"X-Request-ID", b"")],
        [(b"X-Request-ID", b"x" * 129)],
        [(b"X-Request-ID", b"two words")],
        [(b"X-Request-ID", b'"quoted"')],
        [(b"X-Request-ID", "é".encode())],
        [(b"X-Request-ID", b"one"), (b"X-Request-ID", b"two")],
        [(b"X-Request-ID", b"tk_" + b"a" * 43)],
    ],
)
async def test_an_invalid_request_id_is_replaced_by_a_new_one(
    memory_world: MemoryWorld, headers: list[tuple[bytes, bytes]]
) -> None:
    async with client_of(application_on(memory_world)) as api:
        ids = [
            (await api.get("/health/live", headers=headers)).headers["X-Request-ID"]
            for _ in range(3)
        ]

    assert len(set(ids)) == 3
    assert all(len(request_id) == 24 and request_id.isalnum() for request_id in ids)
