"""What operators see of the service: request ids, log lines and metrics, by route and never by ticket."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.http.conftest import ADMIN_TOKENS, API, client_of
from tests.http.test_errors import Failing
from tests.world import MemoryWorld
from tickets.adapters.http.app import create_app
from tickets.adapters.postgres.connection.pool import PoolUsage
from tickets.adapters.postgres.schema.readiness import Figures
from tickets.domain.errors import StoreUnavailable
from tickets.observability.logs import JSONLines, Text, configuration
from tickets.observability.metrics import Metrics
from tickets.observability.store_metrics import STORE_SECONDS
from tickets.settings.settings import Settings

ADMIN = {"X-Admin-Token": ADMIN_TOKENS[0]}
FORM = {"category": "support", "subject": "Hello", "message": "Is anybody there?"}


def application(world: MemoryWorld, **settings: Any) -> Any:
    return create_app(
        service=world.service,
        views=world.views,
        token_lookup=world.token_lookup,
        admin_tokens=ADMIN_TOKENS,
        readiness=world.ready,
        **settings,
    )


@asynccontextmanager
async def client(world: MemoryWorld, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application(world, **settings)) as client:
        yield client


def values(exposition: str) -> dict[tuple[str, ...], float]:
    """Return every sample by its name and its labels' values, in the order of the labels' names."""
    return {
        (sample.name, *(value for _name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    "given", ["abc", "0af7651916cd43dd8448eb211c80319c", "Root=1-5759e988-bd8", "x" * 128]
)
async def test_a_request_keeps_the_id_that_it_came_with(
    memory_world: MemoryWorld, given: str
) -> None:
    async with client(memory_world) as api:
        for path in ("/health/live", f"{API}/unread", "/nothing"):
            response = await api.get(path, headers={"X-Request-ID": given})
            assert response.headers["X-Request-ID"] == given


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"X-Request-ID", b"")],
        [(b"X-Request-ID", b"x" * 129)],
        [(b"X-Request-ID", b"two words")],
        [(b"X-Request-ID", b'"quoted"')],
        [(b"X-Request-ID", "é".encode())],
        [(b"X-Request-ID", b"one"), (b"X-Request-ID", b"two")],
        [(b"X-Request-ID", b"tk_" + b"a" * 43)],
    ],
)
async def test_an_id_that_is_not_fit_to_be_repeated_is_replaced_by_one_of_our_own(
    memory_world: MemoryWorld, headers: list[tuple[bytes, bytes]]
) -> None:
    async with client(memory_world) as api:
        ids = [
            (await api.get("/health/live", headers=headers)).headers["X-Request-ID"]
            for _ in range(3)
        ]

    assert len(set(ids)) == 3
    assert all(len(request_id) == 24 and request_id.isalnum() for request_id in ids)


class Lines(logging.Handler):
    """Keeps what a formatter makes of each record, as it is made while the request is going on."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def as_json() -> Iterator[list[str]]:
    yield from listening(Lines(JSONLines()))


@pytest.fixture
def as_text() -> Iterator[list[str]]:
    yield from listening(Lines(Text()))


def listening(handler: Lines) -> Iterator[list[str]]:
    logger = logging.getLogger("tickets")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler.lines
    logger.removeHandler(handler)
    logger.setLevel(before)


async def fail_with(error: Exception, world: MemoryWorld, **headers: str) -> httpx.Response:
    """Open a ticket on a store that fails."""
    token = await world.token(await world.user())
    world.tickets = Failing(error)  # type: ignore[assignment] # as much of the port as this needs
    async with client(world) as api:
        return await api.post(
            f"{API}?secret=in-the-query",
            headers={"Authorization": f"Bearer {token}"} | headers,
            json=FORM,
        )


