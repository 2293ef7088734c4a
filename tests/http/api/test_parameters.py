"""Path and query parameters: an invalid one is a 400 that names it, an unknown id a 404."""

from __future__ import annotations

import pytest

from tests.http.conftest import API, Api, Caller
from tests.http.problems import invalid_fields, problem


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("status=%00", "status"),
        ("status=OPEN", "status"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=ten", "limit"),
        ("limit=1e2", "limit"),
        ("limit=5.0", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=" + "1" * 30, "limit"),
        ("limit=007", "limit"),
        ("limit=0200", "limit"),
        ("limit=000000000000000000010000000", "limit"),
        ("limit=" + "0" * 19 + "1" + "0" * 30, "limit"),
        ("limit=" + "0" * 5000 + "7", "limit"),
        ("limit=%2B7", "limit"),
        ("limit=+7", "limit"),
        ("limit=7%20", "limit"),
        ("limit=7%0A", "limit"),
        ("limit=-7", "limit"),
        ("limit=1_0", "limit"),
        ("limit=0x7", "limit"),
        ("limit=%D9%A7", "limit"),
        ("limit=%EF%BC%97", "limit"),
        ("limit=%C2%B2", "limit"),
        ("limit=7%00", "limit"),
        ("limit=true", "limit"),
        ("limit=null", "limit"),
        ("limit=%227%22", "limit"),
        ("limit=7&limit=7", "limit"),
        ("limit=7&lim%69t=8", "limit"),
        ("limit=&limit=7", "limit"),
        ("status=open&status=closed", "status"),
        ("cursor=&cursor=", "cursor"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=%ED%A0%80", "cursor"),
        ("cursor=W10", "cursor"),
        ("cursor=eyJ1cGRhdGVkX2F0IjoiMjAyNi0wMS0wMVQwMDowMDowMCIsImlkIjo1fQ", "cursor"),
    ],
)
async def test_an_invalid_query_parameter_is_a_400_that_names_it(
    api: Api, user: Caller, query: str, field: str
) -> None:
    for caller, path in ((user, ""), (api.admin, "/admin/all")):
        assert invalid_fields(await caller.get(f"{path}?{query}")) == [field]


async def test_an_error_of_a_number_says_the_rule_and_nothing_of_the_interpreter(
    user: Caller,
) -> None:
    rule = "Limit must be a whole number from 1 to 200"
    for number in ("9" * 5000, "7.0", "%D9%A7", "0", "-1", "201"):
        (error,) = problem(await user.get(f"?limit={number}"), 400)["errors"]
        assert error["message"] == f"{rule}."
    for number in ("0" * 19 + "1" + "0" * 30, "07", "-07"):
        (error,) = problem(await user.get(f"?limit={number}"), 400)["errors"]
        assert error["message"] == f"{rule}, without zeros in front."
    for number, ending in (("7.0", "such as 7."), ("07", "such as 7, without zeros in front.")):
        (error,) = problem(await user.get(f"/{number}"), 400)["errors"]
        assert error["message"] == f"Ticket id must be a whole number {ending}"


async def test_an_error_of_a_cursor_names_where_cursors_come_from(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    for path, source in (
        ("?cursor=x", "Cursor must be the next_cursor of a page of this list;"),
        (f"/{ticket['id']}?before=x", "Before must be the messages_before of a ticket;"),
    ):
        (error,) = problem(await user.get(path), 400)["errors"]
        assert error["message"].startswith(source)


async def test_other_repeated_parameters_are_ignored_as_single_ones_are(
    user: Caller,
) -> None:
    assert (await user.get("?utm=1&utm=2&limit=200")).status_code == 200


async def test_repeated_parameters_of_a_ticket_are_a_400(api: Api, user: Caller) -> None:
    ticket = await api.ticket(user)
    for caller, side in ((user, ""), (api.admin, "/admin")):
        response = await caller.get(f"{side}/{ticket['id']}?peek=true&peek=false")
        assert invalid_fields(response) == ["peek"]


@pytest.mark.parametrize("path", ["/7?x=", "/admin/", "?cursor="])
async def test_an_address_of_more_than_8000_characters_is_a_414(
    api: Api, user: Caller, path: str
) -> None:
    longest = 8000 - len(f"{API}{path}") + path.count("?")

    assert (await user.get(path + "7" * longest)).status_code != 414
    response = await user.get(path + "7" * (longest + 1))

    problem(response, 414)
    assert response.headers["X-Request-ID"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert (await api.client.get("/" + "x" * 8000)).status_code == 414


async def test_credentials_come_before_repeated_parameters(api: Api) -> None:
    for path in ("?limit=1&limit=2", "/admin/all?limit=1&limit=2"):
        problem(await api.anonymous.get(path), 401)


async def test_an_unknown_category_filter_is_a_400(api: Api) -> None:
    assert invalid_fields(await api.admin.get("/admin/all?category=spam")) == ["category"]


async def test_a_cursor_of_one_list_is_not_valid_for_the_other(api: Api, user: Caller) -> None:
    await api.ticket(user)
    await api.ticket(user)
    mine = (await user.get("?limit=1")).json()["next_cursor"]
    theirs = (await api.admin.get("/admin/all?limit=1")).json()["next_cursor"]

    problem(await user.get(f"?cursor={theirs}"), 400)
    problem(await api.admin.get(f"/admin/all?cursor={mine}"), 400)


@pytest.mark.parametrize(
    "ticket_id",
    [
        "abc",
        "1.0",
        "1e3",
        "+1",
        "%31%00",
        "0x1",
        "٣",
        "1,2",
        "007",
        "00",
        "-0",
        "-07",
        "1_0",
        "%201",
        "1%20",
        "1%0A",
        "--1",
        "\uff11",
        "0" * 5000 + "1",
        "1;v=2",
    ],
)
async def test_a_ticket_id_that_is_not_a_whole_number_is_a_400(
    api: Api, user: Caller, ticket_id: str
) -> None:
    for caller, side in ((user, ""), (api.admin, "/admin")):
        assert invalid_fields(await caller.get(f"{side}/{ticket_id}")) == ["ticket_id"]


@pytest.mark.parametrize(
    "ticket_id",
    ["0", "-1", "999999", "2147483647", "2147483648", "9223372036854775808", "9" * 50, "9" * 5000],
)
async def test_an_unknown_ticket_id_of_any_size_is_a_404_on_every_route(
    api: Api, user: Caller, ticket_id: str
) -> None:
    message, status = {"message": "Hello?"}, {"status": "closed"}
    bodies = {
        problem(response, 404)["detail"]
        for response in (
            await user.get(f"/{ticket_id}"),
            await user.post(f"/{ticket_id}/reply", json=message),
            await api.admin.get(f"/admin/{ticket_id}"),
            await api.admin.post(f"/admin/{ticket_id}/reply", json=message),
            await api.admin.put(f"/admin/{ticket_id}/status", json=status),
        )
    }

    assert bodies == {"There is no such ticket."}
