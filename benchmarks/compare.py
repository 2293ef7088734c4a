"""Before anything is measured: the same request gets the same answer, whoever is asked."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from benchmarks.systems import System
from benchmarks.workload import Operation

LOOKS = 5
"""Requests of each operation that are compared."""

# What must differ where something new is made.
_NEW = {"id", "created_at", "updated_at"}


class DifferentAnswersError(Exception):
    """Two systems answered one request differently: they do not do the same work."""


async def compare(
    operation: Operation,
    systems: Sequence[System],
    prepare: Callable[[Operation, System], Awaitable[None]],
) -> Mapping[str, bytes]:
    """Ask every system the first requests of the operation; return their first answers.

    Raises `DifferentAnswersError`. Instants are compared as instants, and cursors, which are
    everybody's own, by whether there is one; of what is made, not its id and time.
    """
    answers: dict[str, bytes] = {}
    expected: list[Any] = []
    for system in systems:
        await prepare(operation, system)
        bodies = []
        for sent in operation.requests[:LOOKS]:
            status, body = system.ask(sent)
            if status != sent.status:
                message = f"{system.name} answered {operation.name} with {status}: {body[:200]!r}"
                raise DifferentAnswersError(message)
            bodies.append(body)
        answers[system.name] = bodies[0]
        made = operation.requests[0].status == HTTPStatus.CREATED
        said = [_plain(json.loads(body), new=made) for body in bodies]
        if not expected:
            expected = said
        elif said != expected:
            different = next((a, b) for a, b in zip(expected, said, strict=True) if a != b)
            message = f"{operation.name}: {systems[0].name} and {system.name} differ: {different}"
            raise DifferentAnswersError(message)
    return answers


def _plain(value: object, *, new: bool) -> object:
    match value:
        case dict():
            return {
                key: member is not None
                if key == "next_cursor" or (new and key in _NEW)
                else _plain(member, new=new)
                for key, member in value.items()
            }
        case list():
            return [_plain(member, new=new) for member in value]
        case str() if value[:2] == "20" and "T" in value:
            return datetime.fromisoformat(value).astimezone(UTC)
        case _:
            return value
