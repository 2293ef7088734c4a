"""The static limit: Litestar sends the service's responses from memory, without a database."""

from __future__ import annotations

import os
from base64 import b64decode
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, Request, get, post

ROOT = "/api/v1/tickets"
JSON = "application/json"

AnyRequest = Request[Any, Any, Any]

# One response per operation of the service, recorded by the benchmark.
RESPONSES = {
    name: b64decode(body)
    for name, body in msgspec.json.decode(
        Path(os.environ["BENCH_RESPONSES"]).read_bytes(), type=dict[str, str]
    ).items()
}
ADMIN_LISTS = {
    b"": RESPONSES["admin list"],
    b"status=open": RESPONSES["admin list, by status"],
    b"category=billing": RESPONSES["admin list, by category"],
    b"status=open&category=billing": RESPONSES["admin list, by both"],
}


@get(f"{ROOT}/unread", media_type=JSON)
async def user_unread() -> bytes:
    return RESPONSES["user unread count"]


@get(f"{ROOT}/", media_type=JSON)
async def user_list() -> bytes:
    return RESPONSES["user list"]


@get(f"{ROOT}/{{number:int}}", media_type=JSON)
async def user_ticket() -> bytes:
    return RESPONSES["ticket detail"]


@post(f"{ROOT}/", media_type=JSON)
async def create(request: AnyRequest) -> bytes:
    await request.body()
    return RESPONSES["create"]


@post(f"{ROOT}/{{number:int}}/reply", media_type=JSON)
async def user_reply(request: AnyRequest) -> bytes:
    await request.body()
    return RESPONSES["reply"]


@get(f"{ROOT}/admin/unread", media_type=JSON)
async def admin_unread() -> bytes:
    return RESPONSES["admin unread count"]


@get(f"{ROOT}/admin/all", media_type=JSON)
async def admin_list(request: AnyRequest) -> bytes:
    return ADMIN_LISTS[request.scope["query_string"]]


@get(f"{ROOT}/admin/stats", media_type=JSON)
async def admin_stats() -> bytes:
    return RESPONSES["admin stats"]


@get(f"{ROOT}/admin/{{number:int}}", media_type=JSON)
async def admin_ticket() -> bytes:
    return RESPONSES["admin detail"]


app = Litestar(
    [
        user_unread,
        user_list,
        user_ticket,
        create,
        user_reply,
        admin_unread,
        admin_list,
        admin_stats,
        admin_ticket,
    ],
    openapi_config=None,
    logging_config=None,
)
