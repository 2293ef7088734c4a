"""Conditional requests: `ETag` and 304 on lists and peeked details (DESK, first section)."""

from __future__ import annotations

import httpx
import pytest

from tests.http.conftest import ADMIN_TOKENS, Api, Caller

READS_ONLY = ["", "?status=open&limit=1", "/{id}?peek=true", "/{id}?before={cursor}"]


async def again(caller: Caller, path: str, tag: str) -> httpx.Response:
    return await caller.get(path, headers={"If-None-Match": tag})


async def path_of(api: Api, user: Caller, template: str, prefix: str = "") -> str:
    """Return the path of a request that changes nothing; the ticket in it is unread for both."""
    ticket = (await api.ticket(user))["id"]
    await api.admin.post(f"/admin/{ticket}/reply", json={"message": "Soon."})
    first = await user.get(f"/{ticket}?limit=1&peek=true")
    cursor = first.json()["ticket"]["messages_before"]
    return prefix + template.format(id=ticket, cursor=cursor)


@pytest.mark.parametrize("template", READS_ONLY)
@pytest.mark.parametrize("side", ["user", "admin"])
async def test_what_has_not_changed_is_a_304_without_a_body(
    api: Api, user: Caller, side: str, template: str
) -> None:
    caller, prefix = (user, "") if side == "user" else (api.admin, "/admin")
    if side == "admin" and not template.startswith("/"):
        template = "/all" + template
    path = await path_of(api, user, template, prefix)
    first = await caller.get(path)
    assert first.status_code == 200
    tag = first.headers["ETag"]

    second = await again(caller, path, tag)

    assert (second.status_code, second.content) == (304, b"")
    for response in (first, second):
        assert response.headers["ETag"] == tag
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert response.headers["Vary"] == "Authorization, X-Admin-Token, Cookie"


@pytest.mark.parametrize("given", ["W/{tag}", '"another", {tag}', "*"])
async def test_a_tag_is_found_among_several_and_compared_weakly(
    api: Api, user: Caller, given: str
) -> None:
    await api.ticket(user)
    tag = (await user.get()).headers["ETag"]

    assert (await again(user, "", given.format(tag=tag))).status_code == 304
    assert (await again(user, "", f'"another", {tag[:-2]}"')).status_code == 200


async def test_a_change_is_sent_in_full(api: Api, user: Caller) -> None:
    ticket = (await api.ticket(user))["id"]
    tags = {path: (await user.get(path)).headers["ETag"] for path in ("", f"/{ticket}?peek=true")}
    await api.admin.post(f"/admin/{ticket}/reply", json={"message": "Soon."})

    for path, tag in tags.items():
        response = await again(user, path, tag)
        assert response.status_code == 200
        assert response.headers["ETag"] != tag


async def test_opening_a_ticket_is_never_a_304(api: Api, user: Caller) -> None:
    """A flag is cleared only by a response that shows everything unread."""
    ticket = (await api.ticket(user))["id"]
    await api.admin.post(f"/admin/{ticket}/reply", json={"message": "Soon."})
    peeked = (await user.get(f"/{ticket}?peek=true")).headers["ETag"]

    opened = await again(user, f"/{ticket}", peeked)

    assert opened.status_code == 200
    assert "ETag" not in opened.headers
    assert opened.json()["ticket"]["user_unread"] is False


async def test_a_304_marks_nothing_read(api: Api, user: Caller) -> None:
    ticket = (await api.ticket(user))["id"]
    await api.admin.post(f"/admin/{ticket}/reply", json={"message": "Soon."})
    path = f"/{ticket}?peek=true"
    tag = (await user.get(path)).headers["ETag"]

    assert (await again(user, path, tag)).status_code == 304
    assert (await user.get("/unread")).json() == {"unread": 1}


async def test_the_tag_of_one_person_never_matches_for_another(api: Api, user: Caller) -> None:
    other = await api.user()
    tag = (await user.get()).headers["ETag"]

    response = await again(other, "", tag)

    assert response.content == (await user.get()).content  # both have no tickets
    assert response.status_code == 200


async def test_credentials_are_looked_at_first(api: Api, user: Caller) -> None:
    tag = (await user.get()).headers["ETag"]
    for caller in (api.anonymous, Caller(api.client, {"Authorization": "Bearer wrong"})):
        assert (await again(caller, "", tag)).status_code == 401
    assert (await again(caller, "", "*")).status_code == 401


async def test_holders_of_the_shared_token_are_one_caller(api: Api) -> None:
    colleague = Caller(api.client, {"X-Admin-Token": ADMIN_TOKENS[1]})
    tag = (await api.admin.get("/admin/all")).headers["ETag"]

    assert (await again(colleague, "/admin/all", tag)).status_code == 304
