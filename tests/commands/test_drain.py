"""`TICKETS_DRAIN`: after SIGTERM the service is not ready, and serves on until it stops."""

from __future__ import annotations

import signal

import httpx
import pytest

from tests.commands.conftest import Shell, free_port
from tests.http.conftest import ADMIN_TOKENS


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_service_that_is_stopped_serves_on_while_it_is_not_ready(
    shell: Shell, database_url: str, workers: str
) -> None:
    port = free_port()
    running = shell.start(
        *("serve", "--port", f"{port}", "--workers", workers),
        TICKETS_DATABASE_URL=database_url,
        TICKETS_ADMIN_TOKEN=ADMIN_TOKENS[0],
        TICKETS_DRAIN="20",
    )
    running.wait_for("Stop with Ctrl-C")
    root = f"http://127.0.0.1:{port}"
    kept_alive = httpx.Client(base_url=root, trust_env=False, timeout=60)
    with kept_alive:
        assert kept_alive.get("/health/ready").status_code == 200

        running.process.send_signal(signal.SIGTERM)
        # until the signal has arrived in the process that serves this connection
        while (response := kept_alive.get("/health/ready")).status_code == 200:
            assert "connection" not in response.headers
        assert response.status_code == 503
        assert response.headers["connection"] == "close"
        assert response.json()["detail"] == "This process is being stopped."
        admin = {"X-Admin-Token": ADMIN_TOKENS[0]}
        for path in ("/health/live", "/account", "/api/v1/tickets/admin/stats"):
            response = kept_alive.get(path, headers=admin)
            assert response.status_code == 200
            if workers == "1":
                assert response.headers["connection"] == "close"
    assert running.process.poll() is None
    if workers == "1":
        # a second signal ends it at once
        running.process.send_signal(signal.SIGTERM)
    assert running.end() == 0
    assert "Traceback" not in running.output
