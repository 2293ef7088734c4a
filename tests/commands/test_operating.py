"""Logs, metrics and traces of the running service: JSON lines only, metrics of all processes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.commands.conftest import Running, Shell, free_port
from tests.commands.test_secrets import raw
from tests.commands.test_serve import start_service
from tests.http.exposition import values

PATIENCE = 30


def json_lines(running: Running) -> list[dict[str, Any]]:
    return [json.loads(line) for line in running.output.splitlines()]


def test_every_log_line_is_json_if_the_output_is_no_terminal(shell: Shell) -> None:
    running, api = start_service(shell, "--workers", "2", TICKETS_ACCESS_LOG="on")
    root = api.removesuffix("/api/v1/tickets")
    httpx.get(api, headers={"X-Request-ID": "the-one"})
    # a line of uvicorn's own
    assert raw(root, b"nonsense\r\n\r\n").startswith("HTTP/1.1 400")
    assert running.stop() == 0

    lines = json_lines(running)
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    start = next(line for line in lines if "serves at" in line["message"])
    assert root in start["message"]
    assert "embedded" in start["database"]
    assert "0003_token_ids" in start["schema"]
    (mine,) = [line for line in lines if line.get("request_id") == "the-one"]
    assert (mine["logger"], mine["status"], mine["route"]) == (
        "tickets.access",
        401,
        "/api/v1/tickets",
    )
    assert "uvicorn.error" in {line["logger"] for line in lines}


def test_a_response_to_data_that_is_not_http_has_the_security_headers(shell: Shell) -> None:
    _, api = start_service(shell)

    response = raw(api.removesuffix("/api/v1/tickets"), b"nonsense\r\n\r\n").lower()

    for header in (
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "content-security-policy: default-src 'none'",
        "cache-control: no-store",
        "x-request-id: ",
    ):
        assert header in response


def scrape(root: str) -> dict[tuple[str, ...], float]:
    return values(httpx.get(f"{root}/metrics", timeout=30).text)


def test_metrics_count_all_processes_and_survive_one_that_is_killed(shell: Shell) -> None:
    running, api = start_service(shell, "--workers", "2")
    root = api.removesuffix("/api/v1/tickets")
    live = ("tickets_http_requests_total", "GET", "/health/live", "200")
    for _ in range(40):
        httpx.get(f"{root}/health/live", timeout=30)
    workers = [
        child
        for child in psutil.Process(running.process.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    assert len(workers) == 2
    deadline = time.monotonic() + PATIENCE
    # a process publishes its metrics within a second
    while scrape(root)[live] < 40:
        assert time.monotonic() < deadline
    assert scrape(root)[live] == 40

    # requests in progress in both processes: their bodies never arrive
    token = shell.run("user", "add", "mara@example.com").stdout.strip()
    head = (
        "POST /api/v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: 10\r\n\r\n1"
    )
    held = [
        socket.create_connection(("127.0.0.1", int(root.rpartition(":")[2]))) for _ in range(24)
    ]
    for connection in held:
        connection.sendall(head.encode())
    deadline = time.monotonic() + PATIENCE
    # the scrape is a request in progress as well
    while scrape(root)["tickets_http_requests_in_progress",] < len(held) + 1:
        assert time.monotonic() < deadline
    workers[0].kill()
    workers[0].wait(PATIENCE)
    for connection in held:
        connection.close()

    deadline = time.monotonic() + PATIENCE
    while len(psutil.Process(running.process.pid).children()) < len(
        workers
    ) or not has_one_request_in_progress(root):
        assert time.monotonic() < deadline
    after = scrape(root)
    assert after[live] == 40
    assert after["tickets_http_requests_in_progress",] == 1
    assert after["tickets_database_up",] == 1
    assert after["tickets_pool_connections",] >= 1
    assert running.stop() == 0
    (replaced,) = [
        line for line in json_lines(running) if "another one replaces" in line["message"]
    ]
    assert replaced["level"] == "warning"
    assert f"server process {workers[0].pid} has died (signal 9)" in replaced["message"]
    temporary = Path("/tmp")  # noqa: S108 - where the command, without TMPDIR, creates its folder
    assert list(temporary.glob(f"tickets-metrics-*/*_{workers[1].pid}.db")) == []


def has_one_request_in_progress(root: str) -> bool:
    try:
        return scrape(root)["tickets_http_requests_in_progress",] == 1
    except httpx.TransportError:
        # the killed process had accepted the connection
        return False


def test_tracing_without_the_extra_is_an_error_of_one_line_that_names_it(shell: Shell) -> None:
    # not the installed command, as its environment has the extra
    program = (
        "import sys; sys.modules['opentelemetry.sdk'] = None; sys.argv[0] = 'tickets';"
        "from tickets.cli.main import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, "serve", "--port", f"{free_port()}"],
        env=shell.environment
        | {"TICKETS_ADMIN_TOKEN": "a-token-for-the-admins", "TICKETS_OPENTELEMETRY": "on"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: TICKETS_OPENTELEMETRY is on, but")
    assert "tickets[otel]" in line


def test_tracing_does_not_need_a_collector_that_responds(shell: Shell) -> None:
    running, api = start_service(
        shell,
        TICKETS_OPENTELEMETRY="on",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
    )

    assert httpx.get(api).status_code == 401
    assert running.stop() == 0