async def test_a_failure_is_one_line_that_says_which_request_it_was(
    memory_world: MemoryWorld, as_json: list[str]
) -> None:
    await fail_with(ZeroDivisionError("by nought"), memory_world, **{"X-Request-ID": "the-one"})

    (line,) = [json.loads(line) for line in as_json]
    assert "\n" not in as_json[0]
    assert line["level"] == "error"
    assert line["logger"] == "tickets"
    assert line["time"].endswith("+00:00")
    assert (line["request_id"], line["method"], line["route"]) == ("the-one", "POST", API)
    assert (line["status"], line["exception"]) == (500, "ZeroDivisionError")
    assert "by nought" in line["traceback"]
    assert "in-the-query" not in as_json[0]


async def test_a_route_in_a_line_is_the_template_and_not_the_path(
    memory_world: MemoryWorld, as_json: list[str]
) -> None:
    class Away:
        def remembered(self, _ticket_id: int) -> None:
            return None

        async def get(self, _ticket_id: int) -> None:
            raise StoreUnavailable from ConnectionError("refused")

    memory_world.tickets = Away()  # type: ignore[assignment] # as much of the port as this needs
    async with client(memory_world) as api:
        await api.post(f"{API}/admin/4711/reply", headers=ADMIN, json={"message": "Hello"})

    (line,) = [json.loads(line) for line in as_json]
    assert line["route"] == f"{API}/admin/{{ticket_id}}/reply"
    assert line["status"] == 503
    assert "refused" in line["message"]
    assert "4711" not in as_json[0]


async def test_a_person_reads_the_same_as_text(
    memory_world: MemoryWorld, as_text: list[str]
) -> None:
    await fail_with(ZeroDivisionError("by nought"), memory_world, **{"X-Request-ID": "the-one"})

    first, *rest = as_text[0].splitlines()
    assert first.endswith(f"ERROR tickets: a defect [the-one POST {API}]")
    assert rest[0].startswith("Traceback")
    assert rest[-1].endswith("ZeroDivisionError: by nought")


@pytest.mark.parametrize("lines", ["as_json", "as_text"])
async def test_what_somebody_signs_in_with_is_taken_out_of_whatever_is_logged(
    memory_world: MemoryWorld, request: pytest.FixtureRequest, lines: str
) -> None:
    """As where a driver quotes what it was given."""
    logged = request.getfixturevalue(lines)
    token = "the-platforms-own-token"
    memory_world.store.tokens[token] = await memory_world.user()
    own = "tk_" + "b" * 43
    error = ZeroDivisionError(f"invalid input for $1: '{token}', and somebody's {own}")

    await fail_with(error, memory_world, Authorization=f"Bearer {token}")

    assert "invalid input for $1" in logged[0]
    assert token not in logged[0]
    assert own not in logged[0]


async def test_the_services_own_lines_belong_to_no_request(as_json: list[str]) -> None:
    def of_its_own() -> None:
        logging.getLogger("tickets").info("closed %d tickets", 3)

    await asyncio.create_task(asyncio.to_thread(of_its_own))

    line = json.loads(as_json[0])
    assert line["message"] == "closed 3 tickets"
    assert "route" not in line


async def test_there_is_a_line_per_request_only_where_it_is_asked_for(
    memory_world: MemoryWorld, as_json: list[str]
) -> None:
    async with client(memory_world) as api:
        await api.get(f"{API}/admin/7", headers=ADMIN)
    assert as_json == []

    async with client(memory_world, access_log=True) as api:
        await api.get(f"{API}/admin/7?a=secret", headers=ADMIN)
        await api.get("/nothing/of/the/kind")

    first, second = (json.loads(line) for line in as_json)
    assert (first["logger"], first["route"]) == ("tickets.access", f"{API}/admin/{{ticket_id}}")
    assert first["status"] == second["status"] == 404
    assert first["milliseconds"] > 0
    assert "secret" not in "".join(as_json)
    assert "of/the/kind" not in "".join(as_json)


