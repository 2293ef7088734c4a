"""Fuzzing: generated requests never get a response that the OpenAPI document lacks.

Schemathesis derives them from the document. Numbers are written in every odd way besides: what a
document calls an integer is a text in an address, and there the rule is stricter.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.conftest import ADMIN_TOKENS, API, application_on
from tests.http.routes import API_ROUTES
from tests.http.serving import as_a_command, in_a_thread
from tests.world import MemoryWorld, PostgresWorld, World
from tickets.adapters.postgres.connection.database import Database
from tickets.domain.people import Actor

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")

EXAMPLES = os.environ.get("TICKETS_TEST_FUZZ", "")
"""Examples per operation in a long run, at random (`just fuzz`); else few, always the same."""

FEW = "24"


SEEDS = range(1, 9)
"""Seeds of the runs that follow links: which links a run follows is random."""

LINKED_PATHS = (r"tickets$|\{ticket_id\}", "saved-replies")
"""Paths whose operations are run together, since ids of one response are used by the others.

All operations in one run would need many more examples to follow each link. The lists of tickets
and the routes of a customer are in neither: Schemathesis would take a ticket's id for a user's.
"""


async def fill(world: World) -> str:
    """Open 20 tickets, most of them by one user; return that user's token.

    The examples of the document are valid here: they are about ticket 7 with three messages,
    customer 7, admin 2 and saved reply 7.
    """
    for _ in range(5):
        await world.user()
    mara, otto = await world.user(), await world.user()
    number_from(world, 1)
    nadia, _tom = await world.admin("Nadia Berg"), await world.admin("Tom Lind")
    team = Actor.named(nadia)
    number_from(world, 1)
    for number in range(1, 8):
        await world.saved_reply_service.add(f"Reply {number}", "We look into it.", by=team)
    number_from(world, 7)
    for number in range(20):
        await world.ticket(otto if number % 4 == 3 else mara)
    await world.reply(7, by=team)
    await world.reply(7, by=Actor.user(mara))
    return await world.token(mara)


def number_from(world: World, first: int) -> None:
    """Let the next id be this one in memory, where all kinds of rows share one sequence."""
    if isinstance(world, MemoryWorld):
        world.store.ids = itertools.count(first)


@contextlib.contextmanager
def in_memory(_url: str) -> Iterator[tuple[str, str]]:
    world = MemoryWorld()
    token = asyncio.run(fill(world))
    with in_a_thread(application_on(world)) as root:
        yield root, token


@contextlib.contextmanager
def on_postgres(url: str) -> Iterator[tuple[str, str]]:
    async def filled() -> str:
        async with Database(url).open() as database:
            return await fill(PostgresWorld(database))

    token = asyncio.run(filled())
    with as_a_command(url) as service:
        yield service.root, token


def schemathesis(root: str, token: str, folder: Path, *options: str) -> str:
    """Run Schemathesis against the service, in a temporary folder; return its output."""
    command = [str(SCHEMATHESIS), "--config-file", str(CONFIGURATION)]
    command += ["run", f"{root}/schema/openapi.json", "--url", root, "--no-color"]
    command += ["--continue-on-failure"]
    command += ["--request-timeout", "20", "--max-examples", EXAMPLES or FEW, *options]
    done = subprocess.run(
        command,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "USER_TOKEN": token,
            "ADMIN_TOKEN": ADMIN_TOKENS[0],
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if EXAMPLES:
        sys.stdout.write(done.stdout)
    return done.stdout


Served = Callable[[str], contextlib.AbstractContextManager[tuple[str, str]]]


@pytest.mark.parametrize("served", [in_memory, on_postgres])
def test_no_operation_gives_a_response_that_the_document_lacks(
    served: Served, database_url: str, tmp_path: Path
) -> None:
    deterministic = [] if EXAMPLES else ["--generation-deterministic"]

    with served(database_url) as (root, token):
        output = schemathesis(
            root, token, tmp_path, "--phases=examples,coverage,fuzzing", *deterministic
        )

    operations = re.search(r"Tested: +(\d+)", output)
    assert operations, output
    # the API and the health checks: two addresses, two methods each
    assert int(operations[1]) == len(API_ROUTES) + 4


@pytest.mark.parametrize("paths", LINKED_PATHS)
@pytest.mark.parametrize("served", [in_memory, on_postgres])
def test_every_id_of_a_response_can_be_used_in_the_next_request(
    served: Served, paths: str, database_url: str, tmp_path: Path
) -> None:
    followed: set[str] = set()
    links = 0
    with served(database_url) as (root, token):
        for seed in SEEDS:
            report = tmp_path / f"{seed}.ndjson"
            options = [f"--include-path-regex={paths}", f"--seed={seed}"]
            options += [f"--report-ndjson-path={report}", "--report=ndjson"]
            schemathesis(root, token, tmp_path, "--phases=stateful", *options)
            links = links_followed(report, followed)
            if len(followed) == links:
                break

    assert len(followed) == links > 0


def links_followed(report: Path, followed: set[str]) -> int:
    """Add the links that a run has followed; return how many there are."""
    links = 0
    for line in report.read_text(encoding="utf-8").splitlines():
        ((kind, event),) = json.loads(line).items()
        if kind == "PhaseStarted" and event["phase"]["name"] == "stateful":
            links = event["payload"]["transitions_selected"]
        if kind == "ScenarioFinished" and event["phase"] == "stateful":
            followed |= {
                case["transition"]["id"]
                for case in event.get("recorder", {}).get("cases", {}).values()
                if case["is_transition_applied"]
            }
    return links


DIGITS = st.one_of(
    st.integers(0, 10**6).map(str),
    st.sampled_from(["0", "1", "7", "199", "200", "201", "2147483647", "2147483648", "9" * 19]),
    st.integers(1, 6000).map(lambda length: "9" * length),
)

# other ways to write digits: Arabic-Indic, full-width, superscript, mathematical
SCRIPTS = st.sampled_from([0x660, 0xFF10, 0x1D7CE, 0x966]).map(
    lambda zero: str.maketrans({str(digit): chr(zero + digit) for digit in range(10)})
)


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Write a number in a plain or an odd way: signs, zeros, separators, bases, scripts, spaces."""
    digits = draw(DIGITS)
    written = draw(
        st.sampled_from(
            [
                digits,
                f"-{digits}",
                f"+{digits}",
                f"--{digits}",
                "0" * draw(st.integers(1, 5000)) + digits,
                f"{digits}.0",
                f"{digits}.",
                f".{digits}",
                f"{digits[:4]}e{draw(st.integers(-400, 400))}",
                f"0x{digits}",
                f"0b{digits}",
                f"{digits}n",
                f"{digits}_0",
                f"{digits},000",
                f"{digits}%",
                f'"{digits}"',
                f"{digits}/1",
                f"{digits}\x00",
                digits.translate(draw(SCRIPTS)),
                "",
                "-",
                "NaN",
                "Infinity",
                "true",
                "null",
                "\N{SUPERSCRIPT TWO}",
                "\N{ROMAN NUMERAL ONE}",
            ]
        )
    )
    space = draw(st.sampled_from(["", "", "", " ", "\t", "\n", "\N{NO-BREAK SPACE}", "\u2028"]))
    return draw(st.sampled_from([written, space + written, written + space]))


