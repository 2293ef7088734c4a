"""Checks, before anything is measured, that all systems send the same response to a request."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from benchmarks.systems import BEFORE, System
from benchmarks.workload import Operation

SAMPLES = 5
"""Requests of each operation that are compared."""

_CURSORS = {"next_cursor", "messages_before"}

# Fields that differ in the responses to a create and a reply.
_NEW = {"id", "created_at", "updated_at", "ordinal"}


class DifferentResponsesError(Exception):
    """Two systems responded differently to one request: they do not do the same work."""


async def compare(
    operation: Operation,
    systems: Sequence[System],
    prepare: Callable[[Operation, System], Awaitable[None]],
) -> Mapping[str, bytes]:
    """Send the operation's first requests to every system; return the first response of each.

    Raises `DifferentResponsesError`. Timestamps are compared as points in time. Each system has
    its own format of cursors, so only their presence is compared; so are id and time of a create.
    The version before may lack fields.
    """
    responses: dict[str, bytes] = {}
    expected: list[Any] = []
    for system in systems:
        await prepare(operation, system)
        bodies = []
        for sent in operation.requests[:SAMPLES]:
            status, body = system.send(sent)
            if status != sent.status:
                message = (
                    f"{system.name} responded to {operation.name} with {status}: {body[:200]!r}"
                )
                raise DifferentResponsesError(message)
            bodies.append(body)
        responses[system.name] = bodies[0]
        created = operation.requests[0].status == HTTPStatus.CREATED
        found = [_plain(json.loads(body), new=created) for body in bodies]
        if not expected:
            expected = found
        elif system.name == BEFORE and _contains(expected, found):
            pass  # fields were added since
        elif found != expected:
            different = next((a, b) for a, b in zip(expected, found, strict=True) if a != b)
            message = f"{operation.name}: {systems[0].name} and {system.name} differ: {different}"
            raise DifferentResponsesError(message)
    return responses


def _contains(newer: object, older: object) -> bool:
    """Return whether the newer value equals the older one, apart from fields that were added."""
    match newer, older:
        case dict(), dict():
            return all(
                key in newer and _contains(newer[key], member) for key, member in older.items()
            )
        case list(), list():
            return len(newer) == len(older) and all(map(_contains, newer, older))
        case _:
            return newer == older


def _plain(value: object, *, new: bool) -> object:
    match value:
        case dict():
            return {
                key: member is not None
                if key in _CURSORS or (new and key in _NEW)
                else _plain(member, new=new)
                for key, member in value.items()
            }
        case list():
            return [_plain(member, new=new) for member in value]
        case str() if value[:2] == "20" and "T" in value:
            return datetime.fromisoformat(value).astimezone(UTC)
        case _:
            return value