def test_logs_are_text_where_a_person_watches_and_json_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def formatter(log_format: str, *, terminal: bool) -> str:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
        made: str = configuration(Settings(log_format=log_format))["formatters"]["line"]["()"]
        return made.rpartition(".")[2]

    assert formatter("auto", terminal=True) == "Text"
    assert formatter("auto", terminal=False) == "JSONLines"
    assert formatter("json", terminal=True) == "JSONLines"
    assert formatter("text", terminal=False) == "Text"


async def test_requests_are_counted_by_route_and_never_by_ticket_or_address(
    memory_world: MemoryWorld,
) -> None:
    async with client(memory_world, metrics=Metrics()) as api:
        for ticket_id in range(50):
            await api.get(f"{API}/admin/{ticket_id}", headers=ADMIN)
            await api.get(f"/nothing/{ticket_id}")
            await api.get(f"/static/{ticket_id}/tickets.css")
        await api.get(f"{API}/admin/1")
        await api.request("BREW", API)
        exposition = (await api.get("/metrics")).text

    found = values(exposition)
    detail = f"{API}/admin/{{ticket_id}}"
    assert found["tickets_http_requests_total", "GET", detail, "404"] == 50
    assert found["tickets_http_requests_total", "GET", detail, "401"] == 1
    assert found["tickets_http_requests_total", "GET", "unmatched", "404"] == 50
    assert found["tickets_http_requests_total", "OTHER", "unmatched", "405"] == 1
    assert found["tickets_http_requests_total", "GET", "/static/{version}/{name}", "200"] == 50
    assert found["tickets_http_request_duration_seconds_count", "GET", detail] == 51
    assert found["tickets_http_request_duration_seconds_bucket", "10.0", "GET", detail] == 51
    # the scrape itself
    assert found["tickets_http_requests_in_progress",] == 1
    assert found["tickets_build_info", sys.version.split()[0], "0.1.0"] == 1
    assert len(found) < 120


async def test_a_request_that_was_given_up_is_counted_and_no_longer_in_progress(
    memory_world: MemoryWorld,
) -> None:
    metrics, reached = Metrics(), asyncio.Event()

    class Slow:
        async def admin_unread(self) -> int:
            reached.set()
            await asyncio.Event().wait()
            return 0

    memory_world.views = Slow()  # type: ignore[assignment] # as much of the port as this needs
    async with client(memory_world, metrics=metrics) as api:
        asking = asyncio.create_task(api.get(f"{API}/admin/unread", headers=ADMIN))
        await reached.wait()
        during = values((await api.get("/metrics")).text)
        asking.cancel()
        await asyncio.wait([asking])
        after = values((await api.get("/metrics")).text)

    assert during["tickets_http_requests_in_progress",] == 2
    assert after["tickets_http_requests_in_progress",] == 1
    assert after["tickets_http_requests_total", "GET", f"{API}/admin/unread", "499"] == 1


async def test_the_store_and_the_pool_are_asked_at_the_scrape(memory_world: MemoryWorld) -> None:
    async def store() -> Figures:
        return Figures(
            unread_by_users=7, unread_by_admins=3, migrations_applied=2, migrations_due=1
        )

    metrics = Metrics(
        pool=lambda: PoolUsage(size=5, idle=4, waiting=2), listening=lambda: True, store=store
    )
    metrics.job_done("closing settled tickets", 3)
    metrics.job_done("closing settled tickets", None)
    async with client(memory_world, metrics=metrics) as api:
        found = values((await api.get("/metrics")).text)

    assert found["tickets_database_up",] == 1
    assert found["tickets_unread", "user"] == 7
    assert found["tickets_unread", "admin"] == 3
    assert found["tickets_migrations", "applied"] == 2
    assert found["tickets_migrations", "due"] == 1
    assert found["tickets_pool_connections",] == 5
    assert found["tickets_pool_connections_idle",] == 4
    assert found["tickets_pool_waiting",] == 2
    assert found["tickets_listening",] == 1
    assert found["tickets_chores_total", "closing settled tickets", "success"] == 1
    assert found["tickets_chores_total", "closing settled tickets", "failure"] == 1
    assert found["tickets_chore_items_total", "closing settled tickets"] == 3
    assert found["tickets_chore_last_success_timestamp_seconds", "closing settled tickets"] > 0