PAGE_SIZE = re.compile(r"[1-9][0-9]?|1[0-9]{2}|200")
TICKET_NUMBER = re.compile(r"0|-?[1-9][0-9]*")


class NumberFuzz:
    """Calls the API with numbers, and checks each response by the contract's rule."""

    def __init__(self, client: httpx.Client, token: str) -> None:
        self._client = client
        self._sides = {
            "": {"Authorization": f"Bearer {token}"},
            "/admin": {"X-Admin-Token": ADMIN_TOKENS[0]},
        }
        self._ticket_id = self.call("", "GET", "").json()["tickets"][0]["id"]

    def call(self, side: str, method: str, path: str, **options: Any) -> httpx.Response:
        headers = self._sides[side] | {"Content-Type": "application/json"}
        return self._client.request(method, f"{API}{side}{path}", headers=headers, **options)

    def refused(self, response: httpx.Response, field: str, rule: str) -> None:
        """Assert a 400 for one field, in our words and without what was sent."""
        assert response.status_code == 400, response.text
        assert response.json()["errors"] in (
            [{"field": field, "message": f"{rule}{ending}"}]
            for ending in (".", ", without zeros in front.")
        )

    def page_size(self, number: str) -> None:
        for side, path in (("", ""), ("/admin", "/all")):
            response = self.call(side, "GET", path, params={"limit": number})
            if PAGE_SIZE.fullmatch(number):
                assert response.status_code == 200, response.text
                assert len(response.json()["tickets"]) <= int(number)
            else:
                self.refused(response, "limit", "Limit must be a whole number from 1 to 200")

    def ticket_number(self, number: str) -> None:
        if not number or "/" in number:
            # another address
            return
        quoted = quote(number, safe="")
        for side, method, path, body in (
            ("", "GET", "", None),
            ("", "POST", "/read", {"seen": 0}),
            ("/admin", "GET", "?peek=true", None),
            ("/admin", "PUT", "/status", {"status": "open"}),
        ):
            response = self.call(side, method, f"/{quoted}{path}", json=body)
            if TICKET_NUMBER.fullmatch(number):
                assert response.status_code in {200, 400, 404}, response.text
                known = 1 <= len(number) <= 10 and 1 <= int(number) < 2**31
                assert known or response.status_code == 404, response.text
            else:
                self.refused(response, "ticket_id", "Ticket id must be a whole number such as 7")

    def number_of_the_desk(self, number: str) -> None:
        """Ids in paths and filters of the admins' routes, and in bodies."""
        if not number or "/" in number:
            return
        quoted = quote(number, safe="")
        reply = {"title": "A title", "text": "A text."}
        for method, path, field, body in (
            ("GET", f"/users/{quoted}", "user_id", None),
            ("PUT", f"/saved-replies/{quoted}", "saved_reply_id", reply),
            ("PUT", f"/{quoted}/priority", "ticket_id", {"priority": "high"}),
            ("POST", f"/{quoted}/handled", "ticket_id", {"seen": 0}),
        ):
            response = self.call("/admin", method, path, json=body)
            if TICKET_NUMBER.fullmatch(number):
                assert response.status_code in {200, 404, 409}, response.text
            else:
                label = f"{field.replace('_', ' ').capitalize()} must be a whole number such as 7"
                self.refused(response, field, label)
        for field in ("assignee", "user_id"):
            query = {field: number, "status": "open"}
            response = self.call("/admin", "GET", "/all", params=query)
            if re.fullmatch("[1-9][0-9]*", number):
                assert response.status_code == 200, response.text
            else:
                label = f"{field.replace('_', ' ').capitalize()} must be an id such as 7"
                self.refused(response, field, label)

    def seen(self, number: str) -> None:
        for side in self._sides:
            body = f'{{"seen": {number}}}'.encode()
            response = self.call(side, "POST", f"/{self._ticket_id}/read", content=body)
            assert response.status_code in {200, 400}, response.text
            try:
                sent = json.loads(number) if len(number) < 20 else None
            except ValueError:
                sent = None
            is_integer = type(sent) is int
            assert is_integer or response.status_code == 400, response.text
            if response.status_code == 400:
                assert response.json()["errors"][0]["field"] in {"seen", "body"}


@pytest.mark.parametrize("served", [in_memory, on_postgres])
def test_a_number_is_accepted_in_its_one_spelling_alone_wherever_a_client_sends_it(
    served: Served, database_url: str
) -> None:
    with served(database_url) as (root, token), httpx.Client(base_url=root, timeout=20) as client:
        fuzz = NumberFuzz(client, token)

        @settings(
            max_examples=int(EXAMPLES or FEW) * 10,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(numbers())
        def every_number(number: str) -> None:
            fuzz.page_size(number)
            fuzz.ticket_number(number)
            fuzz.seen(number)
            fuzz.number_of_the_desk(number)

        every_number()
