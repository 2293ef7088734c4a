"""The tests of the use cases run over the memory adapter."""

from __future__ import annotations

import pytest

from tests.world import MemoryWorld


@pytest.fixture
def world(memory_world: MemoryWorld) -> MemoryWorld:
    return memory_world
