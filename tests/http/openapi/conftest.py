"""The OpenAPI document as it is served, and its operations."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.conftest import API, application_on, client_of
from tests.world import MemoryWorld


@pytest.fixture
async def document(memory_world: MemoryWorld) -> dict[str, Any]:
    """Return the OpenAPI document as it is served."""
    async with client_of(application_on(memory_world)) as client:
        response = await client.get("/schema/openapi.json")
    assert response.status_code == 200
    result: dict[str, Any] = response.json()
    return result


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith(API)
    }
