"""Metrics: what is counted, under which labels, and who may read `/metrics`."""

from __future__ import annotations

import asyncio
import sys

import pytest
from prometheus_client import CONTENT_TYPE_LATEST

from tests.http.conftest import ADMIN_TOKENS, API, application_on, client_of
from tests.http.exposition import values
from tests.world import MemoryWorld
from tickets.adapters.memory.store_health import MemoryStoreFigures
from tickets.adapters.postgres.connection.pool import PoolUsage
from tickets.domain.deliveries import ChannelFigures
from tickets.domain.errors import StoreUnavailable
from tickets.observability.metrics import BATCH_SIZE, Metrics
from tickets.observability.store_metrics import STORE_TIMEOUT

ADMIN = {"X-Admin-Token": ADMIN_TOKENS[0]}


class Health:
    """The port `StoreHealth` with these figures, with an error, or without ever responding."""

    def __init__(self, figures: MemoryStoreFigures | StoreUnavailable | None) -> None:
        self._figures = figures

    async def ready(self) -> None:
        await self.figures()

    async def figures(self) -> MemoryStoreFigures:
        if self._figures is None:
            await asyncio.Event().wait()
        if not isinstance(self._figures, MemoryStoreFigures):
            raise StoreUnavailable
        return self._figures


async def test_requests_are_counted_by_route_template(
    memory_world: MemoryWorld,
) -> None:
    async with client_of(application_on(memory_world)) as api:
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
    # the scrape is in progress itself
    assert found["tickets_http_requests_in_progress",] == 1
    assert found["tickets_build_info", sys.version.split()[0], "0.1.0"] == 1
    assert len(found) < 120


async def test_requests_of_admins_are_counted_by_admin(memory_world: MemoryWorld) -> None:
    admin, token = await memory_world.admin_with_token("Nadia Berg")
    async with client_of(application_on(memory_world)) as api:
        for given in (token, token, ADMIN_TOKENS[0], ADMIN_TOKENS[1], "wrong"):
            await api.get(f"{API}/admin/unread", headers={"X-Admin-Token": given})
        exposition = (await api.get("/metrics")).text

    found = values(exposition)
    counted = {
        key[1:]: value for key, value in found.items() if key[0].startswith("tickets_admin_")
    }
    assert counted == {(str(admin.id),): 2, ("team",): 2}
    assert "Nadia" not in exposition


async def test_a_client_that_disconnects_is_counted_as_499_and_no_longer_in_progress(
    memory_world: MemoryWorld,
) -> None:
    metrics, reached = Metrics(), asyncio.Event()

    class Slow:
        async def admin_unread(self) -> int:
            reached.set()
            await asyncio.Event().wait()
            return 0

    memory_world.views = Slow()  # type: ignore[assignment] # a part of the port
    async with client_of(application_on(memory_world, metrics=metrics)) as api:
        request = asyncio.create_task(api.get(f"{API}/admin/unread", headers=ADMIN))
        await reached.wait()
        during = values((await api.get("/metrics")).text)
        request.cancel()
        await asyncio.wait([request])
        after = values((await api.get("/metrics")).text)

    assert during["tickets_http_requests_in_progress",] == 2
    assert after["tickets_http_requests_in_progress",] == 1
    assert after["tickets_http_requests_total", "GET", f"{API}/admin/unread", "499"] == 1


async def test_a_scrape_reads_store_pool_listener_and_jobs(memory_world: MemoryWorld) -> None:
    metrics = Metrics(
        pool_usage=lambda: PoolUsage(size=5, idle=4, waiting=2),
        is_listening=lambda: True,
        store_health=Health(
            MemoryStoreFigures(
                unread_by_users=7,
                unread_by_admins=3,
                migrations_applied=2,
                migrations_due=1,
                verified_at=1000.5,
                findings_remaining=4,
                deliveries=[ChannelFigures("mail", 5, 61.5, 1)],
            )
        ),
    )
    metrics.record_job_run("a job", 3)
    metrics.record_job_run("a job", None)
    async with client_of(application_on(memory_world, metrics=metrics)) as api:
        found = values((await api.get("/metrics")).text)

    assert found["tickets_database_up",] == 1
    assert found["tickets_unread", "user"] == 7
    assert found["tickets_unread", "admin"] == 3
    assert found["tickets_migrations", "applied"] == 2
    assert found["tickets_migrations", "due"] == 1
    assert found["tickets_verification_last_run_timestamp_seconds",] == 1000.5
    assert found["tickets_verification_findings",] == 4
    assert found["tickets_deliveries_waiting", "mail"] == 5
    assert found["tickets_deliveries_oldest_seconds", "mail"] == 61.5
    assert found["tickets_deliveries_parked", "mail"] == 1
    assert found["tickets_pool_connections",] == 5
    assert found["tickets_pool_connections_idle",] == 4
    assert found["tickets_pool_waiting",] == 2
    assert found["tickets_listening",] == 1
    assert found["tickets_job_runs_total", "a job", "success"] == 1
    assert found["tickets_job_runs_total", "a job", "failure"] == 1
    assert found["tickets_job_items_total", "a job"] == 3
    assert found["tickets_job_last_success_timestamp_seconds", "a job"] > 0


