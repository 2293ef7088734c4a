"""Versioned JSON of stored responses: releases read each other's while both have keys of a day.

A record is the flat object of the result's fields with its format's version in `"v"`; records of
the first format have none. A status or a flag is the bare JSON value. JSON null is a response that
has been erased.

Both ways hold over one release: a field that a record lacks gets its default, and one that a
release does not know is ignored, `"v"` included. So fields may be added, if `_UPGRADES` fills those
that have no default. Renaming a field, or changing its meaning, takes a new version and an upgrade.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from tickets.domain.errors import ResponseErased
from tickets.domain.idempotency import Result, ResultT
from tickets.domain.ticket import Ticket

FORMAT_VERSION = 2
"""The version that this release writes."""

Record = dict[str, Any]


def encode_response(result: Result | None) -> str:
    """Return the JSON of a result; its ids are merged into it by the statement that stores it."""
    if isinstance(result, Ticket):
        result = replace(result, new_message=None, new_events=())
    encoded = msgspec.json.encode(result).decode()
    # spliced, since the fields would have to be copied into a dictionary to add one
    return f'{{"v":{FORMAT_VERSION},{encoded[1:]}' if encoded.startswith("{") else encoded


def decode_response(answer: str | None, kind: type[ResultT]) -> ResultT:
    """Return the result of a record of any version; raise `ResponseErased` where it was erased."""
    record: Any = None if answer is None else msgspec.json.decode(answer)
    if record is None:
        raise ResponseErased
    if isinstance(record, dict):
        for version in range(record.get("v", 1), FORMAT_VERSION):
            _UPGRADES[version](record)
    result: ResultT = msgspec.convert(record, kind)
    return result


def _add_ordinals(record: Record) -> None:
    """Make version 2 of version 1, which knew no ordinals: a ticket as it was opened."""
    if "message_count" in record:
        record["last_ordinal"] = record["user_seen"] = record["message_count"]


_UPGRADES: Mapping[int, Callable[[Record], None]] = {1: _add_ordinals}
"""By version: changes a record of it into one of the next."""
