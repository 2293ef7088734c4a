"""Cookies: writes need our own origin, whatever else a request carries; links mark nothing read."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from tests.http.access.hosts import SAME_ORIGIN, HostApi, called_hooks, session_user
from tests.http.conftest import ADMIN_TOKENS, API, NEW_TICKET, application_on, client_of
from tests.http.problems import problem
from tests.world import World
from tickets import Admin, User
from tickets.adapters.http.access import host_sign_in
from tickets.adapters.http.edge.mounting import TRUSTED_PEER

COOKIE = {"Cookie": "session=user-mara"}
JSON = {"Content-Type": "application/json"}
ORIGIN = {"Origin": "http://tickets.test"}
FETCH = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def api(memory_world: World) -> HostApi:
    return HostApi(memory_world, "cookie")


REFUSED = {
    "neither header": JSON,
    "another origin": JSON | {"Origin": "https://evil.example"},
    "no origin": JSON | {"Origin": "null"},
    "same site": JSON | {"Sec-Fetch-Site": "same-site"},
    "cross site": JSON | {"Sec-Fetch-Site": "cross-site"},
    "none": JSON | {"Sec-Fetch-Site": "none"},
    "they disagree": JSON | FETCH | {"Origin": "https://evil.example"},
    "they disagree the other way": JSON | ORIGIN | {"Sec-Fetch-Site": "cross-site"},
    "same origin, but a form": FETCH | ORIGIN | {"Content-Type": "text/plain"},
    "no content type": FETCH | ORIGIN,
    "another scheme": JSON | {"Origin": "https://tickets.test"},
    "another port": JSON | {"Origin": "http://tickets.test:8080"},
    "a longer host": JSON | {"Origin": "http://tickets.test.evil.example"},
    "an odd origin": JSON | {"Origin": "http://[::1"},
    "a path": JSON | {"Origin": "http://tickets.test/"},
    "with a token beside it": JSON
    | {"Authorization": "x", "X-Admin-Token": ADMIN_TOKENS[0], "Origin": "https://evil.example"},
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_write_from_elsewhere_is_403_and_changes_nothing(api: HostApi, case: str) -> None:
    before = await api.world.snapshot()
    for method, path in (("POST", ""), ("POST", "/1/reply"), ("POST", "/1/close")):
        response = await api.client.request(
            method, API + path, content=b"{}", headers=COOKIE | REFUSED[case]
        )
        problem(response, 403)
    admin = {"Cookie": "session=admin-nadia"} | REFUSED[case]
    for method, path in (("PUT", "/admin/1/status"), ("DELETE", "/admin/saved-replies/1")):
        problem(await api.client.request(method, API + path, headers=admin), 403)
    assert set((await api.world.snapshot())["people"]) == set(before["people"])


@pytest.mark.parametrize(
    "headers",
    [FETCH, ORIGIN, FETCH | ORIGIN, {"Origin": "http://TICKETS.test:80"}],
    ids=["fetch metadata", "origin, on plain HTTP", "both", "default port"],
)
async def test_a_write_of_our_own_page_is_accepted(api: HostApi, headers: dict[str, str]) -> None:
    response = await api.client.post(API, json=NEW_TICKET, headers=COOKIE | JSON | headers)
    assert response.status_code == 201, response.text


async def test_who_is_not_signed_in_gets_a_401_before_a_403(api: HostApi) -> None:
    problem(await api.client.post(API, json=NEW_TICKET), 401)


async def posted(app: Any, **headers: str) -> int:
    async with client_of(app) as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await client.post(API, json=NEW_TICKET, headers=COOKIE | named)
    return response.status_code


async def test_behind_a_proxy_the_public_address_counts(memory_world: World) -> None:
    app = application_on(memory_world, **called_hooks(memory_world))

    async def proxied(scope: Any, receive: Any, send: Any) -> None:
        # what the server makes of X-Forwarded-Proto
        await app(scope | {TRUSTED_PEER: True, "scheme": "https"}, receive, send)

    public = {"Origin": "https://www.example.com", "X_Forwarded_Host": "www.example.com"}
    assert await posted(proxied, **public) == 201
    assert await posted(proxied, **public | {"X_Forwarded_Host": "www.example.com:443"}) == 201
    assert await posted(proxied, **public | {"X_Forwarded_Host": "evil.example"}) == 403
    # from a peer that is not trusted the header has no meaning
    assert await posted(app, **public) == 403


async def test_a_setting_lists_own_origins_where_the_proxy_rewrites_the_host(
    memory_world: World,
) -> None:
    hooks = called_hooks(memory_world, own_origins=("https://www.example.com",))
    app = application_on(memory_world, **hooks)
    assert await posted(app, Origin="https://www.example.com") == 201
    assert await posted(app, Origin="https://www.example.com:443") == 201
    assert await posted(app, Origin="https://example.com") == 403


async def test_a_link_marks_nothing_read_and_our_script_does(api: HostApi) -> None:
    opened = await api.client.post(API, json=NEW_TICKET, headers=COOKIE | JSON | SAME_ORIGIN)
    ticket = opened.json()["ticket"]["id"]
    answer = {"message": "We are on it, please wait."}
    replied = await api.admin.post(f"/admin/{ticket}/reply", answer)
    assert replied.status_code == 201, replied.text

    for headers in (
        {},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ):
        response = await api.client.get(f"{API}/{ticket}", headers=COOKIE | headers)
        assert response.status_code == 200
        assert (await api.world.flags(ticket))[0], headers
    await api.client.get(f"{API}/{ticket}", headers=COOKIE | SAME_ORIGIN)
    assert not (await api.world.flags(ticket))[0]


async def called(world: World, function: Any) -> Any:
    async with client_of(application_on(world, **called_hooks(world, user=function))) as client:
        return await client.get(f"{API}/unread", headers=COOKIE)


async def test_a_function_that_raises_or_hangs_is_a_503_with_one_log_line(
    memory_world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_sign_in, "CALLABLE_SECONDS", 0.01)

    async def raises(_scope: Any) -> Any:
        raise ConnectionError("session store is away")

    async def hangs(_scope: Any) -> Any:
        await asyncio.Event().wait()

    for function in (raises, hangs):
        caplog.clear()
        with caplog.at_level(logging.INFO, "tickets"):
            response = await called(memory_world, function)
        problem(response, 503)
        assert response.headers["Retry-After"]
        (line,) = [each for each in caplog.records if each.name == "tickets"]
        assert line.exc_info is None


@pytest.mark.parametrize("person", [False, {}, "mara", 7, b"mara"], ids=repr)
async def test_what_is_no_user_is_a_500_with_a_sentence_for_the_developer(
    memory_world: World, person: object, caplog: pytest.LogCaptureFixture
) -> None:
    response = await called(memory_world, lambda _scope: person)
    problem(response, 500)
    assert "must return a tickets.User or None" in caplog.text


async def test_a_user_with_a_wrong_id_is_a_500_and_an_admin_is_no_user(
    memory_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    problem(await called(memory_world, lambda _scope: User(7)), 500)  # type: ignore[arg-type] # so
    assert "the id must be a string" in caplog.text
    problem(await called(memory_world, lambda _scope: Admin("7", "Nadia")), 500)


async def test_a_page_whose_person_has_changed_sends_nothing_as_another(api: HostApi) -> None:
    mara = await api.client.get(f"{API}/unread", headers=COOKIE)
    person = {"Tickets-Person": mara.headers["Tickets-Person"]}
    otto = {"Cookie": "session=user-otto"}
    other = await api.client.get(f"{API}/unread", headers=otto)
    assert other.headers["Tickets-Person"] != person["Tickets-Person"]
    assert "mara" not in person["Tickets-Person"]

    before = await api.world.snapshot()
    for headers in (otto | person, {"Cookie": "session=user-mara2"} | person):
        response = await api.client.post(API, json=NEW_TICKET, headers=headers | JSON | SAME_ORIGIN)
        problem(response, 401)
        assert response.headers["Tickets-Person"] != person["Tickets-Person"]
    assert await api.world.snapshot() == before
    response = await api.client.post(
        API, json=NEW_TICKET, headers=COOKIE | person | JSON | SAME_ORIGIN
    )
    assert response.status_code == 201


async def test_the_pages_of_a_host_are_in_cookie_mode(memory_world: World) -> None:
    for uses_cookies in (True, False):
        async with client_of(application_on(memory_world, uses_cookies=uses_cookies)) as client:
            for page in ("account", "admin"):
                html = (await client.get(f"/{page}")).text
                assert (f'<ticket-{page} auth="cookie"' in html) == uses_cookies


async def test_the_function_gets_the_scope_of_the_host(memory_world: World) -> None:
    seen = []

    async def user(scope: Any) -> Any:
        seen.append(scope["session"])
        return await session_user(scope)

    app = application_on(memory_world, **called_hooks(memory_world, user=user))

    async def host(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"session": {"of": "the host"}}, receive, send)

    async with client_of(host) as client:
        assert (await client.get(f"{API}/unread", headers=COOKIE)).status_code == 200
    assert seen == [{"of": "the host"}]