@pytest.mark.parametrize("figures", [StoreUnavailable(), None], ids=["error", "no response"])
async def test_a_scrape_reports_a_store_that_is_down_within_the_timeout(
    memory_world: MemoryWorld, figures: StoreUnavailable | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickets.observability.store_metrics.STORE_TIMEOUT", STORE_TIMEOUT / 100)
    metrics = Metrics(store_health=Health(figures))

    async with client_of(application_on(memory_world, metrics=metrics)) as api:
        response = await api.get("/metrics")

    assert response.status_code == 200
    found = values(response.text)
    assert found["tickets_database_up",] == 0
    assert not any(name[0] == "tickets_unread" for name in found)


async def test_without_a_token_metrics_are_refused_through_a_proxy(
    memory_world: MemoryWorld,
) -> None:
    async with client_of(application_on(memory_world)) as api:
        for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
            response = await api.get("/metrics", headers={header: "203.0.113.7"})
            assert response.status_code == 403
            assert "TICKETS_METRICS_TOKEN" in response.json()["detail"]
        assert (await api.get("/metrics")).status_code == 200


async def test_with_a_token_only_its_holders_get_the_metrics(
    memory_world: MemoryWorld,
) -> None:
    async with client_of(application_on(memory_world, metrics_token="for-prometheus")) as api:

        async def status(*headers: tuple[str, str]) -> int:
            return (await api.get("/metrics", headers=list(headers))).status_code

        valid = ("Authorization", "Bearer for-prometheus")
        assert await status(valid) == 200
        assert await status(valid, ("X-Forwarded-For", "203.0.113.7")) == 200
        for invalid in ("", "Bearer", "Bearer for-prometheu", "for-prometheus", "Basic Zm9v"):
            assert await status(("Authorization", invalid)) == 401
        assert await status(valid, valid) == 401
        assert await status() == 401
        assert await status(("X-Admin-Token", ADMIN_TOKENS[0])) == 401
        challenge = (await api.get("/metrics")).headers["WWW-Authenticate"]
    assert challenge == 'Bearer realm="tickets-metrics"'


async def test_without_metrics_there_is_a_404(memory_world: MemoryWorld) -> None:
    async with client_of(application_on(memory_world, metrics=None)) as api:
        assert (await api.get("/metrics")).status_code == 404


@pytest.mark.parametrize("responses", [3, 2 * BATCH_SIZE + 1])
async def test_every_response_is_counted_within_a_second(responses: int) -> None:
    metrics = Metrics()
    async with metrics.publishing(None):
        for _ in range(responses):
            metrics.record_response("GET", "/a", 200, 0.004)
        metrics.record_response("BREW", "/a", 404, 0.004)

    def sample(name: str, **labels: str) -> float | None:
        return metrics._registry.get_sample_value(name, labels)  # noqa: SLF001 - before a scrape

    name = "tickets_http_requests_total"
    assert sample(name, method="GET", route="/a", status="200") == responses
    assert sample(name, method="OTHER", route="/a", status="404") == 1
    name = "tickets_http_request_duration_seconds_bucket"
    assert sample(name, method="GET", route="/a", le="0.005") == responses
    assert sample(name, method="GET", route="/a", le="0.0025") == 0


async def test_a_process_that_stops_leaves_its_last_gauges() -> None:
    usage = PoolUsage(size=5, idle=4, waiting=2)
    metrics = Metrics(pool_usage=lambda: usage)

    def sample() -> float | None:
        registry = metrics._registry  # noqa: SLF001 - before a scrape
        return registry.get_sample_value("tickets_pool_waiting")

    async with metrics.publishing(None):
        await asyncio.sleep(0)
        assert sample() == 2
        usage = PoolUsage(size=0, idle=0, waiting=0)

    assert sample() == 0


async def test_the_content_type_names_the_charset_once(memory_world: MemoryWorld) -> None:
    async with client_of(application_on(memory_world)) as api:
        content_type = (await api.get("/metrics")).headers["content-type"]

    assert content_type == CONTENT_TYPE_LATEST
    assert content_type.count("charset") == 1
