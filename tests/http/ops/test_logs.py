"""Logs: JSON lines and text, with the request that they belong to and without credentials."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from tests.http.conftest import ADMIN_TOKENS, API, application_on, client_of
from tests.http.problems import response_to
from tests.world import MemoryWorld
from tickets.domain.errors import StoreUnavailable
from tickets.observability.logs import JSONLines, Text, configuration
from tickets.settings.settings import Settings

ADMIN = {"X-Admin-Token": ADMIN_TOKENS[0]}


class Lines(logging.Handler):
    """Formats each record at once, while the request that it belongs to is running."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def as_json() -> Iterator[list[str]]:
    yield from attached(Lines(JSONLines()))


@pytest.fixture
def as_text() -> Iterator[list[str]]:
    yield from attached(Lines(Text()))


def attached(handler: Lines) -> Iterator[list[str]]:
    logger = logging.getLogger("tickets")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler.lines
    logger.removeHandler(handler)
    logger.setLevel(before)


async def test_a_failure_is_one_json_line_with_its_request(
    memory_world: MemoryWorld, as_json: list[str]
) -> None:
    await response_to(
        ZeroDivisionError("by nought"),
        memory_world,
        query="?secret=in-the-query",
        **{"X-Request-ID": "the-one"},
    )

    (line,) = [json.loads(line) for line in as_json]
    assert "\n" not in as_json[0]
    assert line["level"] == "error"
    assert line["logger"] == "tickets"
    assert line["time"].endswith("+00:00")
    assert (line["request_id"], line["method"], line["route"]) == ("the-one", "POST", API)
    assert (line["status"], line["exception"]) == (500, "ZeroDivisionError")
    assert "by nought" in line["traceback"]
    assert "in-the-query" not in as_json[0]


async def test_lines_of_a_named_admins_requests_have_the_admins_id(
    memory_world: MemoryWorld, as_json: list[str], as_text: list[str]
) -> None:
    admin, token = await memory_world.admin_with_token("Nadia Berg", "nadia@example.com")
    async with client_of(application_on(memory_world, access_log=True)) as api:
        for headers in ({"X-Admin-Token": token}, ADMIN, {"X-Admin-Token": "wrong"}):
            await api.get(f"{API}/admin/unread", headers=headers)

    assert [json.loads(line).get("admin_id") for line in as_json] == [admin.id, None, None]
    assert [f" admin {admin.id}]" in line for line in as_text] == [True, False, False]
    logged = "".join([*as_json, *as_text])
    assert not any(text in logged for text in (token, "Nadia", "nadia@example.com"))


async def test_the_route_of_a_line_is_the_template_and_not_the_path(
    memory_world: MemoryWorld, as_json: list[str]
) -> None:
    class Unavailable:
        async def get(self, _ticket_id: int) -> None:
            raise StoreUnavailable from ConnectionError("refused")

    memory_world.tickets = Unavailable()  # type: ignore[assignment] # a part of the port
    async with client_of(application_on(memory_world)) as api:
        await api.post(f"{API}/admin/4711/reply", headers=ADMIN, json={"message": "Hello"})

    (line,) = [json.loads(line) for line in as_json]
    assert line["route"] == f"{API}/admin/{{ticket_id}}/reply"
    assert line["status"] == 503
    assert "refused" in line["message"]
    assert "4711" not in as_json[0]


async def test_a_failure_as_text_has_its_request_and_a_traceback(
    memory_world: MemoryWorld, as_text: list[str]
) -> None:
    await response_to(
        ZeroDivisionError("by nought"),
        memory_world,
        query="?secret=in-the-query",
        **{"X-Request-ID": "the-one"},
    )

    first, *rest = as_text[0].splitlines()
    assert first.endswith(f"ERROR tickets: unhandled exception [the-one POST {API}]")
    assert rest[0].startswith("Traceback")
    assert rest[-1].endswith("ZeroDivisionError: by nought")


@pytest.mark.parametrize("lines", ["as_json", "as_text"])
async def test_credentials_are_redacted_from_all_log_lines(
    memory_world: MemoryWorld, request: pytest.FixtureRequest, lines: str
) -> None:
    """A driver may quote its arguments in an error."""
    log = request.getfixturevalue(lines)
    token = "the-platforms-own-token"
    memory_world.store.tokens[token] = await memory_world.user()
    own = "tk_" + "b" * 43
    error = ZeroDivisionError(f"invalid input for $1: '{token}', and somebody's {own}")

    await response_to(error, memory_world, Authorization=f"Bearer {token}")

    assert "invalid input for $1" in log[0]
    assert token not in log[0]
    assert own not in log[0]


async def test_lines_outside_of_a_request_have_no_request_fields(as_json: list[str]) -> None:
    def log_in_a_thread() -> None:
        logging.getLogger("tickets").info("closed %d tickets", 3)

    await asyncio.create_task(asyncio.to_thread(log_in_a_thread))

    line = json.loads(as_json[0])
    assert line["message"] == "closed 3 tickets"
    assert "route" not in line


async def test_the_access_log_has_a_line_per_request_only_if_it_is_on(
    memory_world: MemoryWorld, as_json: list[str]
) -> None:
    async with client_of(application_on(memory_world)) as api:
        await api.get(f"{API}/admin/7", headers=ADMIN)
    assert as_json == []

    async with client_of(application_on(memory_world, access_log=True)) as api:
        await api.get(f"{API}/admin/7?a=secret", headers=ADMIN)
        await api.get("/nothing/of/the/kind")

    first, second = (json.loads(line) for line in as_json)
    assert (first["logger"], first["route"]) == ("tickets.access", f"{API}/admin/{{ticket_id}}")
    assert first["status"] == second["status"] == 404
    assert first["milliseconds"] > 0
    assert "secret" not in "".join(as_json)
    assert "of/the/kind" not in "".join(as_json)


def test_logs_are_text_on_a_terminal_and_json_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def formatter(log_format: str, *, terminal: bool) -> str:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
        path: str = configuration(Settings(log_format=log_format))["formatters"]["line"]["()"]
        return path.rpartition(".")[2]

    assert formatter("auto", terminal=True) == "Text"
    assert formatter("auto", terminal=False) == "JSONLines"
    assert formatter("json", terminal=True) == "JSONLines"
    assert formatter("text", terminal=False) == "Text"
