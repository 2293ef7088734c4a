"""Verifiers for a migrated database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from tests.world import PostgresWorld
from tickets.adapters.postgres.connection.connect import CommandConnection, connected
from tickets.adapters.postgres.verification.findings import Finding
from tickets.adapters.postgres.verification.verifier import Verifier


class Verification:
    """Verifies the database of a test in one call."""

    def __init__(self, connection: CommandConnection) -> None:
        self.connection = connection

    async def find(self) -> Sequence[str]:
        """Return what a full verification finds, without repairs."""
        return lines(await Verifier(self.connection, repair=False).in_full())

    async def repair(self) -> Sequence[str]:
        """Return what a full verification finds, with repairs."""
        return lines(await Verifier(self.connection, repair=True).in_full())

    async def start(self) -> Sequence[str]:
        """Return what the verification at a start finds."""
        return lines(await Verifier(self.connection, repair=True).at_start())


def lines(findings: Sequence[Finding]) -> list[str]:
    return [str(finding) for finding in findings]


@pytest.fixture
async def verification(database_url: str) -> AsyncIterator[Verification]:
    async with connected(database_url) as connection:
        yield Verification(connection)


@pytest.fixture
def world(postgres_world: PostgresWorld) -> PostgresWorld:
    return postgres_world
