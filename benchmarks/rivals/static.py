"""The static limit: Litestar answering the very bytes that the service answered, from memory, and asking nobody."""

from __future__ import annotations

import os
from base64 import b64decode
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, Request, get, post

ROOT = "/api/v1/tickets"
JSON = "application/json"

Asked = Request[Any, Any, Any]

# One answer per operation, written down by the benchmark from what the service said.
ANSWERS = {
    name: b64decode(body)
    for name, body in msgspec.json.decode(
        Path(os.environ["BENCH_ANSWERS"]).read_bytes(), type=dict[str, str]
    ).items()
}
ADMIN_LISTS = {
    b"": ANSWERS["admin list"],
    b"status=open": ANSWERS["admin list, by status"],
    b"category=billing": ANSWERS["admin list, by category"],
    b"status=open&category=billing": ANSWERS["admin list, by both"],
}


@get(f"{ROOT}/unread", media_type=JSON)
async def user_unread() -> bytes:
    return ANSWERS["user badge"]


@get(f"{ROOT}/", media_type=JSON)
async def user_list() -> bytes:
    return ANSWERS["user list"]


@get(f"{ROOT}/{{number:int}}", media_type=JSON)
async def user_ticket() -> bytes:
    return ANSWERS["ticket detail"]


@post(f"{ROOT}/", media_type=JSON)
async def create(request: Asked) -> bytes:
    await request.body()
    return ANSWERS["create"]


@post(f"{ROOT}/{{number:int}}/reply", media_type=JSON)
async def user_reply(request: Asked) -> bytes:
    await request.body()
    return ANSWERS["reply"]


@get(f"{ROOT}/admin/unread", media_type=JSON)
async def admin_unread() -> bytes:
    return ANSWERS["admin badge"]


@get(f"{ROOT}/admin/all", media_type=JSON)
async def admin_list(request: Asked) -> bytes:
    return ADMIN_LISTS[request.scope["query_string"]]


@get(f"{ROOT}/admin/stats", media_type=JSON)
async def admin_stats() -> bytes:
    return ANSWERS["admin stats"]


@get(f"{ROOT}/admin/{{number:int}}", media_type=JSON)
async def admin_ticket() -> bytes:
    return ANSWERS["admin detail"]


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