@pytest.mark.parametrize("error", [StoreUnavailable(), None])
async def test_a_scrape_without_the_store_answers_in_bounded_time_and_says_so(
    memory_world: MemoryWorld, error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickets.observability.store_metrics.STORE_SECONDS", STORE_SECONDS / 100)

    async def store() -> Figures:
        if error is None:
            await asyncio.Event().wait()
        raise StoreUnavailable

    async with client(memory_world, metrics=Metrics(store=store)) as api:
        response = await api.get("/metrics")

    assert response.status_code == 200
    found = values(response.text)
    assert found["tickets_database_up",] == 0
    assert not any(name[0] == "tickets_unread" for name in found)


async def test_metrics_are_not_for_who_comes_through_a_proxy(memory_world: MemoryWorld) -> None:
    async with client(memory_world, metrics=Metrics()) as api:
        for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
            response = await api.get("/metrics", headers={header: "203.0.113.7"})
            assert response.status_code == 403
            assert "TICKETS_METRICS_TOKEN" in response.json()["detail"]
        assert (await api.get("/metrics")).status_code == 200


async def test_a_token_opens_the_metrics_and_closes_them_to_everybody_else(
    memory_world: MemoryWorld,
) -> None:
    settings = {"metrics": Metrics(), "metrics_token": "for-prometheus"}
    async with client(memory_world, **settings) as api:

        async def status(*headers: tuple[str, str]) -> int:
            return (await api.get("/metrics", headers=list(headers))).status_code

        right = ("Authorization", "Bearer for-prometheus")
        assert await status(right) == 200
        assert await status(right, ("X-Forwarded-For", "203.0.113.7")) == 200
        for wrong in ("", "Bearer", "Bearer for-prometheu", "for-prometheus", "Basic Zm9v"):
            assert await status(("Authorization", wrong)) == 401
        assert await status(right, right) == 401
        assert await status() == 401
        assert await status(("X-Admin-Token", ADMIN_TOKENS[0])) == 401
        challenge = (await api.get("/metrics")).headers["WWW-Authenticate"]
    assert challenge == 'Bearer realm="tickets-metrics"'


async def test_without_metrics_there_is_nothing_at_that_address(memory_world: MemoryWorld) -> None:
    async with client(memory_world) as api:
        assert (await api.get("/metrics")).status_code == 404


@pytest.mark.parametrize("requests", [1, 99, 100, 250])
async def test_a_process_that_stops_has_counted_every_request(requests: int) -> None:
    metrics = Metrics()
    async with metrics.published(None):
        for _ in range(requests):
            metrics.answered("GET", "/a", 200, 0.004)
        metrics.answered("BREW", "/a", 404, 0.004)

    def put_down(name: str, **labels: str) -> float | None:
        return metrics._registry.get_sample_value(name, labels)  # noqa: SLF001 - what another process would read

    name = "tickets_http_requests_total"
    assert put_down(name, method="GET", route="/a", status="200") == requests
    assert put_down(name, method="OTHER", route="/a", status="404") == 1
    name = "tickets_http_request_duration_seconds_bucket"
    assert put_down(name, method="GET", route="/a", le="0.005") == requests
    assert put_down(name, method="GET", route="/a", le="0.0025") == 0


async def test_a_process_that_stops_leaves_no_requests_in_progress_behind() -> None:
    metrics = Metrics()
    metrics.in_progress = 1
    gauge = "tickets_http_requests_in_progress"

    def put_down() -> float | None:
        return metrics._registry.get_sample_value(gauge)  # noqa: SLF001 - what another process would read

    async with metrics.published(None):
        await asyncio.sleep(0)
        assert put_down() == 1
        metrics.in_progress = 0

    assert put_down() == 0
