"""JSON that passes through: the store's bytes are in the body, and documented as what they mean."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec

from tests.http.conftest import Api, Caller
from tickets.adapters.http.api.response_bodies import TicketOpened, UserList
from tickets.adapters.http.litestar_fast.encoded_json import encoded_json
from tickets.domain.read_models import Page, ThreadPage

# no encoder writes it like this
ODD = b'[ {"id":1.0,\t"x" : "\\u00e9"} ]'


def test_encoded_json_stands_in_a_body_byte_for_byte() -> None:
    assert msgspec.json.encode([encoded_json(ODD), 1]) == b"[" + ODD + b",1]"
    assert msgspec.json.encode(UserList.of(Page(ODD, None))) == (
        b'{"tickets":' + ODD + b',"next_cursor":null}'
    )


async def test_a_detail_has_the_bytes_of_its_page(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    detail = await api.world.detail(ticket["id"])

    body = msgspec.json.encode(TicketOpened.of(replace(detail, thread=ThreadPage(ODD, 7))))

    assert b'"messages":' + ODD + b"," in body


async def test_the_document_has_the_types_of_what_was_encoded(api: Api) -> None:
    document = json.loads((await api.client.get("/schema/openapi.json")).content)

    def items_of(schema: str, field: str) -> Any:
        return document["components"]["schemas"][schema]["properties"][field]["items"]

    for schema, field, kind in (
        ("UserList", "tickets", "UserRow"),
        ("AdminList", "tickets", "AdminRow"),
        ("TicketWithThread", "messages", "Message"),
    ):
        assert items_of(schema, field) == {"$ref": f"#/components/schemas/{kind}"}
