"""Named admins over HTTP: who is signed in, the team, and the name on their messages."""

from __future__ import annotations

from tests.http.conftest import ADMIN_TOKENS, API, Api, Caller
from tests.http.problems import problem


async def test_a_named_admin_is_told_apart_from_the_team(api: Api) -> None:
    nadia = await api.named_admin("Nadia Berg", "nadia@example.com")

    mine = await nadia.get("/admin/me")
    shared = await api.admin.get("/admin/me")

    assert (mine.status_code, mine.json()) == (
        200,
        {"id": nadia.user_id, "name": "Nadia Berg", "email": "nadia@example.com"},
    )
    assert (shared.status_code, shared.json()) == (
        200,
        {"id": None, "name": "Support team", "email": None},
    )


async def test_the_team_is_listed_with_what_each_has_to_do(api: Api) -> None:
    nadia = await api.named_admin("Nadia Berg", "nadia@example.com")

    for caller in (api.admin, nadia):
        assert (await caller.get("/admin/admins")).json() == {
            "admins": [
                {
                    "id": nadia.user_id,
                    "name": "Nadia Berg",
                    "email": "nadia@example.com",
                    "active": True,
                    "open": 0,
                }
            ]
        }


async def test_the_customer_sees_the_name_of_the_admin_who_answered(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    nadia = await api.named_admin("Nadia Berg", "nadia@example.com")

    reply = await nadia.post(f"/admin/{ticket['id']}/reply", json={"message": "On it."})
    await api.admin.post(f"/admin/{ticket['id']}/reply", json={"message": "All of us."})

    message = reply.json()["message"]
    assert (message["sender_name"], message["sender_id"]) == ("Nadia Berg", None)
    for caller, path in ((user, ""), (api.admin, "/admin"), (nadia, "/admin")):
        detail = await caller.get(f"{path}/{ticket['id']}")
        names = [message["sender_name"] for message in detail.json()["ticket"]["messages"]]
        assert names == [None, "Nadia Berg", None]
        assert "nadia@example.com" not in detail.text


async def test_a_replayed_reply_has_the_name_as_well(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    nadia = await api.named_admin("Nadia Berg")
    request = {"json": {"message": "On it."}, "headers": {"Idempotency-Key": "a-key"}}

    first = await nadia.post(f"/admin/{ticket['id']}/reply", **request)
    second = await nadia.post(f"/admin/{ticket['id']}/reply", **request)

    assert second.content == first.content
    assert second.json()["message"]["sender_name"] == "Nadia Berg"


async def test_two_admins_may_use_the_same_idempotency_key(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    callers = [await api.named_admin("Nadia"), await api.named_admin("Omar"), api.admin]

    for number, caller in enumerate(callers):
        response = await caller.post(
            f"/admin/{ticket['id']}/reply",
            json={"message": f"Number {number}."},
            headers={"Idempotency-Key": "a-key"},
        )
        assert response.status_code == 201

    detail = (await api.admin.get(f"/admin/{ticket['id']}")).json()["ticket"]
    assert detail["message_count"] == 4


async def test_a_disabled_admin_is_signed_out(api: Api) -> None:
    admin, token = await api.world.admin_with_token("Nadia")
    headers = {"X-Admin-Token": token}
    assert (await api.anonymous.get("/admin/me", headers=headers)).status_code == 200

    await api.world.disable(admin)

    for path in ("/admin/me", "/admin/all"):
        response = await api.anonymous.get(path, headers=headers)
        problem(response, 401)
        assert response.headers["WWW-Authenticate"].startswith("X-Admin-Token ")


async def test_the_token_of_a_named_admin_is_refused_where_it_is_repeated(api: Api) -> None:
    nadia = await api.named_admin()
    token = nadia.headers["X-Admin-Token"]
    for other in (token, ADMIN_TOKENS[0]):
        headers = [("X-Admin-Token", token), ("X-Admin-Token", other)]
        problem(await api.client.get(f"{API}/admin/me", headers=headers), 401)
